"""TLS without a proxy: real handshakes, renewed certificates, and files that do not do."""

import asyncio
import os
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from filmroom.client import Client, ConnectionFailed, _link
from filmroom.errors import Unavailable
from filmroom.server import tls
from filmroom.server.tls import Files
from tests import inside, service
from tests.certificates import Authority
from tests.messages import sent, store
from tests.service import DEADLINE


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def trusted_by_clients(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As SSL_CERT_FILE says when a program starts: the client reads the certificates once."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    _link.tls.cache_clear()
    yield
    _link.tls.cache_clear()


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.path)


def name_of(port: int, context: ssl.SSLContext) -> str:
    """The name in the certificate that is shown."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        shown = secured.getpeercert()
        assert shown is not None
        subject: Any = shown["subject"]
        return str(dict(pair for [pair] in subject)["commonName"])


@pytest.mark.usefixtures("trusted_by_clients")
def test_a_service_with_workers_speaks_https_alone(tmp_path: Path, authority: Authority) -> None:
    issued, made = authority.issue("server"), sent()
    options = ("--tls-certificate", str(issued.certificate), "--tls-key", str(issued.key), "--workers", "2")
    with service.running(tmp_path / "data", *options) as running:
        assert running.url.startswith("https://127.0.0.1:")
        with httpx2.Client(base_url=running.url, verify=trusting(authority), timeout=DEADLINE) as http:
            answer = store(http, "/dicomweb", made.content)
            assert answer.status_code == 200
            assert f"{running.url}/dicomweb{made.study}" in answer.text
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        with pytest.raises(httpx2.TransportError):
            httpx2.get(running.url.replace("https", "http"))
        with Client(f"{running.url}/dicomweb") as client:
            assert len(list(client.search_studies())) == 1
        assert running.mishaps() == []


def test_a_client_that_does_not_know_the_authority_sends_nothing(tmp_path: Path, authority: Authority) -> None:
    issued = authority.issue("server")
    with (
        inside.serving(inside.settings(tmp_path), Files(issued.certificate, issued.key)) as port,
        Client(f"https://127.0.0.1:{port}/dicomweb", retries=0) as client,
        pytest.raises(ConnectionFailed, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        list(client.search_studies())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_are_refused(tmp_path: Path, authority: Authority, version: ssl.TLSVersion) -> None:
    issued, old = authority.issue("server"), trusting(authority)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = version, version
    with inside.serving(inside.settings(tmp_path), Files(issued.certificate, issued.key)) as port:
        assert name_of(port, trusting(authority)) == "server"
        with pytest.raises((ssl.SSLError, ConnectionError)):
            name_of(port, old)


def test_clients_show_a_certificate(tmp_path: Path, authority: Authority) -> None:
    issued, known, unknown = (
        authority.issue("server"),
        authority.issue("client"),
        Authority(tmp_path, "Other").issue("x"),
    )
    with inside.serving(inside.settings(tmp_path), Files(issued.certificate, issued.key, authority.path)) as port:
        for shown, served in ((known, True), (unknown, False), (None, False)):
            context = trusting(authority)
            if shown is not None:
                context.load_cert_chain(shown.certificate, shown.key)
            with httpx2.Client(verify=context, timeout=DEADLINE) as http:
                if served:
                    assert http.get(f"https://127.0.0.1:{port}/").status_code == 200
                else:
                    with pytest.raises(httpx2.TransportError):
                        http.get(f"https://127.0.0.1:{port}/")


def test_a_renewed_certificate_is_shown_without_a_restart(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LOOK_EVERY", 0.0)
    old, new = authority.issue("old"), authority.issue("new")
    with inside.serving(inside.settings(tmp_path), Files(old.certificate, old.key)) as port:
        assert name_of(port, trusting(authority)) == "old"
        old.key.write_text("half written")
        assert [name_of(port, trusting(authority)) for _ in range(2)] == ["old", "old"]
        shutil.copy(new.certificate, old.certificate)
        shutil.copy(new.key, old.key)
        os.utime(old.key, (1, 1))
        assert [name_of(port, trusting(authority)) for _ in range(2)][1] == "new"


def test_certificate_and_key_may_be_in_one_file(tmp_path: Path, authority: Authority) -> None:
    issued = authority.issue("server")
    both = tmp_path / "both.pem"
    both.write_bytes(issued.certificate.read_bytes() + issued.key.read_bytes())
    assert Files(both).context().minimum_version is ssl.TLSVersion.TLSv1_2


def test_what_is_wrong_with_the_files_is_said(tmp_path: Path, authority: Authority) -> None:
    one, other, locked = authority.issue("one"), authority.issue("other"), authority.issue("locked", b"secret")
    nothing, text = tmp_path / "nothing.pem", tmp_path / "text.pem"
    text.write_text("no certificate")
    for files, said in (
        (Files(nothing, one.key), f"tls_certificate {nothing} can't be read: No such file or directory."),
        (Files(one.certificate, nothing), f"tls_key {nothing} can't be read: No such file or directory."),
        (Files(text, one.key), f"tls_certificate {text} is no such thing in PEM form, or lacks its key"),
        (Files(one.certificate), f"tls_certificate {one.certificate} is no such thing in PEM form, or lacks its key"),
        (Files(one.certificate, other.key), "The key in tls_key is not that of the certificate in tls_certificate."),
        (Files(locked.certificate, locked.key), "The key of the certificate is encrypted"),
        (Files(one.certificate, one.key, text), f"tls_client_ca {text} is no such thing in PEM form"),
    ):
        with pytest.raises(Unavailable) as caught:
            files.context()
        assert str(caught.value).startswith(said)


def test_a_handshake_that_does_not_come_is_not_waited_for(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE", 0.2)
    issued = authority.issue("server")

    async def silent() -> bytes:
        context = Files(issued.certificate, issued.key).context()
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            try:
                return await asyncio.wait_for(reader.read(), DEADLINE)
            finally:
                writer.close()

    with asyncio.Runner(loop_factory=tls.Loop) as runner:
        assert runner.run(silent()) == b""

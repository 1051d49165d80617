"""An identity provider is believed by its certificate alone."""

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from filmroom.errors import Unavailable
from filmroom.server import identity
from tests.certificates import Authority


class _Documents(BaseHTTPRequestHandler):
    keys = "https"

    def do_GET(self) -> None:
        url = f"https://{self.headers['Host']}"
        said = json.dumps({"issuer": url, "jwks_uri": f"{self.keys}{url[5:]}/jwks", "keys": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def port(authority: Authority) -> Iterator[int]:
    """Of a provider, with a certificate for 127.0.0.1."""
    issued, context = authority.issue("provider"), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Documents) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_one_of_an_authority_that_is_trusted_is_asked(
    authority: Authority, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    issuer = f"https://127.0.0.1:{port}"
    assert identity.fetch(issuer) == []


def test_its_keys_do_not_come_by_http(authority: Authority, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    monkeypatch.setattr(_Documents, "keys", "http")
    with pytest.raises(Unavailable, match="has its keys at http://127"):
        identity.fetch(f"https://127.0.0.1:{port}")


def test_one_of_another_authority_is_not_believed(port: int) -> None:
    with pytest.raises(Unavailable):
        identity.fetch(f"https://127.0.0.1:{port}")


def test_one_with_another_name_is_not_believed(
    authority: Authority, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    with pytest.raises(Unavailable):
        identity.fetch(f"https://localhost:{port}")


def test_why_it_is_not_reached_is_told(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = f"https://127.0.0.1:{port}"
    with pytest.raises(Unavailable, match=r"certificate verify failed.*; SSL_CERT_FILE names the authorities"):
        identity.fetch(issuer)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "typo.pem"))
    with pytest.raises(Unavailable, match=r"there is no file .*typo\.pem, which SSL_CERT_FILE names"):
        identity.fetch(issuer)


def test_the_status_that_it_answered_is_told(authority: Authority, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    monkeypatch.setattr(_Documents, "do_GET", lambda self: self.send_error(404))
    with pytest.raises(Unavailable, match="can't be reached: it answered 404"):
        identity.fetch(f"https://127.0.0.1:{port}")

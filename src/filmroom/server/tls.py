"""TLS without a proxy: the certificate, its key, and the authorities of client certificates."""

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import structlog
import uvloop

from filmroom.errors import Unavailable

HANDSHAKE = 10.0  # seconds; until it is done a connection is none that is counted
LOOK_EVERY = 60.0  # seconds after which a handshake looks whether the certificate was renewed

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Files:
    """Files in PEM form. Without a `key` it is in that of the certificate."""

    certificate: Path
    key: Path | None = None
    client_ca: Path | None = None  # clients must show a certificate of one of these

    def context(self) -> ssl.SSLContext:
        """For the server. Unavailable, with words for a person, if the files don't do."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        self.load(context)
        if self.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            with _explained("tls_client_ca", self.client_ca):
                context.load_verify_locations(self.client_ca)
        return context

    def load(self, context: ssl.SSLContext) -> None:
        """Read certificate and key. A key that is encrypted is refused: nobody is there to be asked."""
        for name, path in (("tls_certificate", self.certificate), ("tls_key", self.key)):
            if path is not None:
                with _explained(name, path):
                    path.read_bytes()  # the errors of OpenSSL do not say of which file they are
        with _explained("tls_certificate", self.certificate):
            context.load_cert_chain(self.certificate, self.key, password=_encrypted)

    @property
    def changed(self) -> list[int]:
        """When the files were written last."""
        with suppress(OSError):
            return [os.stat(path).st_mtime_ns for path in (self.certificate, self.key) if path is not None]
        return []


def ends(certificate: Path) -> float:
    """When the certificate in a file is good no more. OSError or ValueError if there is none."""
    x509 = import_module("cryptography.x509")  # without TLS nobody needs it: it takes as long as ten of ours
    return float(x509.load_pem_x509_certificates(certificate.read_bytes())[0].not_valid_after_utc.timestamp())


class Loop(uvloop.Loop):
    """The event loop of a service with TLS: who does not finish the handshake in time is let go.

    uvicorn has no setting for that, and a minute is the default.
    """

    async def create_server(self, *args: Any, **options: Any) -> asyncio.AbstractServer:  # type: ignore[override]
        """The same as ever, but for the patience."""
        return await super().create_server(*args, **options, ssl_handshake_timeout=HANDSHAKE)


def factory(config: Any, default: Callable[[], ssl.SSLContext], files: Files) -> ssl.SSLContext:
    """What uvicorn calls in each of its processes. A renewed certificate is shown from the next connection on."""
    context = files.context()
    seen, due = files.changed, time.monotonic() + LOOK_EVERY

    def look(*_: object) -> None:
        """Called in each handshake, in the thread that makes all of them."""
        nonlocal seen, due
        if time.monotonic() < due:
            return
        due = time.monotonic() + LOOK_EVERY
        if (found := files.changed) != seen:
            seen = found
            try:
                files.load(context)
            except Unavailable as error:  # half written: the old one serves on
                log.error("certificate not renewed", reason=str(error))
            else:
                log.info("certificate renewed")

    context.sni_callback = look
    return context


def _encrypted() -> bytes:
    raise Unavailable("The key of the certificate is encrypted: store it without a passphrase (openssl pkey).")


@contextmanager
def _explained(setting: str, path: Path) -> Iterator[None]:
    """What is wrong with a file, in words."""
    said = f"{setting} {path}"
    try:
        yield
    except ssl.SSLError as error:  # which is an OSError, too
        if error.reason == "KEY_VALUES_MISMATCH":
            raise Unavailable("The key in tls_key is not that of the certificate in tls_certificate.") from error
        reason = f" ({error.reason.replace('_', ' ').lower()})" if error.reason else ""
        key = "; its key may be in another file, which tls_key names" if setting == "tls_certificate" else ""
        raise Unavailable(f"{said} is no such thing in PEM form, or lacks its key{reason}{key}.") from error
    except OSError as error:
        raise Unavailable(f"{said} can't be read: {error.strerror}.") from error

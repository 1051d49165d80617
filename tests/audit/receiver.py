"""A syslog receiver for the tests, in this process: TLS, TCP or UDP, with a certificate of its own authority."""

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import chain, repeat
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.service import wait_until


@dataclass(slots=True)
class Certificates:
    """Files: the authority's certificate, and that of a server or a client with its key."""

    ca: Path
    certificate: Path


def certificates(folder: Path, host: str = "127.0.0.1") -> Certificates:
    """A new authority, and one certificate by it."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name, name = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("Test CA", host))
    identifier = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    ca = _builder(ca_name, ca_name, ca_key)
    ca = ca.add_extension(x509.BasicConstraints(True, None), True).add_extension(usage, True)
    ca = ca.add_extension(identifier, False)
    one = _builder(name, ca_name, key)
    one = one.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), False)
    one = one.add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False)
    made = Certificates(folder / "ca.pem", folder / "one.pem")
    pem = serialization.Encoding.PEM
    made.ca.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    made.certificate.write_bytes(one.sign(ca_key, hashes.SHA256()).public_bytes(pem) + private)
    return made


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    return made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))


@dataclass(slots=True)
class Heard:
    """What has come: whole syslog messages, cut out by their octet counts, and who sent them."""

    port: int
    messages: list[bytes] = field(default_factory=list)
    clients: list[object] = field(default_factory=list)

    def wait_for(self, count: int) -> list[bytes]:
        wait_until(lambda: len(self.messages) >= count)
        return self.messages


@contextmanager
def receiving(
    port: int = 0, given: Certificates | None = None, *, clients: bool = False, most: Sequence[int] = ()
) -> Iterator[Heard]:
    """Listen until the block ends. `given`: with TLS; `clients` must show a certificate; `most` is after how many
    messages the first connections are closed."""
    listening = socket.create_server(("127.0.0.1", port))
    heard = Heard(listening.getsockname()[1])
    context = None
    if given is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=given.ca if clients else None)
        context.verify_mode = ssl.CERT_REQUIRED if clients else ssl.CERT_NONE
        context.load_cert_chain(given.certificate)
    thread = threading.Thread(target=_accept, args=(listening, context, heard, most), daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def _accept(listening: socket.socket, context: ssl.SSLContext | None, heard: Heard, most: Sequence[int]) -> None:
    for limit in chain(most, repeat(None)):
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with suppress(OSError):
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
                heard.clients.append(connection.getpeercert())
            _hear(connection, listening, heard, limit)
        connection.close()


def _hear(connection: socket.socket, listening: socket.socket, heard: Heard, most: int | None) -> None:
    """RFC 5425 §4.3: MSG-LEN SP SYSLOG-MSG."""
    connection.settimeout(0.2)  # to see whether the listening socket is still there
    buffer = b""
    taken = 0
    while most is None or taken < most:
        length, blank, rest = buffer.partition(b" ")
        if blank and len(rest) >= int(length):
            heard.messages.append(rest[: int(length)])
            buffer, taken = rest[int(length) :], taken + 1
            continue
        try:
            received = connection.recv(65536)
        except TimeoutError:
            if listening.fileno() < 0:
                return
            continue
        if not received:
            if isinstance(connection, ssl.SSLSocket):
                connection.unwrap()
            return
        buffer += received

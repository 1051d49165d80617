"""Audit messages to a syslog receiver: RFC 5424 messages over TLS (RFC 5425), TCP (RFC 6587) or UDP (RFC 5426).

As PS3.15 §A.6 and §A.7 have it. Syslog acknowledges nothing; what the receiver's machine has taken is known by what is
left in our send queue.
"""

import fcntl
import socket
import ssl
import struct
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

PORTS = {"tls": 6514, "tcp": 601, "udp": 514}
PATIENCE = 10.0  # seconds for connecting, and for what was sent to be taken
LARGEST_DATAGRAM = 60_000  # bytes
_FAREWELL = 0.5  # seconds
_LOOK = 0.005  # seconds between looks at the send queue

# Security messages (10), of severity notice or warning.
_NOTICE, _WARNING = 10 * 8 + 5, 10 * 8 + 4


def message(xml: str, when: str, machine: str, *, failed: bool) -> bytes:
    """One syslog message (RFC 5424 §6)."""
    head = f"<{_WARNING if failed else _NOTICE}>1 {when} {machine or '-'} filmroom - DICOM+RFC3881 - "
    return head.encode("ascii", "replace") + b"\xef\xbb\xbf" + b"<?xml version='1.0' encoding='UTF-8'?>" + xml.encode()


@dataclass(slots=True)
class Receiver:
    """A connection to the receiver, made when something is sent. Every failure is an OSError."""

    url: str
    ca: Path | None = None
    certificate: Path | None = None
    _socket: socket.socket | None = field(default=None, init=False)

    def send(self, messages: list[bytes]) -> None:
        """Send messages, one behind the other."""
        connection = self._connected()
        if urlsplit(self.url).scheme == "udp":
            for one in messages:
                connection.send(one[:LARGEST_DATAGRAM])
        else:
            connection.sendall(b"".join(b"%d %b" % (len(one), one) for one in messages))

    def settle(self, stopping: Callable[[float], bool]) -> None:
        """Wait until the other machine has taken all that was sent; who is `stopping` learns it by the farewell."""
        assert self._socket is not None
        deadline = time.monotonic() + PATIENCE
        while _unsent(self._socket):
            if time.monotonic() > deadline:
                raise TimeoutError("the receiver takes nothing")
            if stopping(_LOOK):
                return
        self._look_for_an_end()

    def check(self) -> None:
        """See whether the connection stands, if there is one."""
        if self._socket is not None:
            self._look_for_an_end()

    def close(self) -> bool:
        """End the connection. Whether the receiver has ended it, too, and so has read all that it was sent."""
        if self._socket is None:
            return False
        read = False
        self._socket.settimeout(_FAREWELL)
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.unwrap()  # RFC 5425 §4.4: it is told that nothing was cut off
                read = True
            elif self._socket.type == socket.SOCK_STREAM:
                self._socket.shutdown(socket.SHUT_WR)
                read = not self._socket.recv(1)
        except ssl.SSLEOFError:
            read = True  # an end without a farewell; had there been more to read, it were a reset
        except OSError:
            pass
        self._socket.close()
        self._socket = None
        return read

    def _connected(self) -> socket.socket:
        if self._socket is not None:
            self._look_for_an_end()
            return self._socket
        parts = urlsplit(self.url)
        where = (parts.hostname or "", parts.port or PORTS[parts.scheme])
        if parts.scheme == "udp":
            family, kind, protocol, _, address = socket.getaddrinfo(*where, type=socket.SOCK_DGRAM)[0]
            made = socket.socket(family, kind, protocol)
            made.connect(address)
        else:
            made = socket.create_connection(where, PATIENCE)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if parts.scheme == "tls":
            try:
                made = _context(self.ca, self.certificate).wrap_socket(made, server_hostname=parts.hostname)
            except BaseException:
                made.close()
                raise
        self._socket = made
        return made

    def _look_for_an_end(self) -> None:
        """A receiver never answers: what can be read is the end of the connection, or of no interest."""
        assert self._socket is not None
        if self._socket.type == socket.SOCK_DGRAM:
            return
        self._socket.setblocking(False)
        try:
            if not self._socket.recv(1024):
                raise ConnectionResetError("the receiver closed the connection")
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        finally:
            self._socket.settimeout(PATIENCE)


def _context(ca: Path | None, certificate: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


def _unsent(connection: socket.socket) -> int:
    """Bytes that the other machine has not acknowledged yet; where the system can't tell, none."""
    try:
        return int(struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0])
    except (OSError, AttributeError):
        return 0

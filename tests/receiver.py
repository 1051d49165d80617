"""A receiver of webhooks: a real HTTP server in a thread, which notes what it is sent and answers as it is told."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="


@dataclass(frozen=True, slots=True)
class Received:
    """A request."""

    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it tells."""
        told = orjson.loads(self.body)
        return told if isinstance(told, list) else [told]


@dataclass(slots=True)
class Receiver:
    """What came, and the answers that are laid ready: (status, headers); after those it says 204."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    replies: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    hangs: threading.Event = field(default_factory=threading.Event)  # answers nothing until `over`
    trickles: bool = False  # answers byte by byte, without end
    over: threading.Event = field(default_factory=threading.Event)
    came: threading.Condition = field(default_factory=threading.Condition)

    @property
    def sequences(self) -> list[int]:
        """Of the events that came, in their order."""
        return [event["data"]["sequenceNumber"] for one in self.received for event in one.events]

    def wait_for(self, count: int) -> None:
        """Until so many requests came."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.received) >= count, 60)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    receiver: Receiver

    def do_POST(self) -> None:
        receiver = self.receiver
        body = self.rfile.read(int(self.headers["content-length"]))
        with receiver.came:
            receiver.received.append(Received({name.lower(): value for name, value in self.headers.items()}, body))
            hanging = receiver.hangs.is_set()  # before anybody knows that it came
            receiver.came.notify_all()
        if hanging:
            receiver.over.wait()
            return
        if receiver.trickles:
            self._trickle()
            return
        status, headers = receiver.replies.pop(0) if receiver.replies else (204, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204 and "content-length" not in headers:
            self.send_header("content-length", "0")
        self.end_headers()

    def _trickle(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-long: ")
        while not self.receiver.over.wait(0.01):
            try:
                self.wfile.write(b"a")
            except OSError:
                return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextmanager
def receiving(certificate: str | None = None) -> Iterator[Receiver]:
    """A receiver on this machine, with TLS if it has a certificate."""
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": receiver}))
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if certificate is None else "https"
    receiver.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/events?key=hush"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def nobody() -> str:
    """A URL where nothing listens."""
    return "http://127.0.0.1:1/"

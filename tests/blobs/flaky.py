"""A proxy before an object store, which fails some requests by an error or a break, is slow, or refuses."""

import random
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2

FAULTS = ("500", "503", "reset before", "reset after")
_OF_ONE_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "server", "date"}


class Flaky(ThreadingHTTPServer):
    """Hands requests on to `target`; `share` of them fail, all wait until they are `let`, and some are `refused`."""

    daemon_threads = True

    def __init__(self, target: str, share: float, seed: int = 7) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.share, self.failed = target, share, 0
        self.refused: Mapping[str, str] = {}  # the code that is answered with 403, by method
        self.let, self.waiting = threading.Event(), 0
        self.let.set()
        self._random, self._lock = random.Random(seed), threading.Lock()
        self.client = httpx2.Client(timeout=30, trust_env=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fault(self) -> str:
        with self._lock:
            if self._random.random() >= self.share:
                return ""
            self.failed += 1
            return self._random.choice(FAULTS)

    def wait(self) -> None:
        with self._lock:
            self.waiting += 1
        self.let.wait()
        with self._lock:
            self.waiting -= 1

    def handle_error(self, request: object, client_address: object) -> None:
        """The client has gone; nothing to say."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Flaky

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.wait()
        if code := self.server.refused.get(self.command):
            self._answer(403, {}, f"<Error><Code>{code}</Code></Error>".encode())
            return
        fault = self.server.fault()
        if fault == "reset before":
            self._reset()
            return
        if fault.isdigit():
            self._answer(int(fault), {}, b"")
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_HOP}
        found = self.server.client.request(self.command, self.server.target + self.path, headers=headers, content=body)
        if fault == "reset after":
            self._reset()
            return
        self._answer(found.status_code, dict(found.headers), found.content, found.headers.get("content-length"))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 - names of http.server

    def _answer(self, status: int, headers: dict[str, str], body: bytes, length: str | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _OF_ONE_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def flaky(target: str, share: float) -> Iterator[Flaky]:
    with Flaky(target, share) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.let.set()
            server.shutdown()
            thread.join()
            server.client.close()

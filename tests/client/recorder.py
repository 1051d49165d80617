"""A small real HTTP server that notes each request and gives the answers that a test has laid ready."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import orjson

JSON = "application/dicom+json"
MOMENT = datetime(2024, 1, 1, 12, tzinfo=UTC)


@dataclass
class Reply:
    """An answer. A body that is not bytes is sent chunk by chunk; `breaks` cuts the connection instead of ending it."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    breaks: bool = False


@dataclass
class Noted:
    """A request as it came. `target` is raw, neither decoded nor normalised."""

    method: str
    target: str
    headers: Message
    body: bytes


def json(value: Any, status: int = 200, **headers: str) -> Reply:
    """An answer of DICOM JSON."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, {"Content-Type": JSON} | named, orjson.dumps(value))


def multipart(parts: Iterable[bytes], content_type: str = "application/dicom", **headers: str) -> Reply:
    """A multipart answer as PS3.18 §8.6 describes it."""
    body = b"".join(b"--b\r\nContent-Type: %s\r\n\r\n%s\r\n" % (content_type.encode(), part) for part in parts)
    kind = f'multipart/related; type="{content_type.partition(";")[0]}"; boundary=b'
    return Reply(200, {"Content-Type": kind} | headers, body + b"--b--\r\n")


def entry(sequence: int, *, after: int = 0, **more: Any) -> dict[str, Any]:
    """An entry of the change feed, so many seconds after the moment."""
    return {
        "sequence": sequence,
        "partitionName": "Microsoft.Default",
        "studyInstanceUid": "1.1",
        "seriesInstanceUid": "1.2",
        "sopInstanceUid": "1.3",
        "action": "Create",
        "timestamp": f"{MOMENT + timedelta(seconds=after):%Y-%m-%dT%H:%M:%S}.0000000+00:00",
        "state": "Current",
        **more,
    }


def parts_of(noted: Noted) -> list[bytes]:
    """The Instances in the body of a store."""
    boundary = noted.headers["content-type"].partition("boundary=")[2].encode()
    pieces = noted.body.split(b"--" + boundary)
    assert (pieces[0], pieces[-1]) == (b"", b"--\r\n")
    return [piece.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in pieces[1:-1]]


class Recorder:
    """The server. `replies` are given one after the other, the last one for ever."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[Noted] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """The base URL of the service, which has a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/pacs/v2"

    @property
    def last(self) -> Noted:
        """The last request."""
        return self.requests[-1]

    @property
    def targets(self) -> list[str]:
        """The targets of all requests, under the base URL."""
        return [request.target.removeprefix("/pacs/v2") for request in self.requests]

    def take(self, noted: Noted) -> Reply:
        """Note a request and choose its answer."""
        with self._lock:
            self.requests.append(noted)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def answer(self) -> None:
                body = b"".join(_body(self))
                if len(body) < int(self.headers.get("content-length", 0)):
                    self.close_connection = True  # the client went away
                else:
                    _send(self, recorder.take(Noted(self.command, self.path, self.headers, body)))

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


def _body(handler: BaseHTTPRequestHandler) -> Iterator[bytes]:
    if handler.headers.get("transfer-encoding") != "chunked":
        yield handler.rfile.read(int(handler.headers.get("content-length", 0)))
        return
    while size := int(handler.rfile.readline(), 16):
        yield handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    if reply.status == 0:  # no answer at all
        handler.close_connection = True
        return
    handler.send_response(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    if isinstance(reply.body, bytes):
        handler.send_header("Content-Length", str(len(reply.body) + (100 if reply.breaks else 0)))
        handler.end_headers()
        handler.wfile.write(reply.body)
    else:
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for chunk in reply.body:
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            handler.wfile.flush()
        if not reply.breaks:
            handler.wfile.write(b"0\r\n\r\n")
    handler.wfile.flush()
    handler.close_connection = reply.breaks

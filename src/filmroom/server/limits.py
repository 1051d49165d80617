"""How much of a request may come before its body does: httptools itself reads headers without end."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from filmroom.server.balance import Share
from filmroom.server.transport import Transport

HEAD = 64 * 1024  # bytes of the request line, the header fields and the trailer fields together
MESSAGE = f"The request line and the header fields exceed {HEAD} bytes together."
_BESIDE = 4  # bytes of a field that are neither name nor value: ": " and the end of its line


class HeadTooLarge(Exception):
    """Ends the parsing of a request. The parser wraps it."""


class BoundedProtocol(HttpToolsProtocol):
    """Answers 431 and closes the connection when a head is too large (RFC 6585 §5)."""

    def __init__(self, *args: Any, share: Share | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._share = share
        self._head = 0  # bytes of the line and of the fields that are complete
        self._unfinished = 0  # bytes received since the last of a body, or since a request began
        self._progress = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(Transport(transport, self.loop))  # type: ignore[arg-type]
        if self._share is not None:
            self._share.join()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._share is not None:
            self._share.leave()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """The request is handed on; if other workers have fewer connections, this is the last on its own."""
        super().on_headers_complete()
        if self._share is not None and self._share.exceeded:
            self.cycle.keep_alive = False

    def data_received(self, data: bytes) -> None:
        """Parse what came. A field that does not end is never given to `on_header`, so what came is counted, too."""
        self._progress = False
        super().data_received(data)
        self._unfinished = 0 if self._progress else self._unfinished + len(data)
        if self._unfinished > HEAD and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        self._head, self._progress = 0, True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + _BESIDE)
        super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._progress = True
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Called for every request that can't be parsed; those that were given up here have an answer of their own."""
        if self._head > HEAD:
            self._refuse()
        else:
            self.say("400 Bad Request", msg)

    def _count(self, length: int) -> None:
        self._head += length
        if self._head > HEAD:
            raise HeadTooLarge

    def _refuse(self) -> None:
        self.say("431 Request Header Fields Too Large", MESSAGE)

    def say(self, status: str, text: str, fields: str = "") -> None:
        """Answer without the application, and end the connection."""
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len(text)}\r\n"
            f"x-content-type-options: nosniff\r\ncache-control: no-store\r\n{fields}connection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + text.encode("ascii"))
        self.transport.close()

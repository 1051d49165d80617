"""Responses: representations on their way out, one by one or in multipart/related (PS3.18 §8.6, §10.4.1.2)."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from filmroom.protocol import multipart
from filmroom.server.work import Body
from filmroom.services.retrieve import Content

DICOM_JSON = "application/dicom+json"


def send(request: Request, body: Body, headers: Mapping[str, str], length: int | None = None) -> Response:
    """A body that is complete in its first batch goes at once; a longer one is streamed, and for HEAD left alone."""
    if body.whole:
        return Response(b"".join(body.first), headers=dict(headers))
    if request.method == "HEAD":
        body.close()
        response = StreamingResponse(_nothing(), headers=dict(headers))
    else:
        response = StreamingResponse(body.stream(request.state.work), headers=dict(headers))
    if length is not None:
        response.headers["Content-Length"] = str(length)
    return response


async def _nothing() -> AsyncIterator[bytes]:
    for _ in ():
        yield b""


def content_type(content: Content) -> str:
    """The media type and the Transfer Syntax in which the content really is; JavaScript clients need it unquoted."""
    if content.transfer_syntax is None:
        return content.media_type
    return f"{content.media_type}; transfer-syntax={content.transfer_syntax}"


class Multipart:
    """Contents in one multipart/related message: its Content-Type, its length if known, its bytes."""

    def __init__(self, contents: Sequence[Content], root: str | None) -> None:
        """`root` is put before each Content-Location; None leaves out that and the type parameter."""
        self._boundary = multipart.new_boundary()
        self._contents = contents
        self._root = root
        kind = f' type="{contents[0].media_type}";' if root is not None else ""
        self.content_type = f"multipart/related;{kind} boundary={self._boundary}"

    @property
    def length(self) -> int | None:
        """The bytes of the whole message, if every part knows its own."""
        lengths = [one.length for one in self._contents]
        known = [length for length in lengths if length is not None]
        if len(known) < len(lengths):
            return None
        framing = sum(len(self._head(one)) + len(multipart.part_tail()) for one in self._contents)
        return sum(known) + framing + len(multipart.closing(self._boundary))

    def chunks(self) -> Iterator[bytes]:
        """The message, each content made ready when its turn comes: only then its head can tell what it is."""
        for content in self._contents:
            ready = content.ready()
            yield self._head(ready)
            yield from ready.chunks
            yield multipart.part_tail()
        yield multipart.closing(self._boundary)

    def _head(self, content: Content) -> bytes:
        return multipart.part_head(self._boundary, _part_headers(content, self._root))


def _part_headers(content: Content, root: str | None) -> dict[str, str]:
    headers = {"Content-Type": content_type(content)}
    if root is not None:
        headers["Content-Location"] = root + content.location
    return headers


def json_array(texts: Iterator[bytes]) -> Iterator[bytes]:
    """JSON objects as one array, without parsing any."""
    first = next(texts, None)
    if first is None:
        yield b"[]"
        return
    yield b"[" + first
    for text in texts:
        yield b"," + text
    yield b"]"

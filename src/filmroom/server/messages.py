"""The content of responses: one representation or several, whole or in ranges (PS3.18 §8.6, RFC 9110 §14)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from filmroom.protocol import byte_ranges, multipart
from filmroom.services.content import Content


def content_type(content: Content) -> str:
    """The media type and the Transfer Syntax in which the content really is; JavaScript clients need it unquoted."""
    if content.transfer_syntax is None:
        return content.media_type
    return f"{content.media_type}; transfer-syntax={content.transfer_syntax}"


class Multipart:
    """Contents in one multipart/related message: its Content-Type, its length if known, its bytes."""

    def __init__(
        self,
        contents: Sequence[Content] | Iterator[Content],
        root: str | None,
        byte_range: tuple[int, int] | None = None,
    ) -> None:
        """`root` is put before each Content-Location; None leaves out that and the type parameter.

        With a range the message holds that much of its only content. Of an iterator the length is not known.
        """
        self._boundary = multipart.new_boundary()
        self._contents = contents
        self._root = root
        self._range = byte_range
        if isinstance(contents, Sequence):
            first: Content | None = contents[0]
        elif (first := next(contents, None)) is not None:  # there may be nothing to send, and so no type
            self._contents = chain([first], contents)
        kind = f' type="{first.media_type.partition(";")[0]}";' if root is not None and first is not None else ""
        self.content_type = f"multipart/related;{kind} boundary={self._boundary}"

    @property
    def length(self) -> int | None:
        """The bytes of the whole message, if every part knows its own."""
        if not isinstance(self._contents, Sequence):
            return None
        lengths = [one.length for one in self._contents]
        known = [length for length in lengths if length is not None]
        if len(known) < len(lengths):
            return None
        framing = sum(len(self._head(one)) + len(multipart.part_tail()) for one in self._contents)
        sizes = sum(known) if self._range is None else self._range[1]
        return sizes + framing + len(multipart.closing(self._boundary))

    def chunks(self) -> Iterator[bytes]:
        """The message, each content made ready when its turn comes: only then its head can tell what it is."""
        for content in self._contents:
            ready = content.ready()
            yield self._head(ready)
            yield from ready.chunks if self._range is None or ready.read is None else ready.read(*self._range)
            yield multipart.part_tail()
        yield multipart.closing(self._boundary)

    def _head(self, content: Content) -> bytes:
        headers = {"Content-Type": content_type(content)}
        if self._root is not None:
            headers["Content-Location"] = self._root + content.location
        if self._range is not None and content.length is not None:
            headers["Content-Range"] = byte_ranges.content_range(*self._range, content.length)
        return multipart.part_head(self._boundary, headers)


class Ranges:
    """Several ranges of one content in a multipart/byteranges message (RFC 9110 §14.6)."""

    def __init__(self, content: Content, ranges: Sequence[tuple[int, int]]) -> None:
        self._boundary = multipart.new_boundary()
        self._content = content
        self._ranges = ranges
        self.content_type = f"multipart/byteranges; boundary={self._boundary}"

    @property
    def length(self) -> int:
        parts = sum(len(self._head(*one)) + one[1] + len(multipart.part_tail()) for one in self._ranges)
        return parts + len(multipart.closing(self._boundary))

    def chunks(self) -> Iterator[bytes]:
        assert self._content.read is not None
        for offset, size in self._ranges:
            yield self._head(offset, size)
            yield from self._content.read(offset, size)
            yield multipart.part_tail()
        yield multipart.closing(self._boundary)

    def _head(self, offset: int, size: int) -> bytes:
        assert self._content.length is not None
        place = byte_ranges.content_range(offset, size, self._content.length)
        return multipart.part_head(
            self._boundary, {"Content-Type": content_type(self._content), "Content-Range": place}
        )


def xml_parts(
    documents: Iterable[tuple[str | None, Iterator[bytes]]], boundary: str, media_type: str
) -> Iterator[bytes]:
    """XML documents, each with its Content-Location if it has one, as the parts of a message."""
    for location, document in documents:
        described = {} if location is None else {"Content-Location": location}
        yield multipart.part_head(boundary, {"Content-Type": media_type} | described)
        yield b"".join(document)
        yield multipart.part_tail()
    yield multipart.closing(boundary)


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

"""Multipart bodies (PS3.18 §8.6, RFC 2046 §5.1): a decoder without I/O, and what stands between the parts."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from filmroom.errors import BadRequest, TooLarge, UnsupportedMediaType
from filmroom.protocol import media_types

LONGEST_HEADERS = 16 * 1024
MOST_PARTS = 100_000

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")  # RFC 2046 §5.1.1
# What stands after a boundary: "--" ends the body, the end of the line begins a part (blanks before it are a
# gateway's). Anything else is content.
_LINE_REST = re.compile(rb"(?P<last>--)|[ \t]{0,64}\r?\n")
_LINE_REST_BEGUN = re.compile(rb"-|[ \t]{0,64}\r?")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_EMPTY_LINE = re.compile(rb"\r?\n")
_LINES = re.compile(r"\r?\n")
_FOLDED = re.compile(r"\r?\n[ \t]+")  # RFC 5322 §2.2.3
_CARRIAGE_RETURN = 13
_BROKEN = "There was an error reading the multipart request."


@dataclass(frozen=True, slots=True)
class Headers:
    """A part begins. Names are in lower case."""

    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Data:
    """Some of the content of the part: never empty, and mostly a slice of what was fed."""

    content: memoryview


@dataclass(frozen=True, slots=True)
class End:
    """The part is whole."""


Event = Headers | Data | End


def boundary_of(content_type: str) -> str:
    """The boundary that a Content-Type of multipart names."""
    media_type = media_types.parse(content_type)
    boundary = media_type.parameters.get("boundary", "")
    if not media_type.type.startswith("multipart/") or not _BOUNDARY.fullmatch(boundary):
        raise UnsupportedMediaType(f"The content type '{content_type}' is either not multipart or is missing boundary.")
    return boundary


def new_boundary() -> str:
    """A boundary that needs no quotes and does not occur in what it divides."""
    return str(uuid.uuid4())


def part_head(boundary: str, headers: Mapping[str, str]) -> bytes:
    """What stands before the content of a part. cornerstone looks for `Content-Type:` in just this case."""
    lines = [f"--{boundary}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def part_tail() -> bytes:
    """What stands after the content of a part."""
    return b"\r\n"


def closing(boundary: str) -> bytes:
    """The end of the body, after the tail of the last part."""
    return f"--{boundary}--\r\n".encode("latin-1")


class _State(Enum):
    PREAMBLE = auto()
    HEADERS = auto()
    CONTENT = auto()
    EPILOGUE = auto()


class Decoder:
    """Cuts a multipart body into parts while it arrives; how it was cut into chunks makes no difference.

    Tolerated beside what RFC 2046 says: lines that end in LF alone, no end of line after the last boundary.
    Only what may be part of a boundary or of headers is held back and copied.
    """

    def __init__(self, boundary: str, most_parts: int = MOST_PARTS) -> None:
        self._delimiter = b"\n--" + boundary.encode("latin-1")
        self._held = b"\n"  # so that a boundary at the very beginning is found like any other
        self._state = _State.PREAMBLE
        self._parts_left = most_parts

    def feed(self, data: bytes | bytearray | memoryview) -> list[Event]:
        """What the next bytes of the body bring. Without held bytes this does not copy `bytes`."""
        chunk = self._held + data
        events: list[Event] = []
        position, complete = 0, True
        while complete and self._state is not _State.EPILOGUE:
            take = self._take_headers if self._state is _State.HEADERS else self._take_content
            position, complete = take(chunk, position, events)
        self._held = b"" if self._state is _State.EPILOGUE else chunk[position:]
        return events

    def close(self) -> None:
        """The body is over: raises if its last boundary has not come."""
        if self._state is not _State.EPILOGUE:
            raise BadRequest(_BROKEN)

    def _take_content(self, chunk: bytes, position: int, events: list[Event]) -> tuple[int, bool]:
        """Takes the content (or the preamble, which means nothing) up to the next boundary, and its line."""
        index, line = self._find_boundary(chunk, position)
        end = index - 1 if index > position and chunk[index - 1] == _CARRIAGE_RETURN else index
        if self._state is _State.CONTENT:
            if end > position:
                events.append(Data(memoryview(chunk)[position:end]))
            if line is not None:
                events.append(End())
        if line is None:
            return end, False
        self._state = _State.EPILOGUE if line["last"] else _State.HEADERS
        return line.end(), True

    def _find_boundary(self, chunk: bytes, start: int) -> tuple[int, re.Match[bytes] | None]:
        """Where a boundary begins, and the rest of its line; None if that, or all of it, is yet to come."""
        while (index := chunk.find(self._delimiter, start)) >= 0:
            after = index + len(self._delimiter)
            if line := _LINE_REST.match(chunk, after):
                return index, line
            if _LINE_REST_BEGUN.fullmatch(chunk, after):
                return index, None
            start = after  # the delimiter is the beginning of a longer word
        index = chunk.rfind(b"\n", max(start, len(chunk) - len(self._delimiter)))
        if index >= 0 and self._delimiter.startswith(chunk[index:]):
            return index, None
        return len(chunk), None

    def _take_headers(self, chunk: bytes, position: int, events: list[Event]) -> tuple[int, bool]:
        blank = _EMPTY_LINE.match(chunk, position) or _BLANK_LINE.search(
            chunk, position, position + LONGEST_HEADERS + 4
        )
        if blank is None:
            if len(chunk) - position > LONGEST_HEADERS:
                raise BadRequest(f"The headers of a part are longer than {LONGEST_HEADERS} bytes.")
            return position, False
        if self._parts_left == 0:
            raise TooLarge("The request has too many parts; send them in several requests.")
        self._parts_left -= 1
        events.append(Headers(_fields(chunk[position : blank.start()])))
        self._state = _State.CONTENT
        return blank.end(), True


def _fields(block: bytes) -> dict[str, str]:
    text = _FOLDED.sub(" ", block.decode("latin-1"))
    fields: dict[str, str] = {}
    for line in _LINES.split(text) if text else ():
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest(_BROKEN)
        fields.setdefault(name.strip().lower(), value.strip())
    return fields

"""Specific Character Set (PS3.3 §C.12.1.1.2, PS3.5 §6.1): from the bytes of a text value to its characters, and back.

The tables of character sets and escape sequences are pydicom's. Its decoding functions are not used, because they
warn about every value that does not fit; here such bytes become U+FFFD and nothing else happens.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

from pydicom.charset import (
    CODES_TO_ENCODINGS,
    STAND_ALONE_ENCODINGS,
    convert_encodings,
    encode_string,
    python_encoding,
)

Bytes = bytes | bytearray | memoryview

# Without Specific Character Set the repertoire is ASCII; whoever wrote other bytes most likely meant Latin-1.
DEFAULT = "latin-1"
PLAIN = (DEFAULT,)

MAX_ESCAPES = 10_000  # of one value, against input that is built to do harm; the last of them is in force to the end

_ESCAPE = 0x1B
# Python decodes their escape sequences itself.
_STATEFUL = frozenset({"iso2022_jp", "iso2022_jp_2"})
# After one of these the first character set is active again (PS3.5 §6.1.2.5.3).
_RESET = re.compile(rb"[\t\n\f\r]")


def _plain(term: str) -> str:
    """A Defined Term without what people get wrong: "ISO-IR 100", "ISO 2022-IR-100", "iso_ir 100"."""
    return re.sub("[^A-Z0-9]", "", term.upper())


def _codec(name: str) -> str:
    return DEFAULT if name == "iso8859" else name


_CODECS = {_plain(term): _codec(name) for term, name in python_encoding.items()} | {"UTF8": "utf_8"}
_ESCAPES = {bytes(code): _codec(name) for code, name in CODES_TO_ENCODINGS.items()}
_STAND_ALONE = frozenset(map(_plain, STAND_ALONE_ENCODINGS))


@lru_cache(maxsize=256)
def codecs(value: str) -> tuple[str, ...]:
    """The Python codecs of a value of Specific Character Set (0008,0005), terms divided by backslashes.

    Unknown terms count as the default. What does not allow code extensions has no others beside it.
    """
    terms = [_plain(term) for term in value.split("\\")]
    if terms[0] in _STAND_ALONE:
        return (_CODECS[terms[0]],)
    return tuple(_CODECS.get(term, DEFAULT) for term in terms if term not in _STAND_ALONE)


def decode(raw: Bytes, codecs: tuple[str, ...]) -> str:
    """The characters of a text value, delimiters included."""
    if _ESCAPE not in raw:
        return _decode(raw, codecs[0])
    return "".join(_pieces(bytes(raw), codecs))


def _pieces(raw: bytes, codecs: tuple[str, ...]) -> Iterator[str]:
    """What is before, between and after the escape sequences of `codecs`; others are text like any."""
    position = 0
    for number, match in enumerate(_known_escapes(codecs).finditer(raw), 1):
        start = match.start()
        if start > position:
            yield _decode(raw[position:start], codecs[0])
        # Any escape sequence ends what one of them began.
        position = raw.find(b"\x1b", match.end()) if number < MAX_ESCAPES else -1
        if position < 0:
            position = len(raw)
        yield from _escaped(raw[start:position], len(match[0]), _ESCAPES[match[0]], codecs[0])
        if number == MAX_ESCAPES:
            return
    if position < len(raw):
        yield _decode(raw[position:], codecs[0])


@lru_cache(maxsize=256)
def _known_escapes(codecs: tuple[str, ...]) -> re.Pattern[bytes]:
    known = [re.escape(code) for code, codec in _ESCAPES.items() if codec in codecs or codec == DEFAULT]
    return re.compile(b"|".join(known))


def _escaped(piece: bytes, size: int, codec: str, first: str) -> Iterator[str]:
    """Decode a piece that begins with an escape sequence of `size` bytes."""
    if codec in _STATEFUL:
        yield _decode(piece, codec)
        return
    reset = _RESET.search(piece)
    end = reset.start() if reset else len(piece)
    yield _decode(piece[size:end], codec)
    yield _decode(piece[end:], first)


def _decode(raw: Bytes, codec: str) -> str:
    return str(raw, codec, "replace")


def encode(text: str, declared: str) -> bytes | None:
    """The bytes of a text value, with the delimiters of the VR, under that value of Specific Character Set.

    None if it can't be said, or what reads it back would find another text.
    """
    if text.isascii():
        return text.encode("ascii")
    known = codecs(declared)
    if known[0] == DEFAULT and len(known) == 1:
        return None  # that is ASCII
    with suppress(ValueError, LookupError):  # what was declared may be no name of anything, not even text
        raw = text.encode(known[0]) if len(known) == 1 else _extended(text, declared)
        if decode(raw, known) == text:
            return raw
    return None


def _extended(text: str, declared: str) -> bytes:
    """With code extensions (PS3.5 §6.1.2.5): after each delimiter the first character set is active again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it could not encode is found by reading it back
        encodings = convert_encodings(declared.split("\\"))
        pieces = re.split(r"([\\^=\r\n\f\t])", text)
        return b"".join(encode_string(piece, encodings) for piece in pieces)

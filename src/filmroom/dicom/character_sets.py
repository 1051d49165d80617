"""Specific Character Set (PS3.3 §C.12.1.1.2, PS3.5 §6.1): from the bytes of a text value to its characters.

The tables of character sets and escape sequences are pydicom's. Its decoding functions are not used, because they
warn about every value that does not fit; here such bytes become U+FFFD and nothing else happens.
"""

import re
from functools import lru_cache

from pydicom.charset import CODES_TO_ENCODINGS, STAND_ALONE_ENCODINGS, python_encoding

Bytes = bytes | bytearray | memoryview

# Without Specific Character Set the repertoire is ASCII; whoever wrote other bytes most likely meant Latin-1.
DEFAULT = "latin-1"
PLAIN = (DEFAULT,)

_ESCAPE = 0x1B
_PIECES = re.compile(rb"\x1b?[^\x1b]*")
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
    return "".join(_decode_piece(piece, codecs) for piece in _PIECES.findall(raw))


def _decode_piece(piece: bytes, codecs: tuple[str, ...]) -> str:
    """Decode what follows one escape sequence, up to the next."""
    if piece[:1] != b"\x1b":
        return _decode(piece, codecs[0])
    size = 4 if piece[1:3] in (b"$(", b"$)") else 3
    codec = _ESCAPES.get(bytes(piece[:size]), "")
    if codec not in codecs and codec != DEFAULT:
        return _decode(piece, codecs[0])
    if codec in _STATEFUL:
        return _decode(piece, codec)
    reset = _RESET.search(piece)
    end = reset.start() if reset else len(piece)
    return _decode(piece[size:end], codec) + _decode(piece[end:], codecs[0])


def _decode(raw: Bytes, codec: str) -> str:
    return str(raw, codec, "replace")

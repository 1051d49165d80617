"""What a JPEG 2000 codestream says of its size (ISO/IEC 15444-1 §A.5.1), read before anything is decoded."""

from struct import Struct
from typing import NamedTuple

_SIGNATURE = b"\0\0\0\x0cjP  "
_CODESTREAM_BOX = b"jp2c"
_START = b"\xff\x4f\xff\x51"  # SOC, and SIZ which must follow

# After SOC: SIZ, its length, Rsiz; Xsiz, Ysiz, XOsiz, YOsiz; of tiles the same four; Csiz; Ssiz of the first component.
_SIZ = Struct(">4s4x4I16xHB")


class Size(NamedTuple):
    """Of the image area, and the bits of a sample of its first component."""

    rows: int
    columns: int
    samples: int
    precision: int


def codestream(data: bytes) -> bytes:
    """The codestream without the JP2 file around it that should not be there (PS3.5 §A.4.4). Empty if there is none."""
    if not data.startswith(_SIGNATURE):
        return data
    position = 0
    while len(data) - position >= 8:
        length, head = int.from_bytes(data[position : position + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        end = len(data) if length == 0 else position + length
        if data[position + 4 : position + 8] == _CODESTREAM_BOX:
            return data[position + head : end]
        if end < position + head:
            break
        position = end
    return b""


def size(codestream: bytes) -> Size | None:
    """What the codestream claims to hold; None if it is none."""
    if not codestream.startswith(_START) or len(codestream) < _SIZ.size:
        return None
    _, right, bottom, left, top, samples, signed_depth = _SIZ.unpack_from(codestream)
    return Size(bottom - top, right - left, samples, (signed_depth & 0x7F) + 1)

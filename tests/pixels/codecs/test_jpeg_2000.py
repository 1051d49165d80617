import struct

import pytest

from filmroom.pixels.codecs.codec import Size
from filmroom.pixels.codecs.jpeg_2000 import codestream, size

SIGNATURE = struct.pack(">I4s4s", 12, b"jP  ", b"\r\n\x87\n")
OTHER = struct.pack(">I4s4s", 12, b"ftyp", b"jp2 ")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\xff\x4f...", b"\xff\x4f..."),
        (SIGNATURE + OTHER + struct.pack(">I4s", 0, b"jp2c") + b"abc", b"abc"),
        (SIGNATURE + OTHER + struct.pack(">I4s", 11, b"jp2c") + b"abcdef", b"abc"),
        (SIGNATURE + struct.pack(">I4sQ", 1, b"jp2c", 19) + b"abcdef", b"abc"),
        (SIGNATURE + struct.pack(">I4s", 0, b"uuid") + b"abc", b""),
        (SIGNATURE + struct.pack(">I4s", 3, b"uuid") * 9, b""),
        (SIGNATURE + b"abc", b""),
        (b"", b""),
    ],
)
def test_the_codestream_is_found(data: bytes, found: bytes) -> None:
    assert codestream(data) == found


def test_the_size_is_without_the_offset() -> None:
    siz = struct.pack(">HHHH8IHBBB", 0xFF4F, 0xFF51, 41, 0, 12, 10, 2, 1, 12, 10, 0, 0, 1, 0x8B, 1, 1)
    assert size(siz) == Size(rows=9, columns=10, samples=1, precision=12)


@pytest.mark.parametrize("data", [b"", b"\xff\x4f\xff\x51", b"\xff\x4f\xff\x52" + bytes(50)])
def test_what_is_none_has_no_size(data: bytes) -> None:
    assert size(data) is None

"""JPEG XL: lossless, with loss, and JPEG images made smaller that can be had back byte for byte (ISO/IEC 18181)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import imagecodecs

from filmroom.dicom import transfer_syntax as syntaxes
from filmroom.errors import Unconvertible
from filmroom.pixels.codecs import jpeg
from filmroom.pixels.codecs.codec import (
    FAILURES,
    SHARED,
    Codec,
    Size,
    agree,
    conform,
    integers,
    precision,
    to_be_lost,
    unsigned,
)
from filmroom.pixels.frame import Frame, Samples

DISTANCE = 1.0  # "visually lossless", for Frames that are compressed with loss
EFFORT = 1  # of 9. The next costs three times as long for a tenth of the size

_CODESTREAM = b"\xff\x0a"
_CONTAINER = b"\0\0\0\x0cJXL "
# Columns as a multiple of rows (ISO/IEC 18181-1 §D.2).
_RATIOS = (None, (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_HEAD = 64  # bytes that hold what is read here
_LENGTHS = (9, 13, 18, 30)  # in bits, of a number that needs more


class _Bits:
    """The lowest bit of each byte comes first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        taken = self._value & (1 << count) - 1
        self._value >>= count
        return taken


def read_size(data: bytes, samples: int) -> Size | None:
    """What the first headers say (ISO/IEC 18181-1 §D.2, §D.3); None if there are none. They don't tell the samples."""
    stream = _codestream(data)
    if not stream.startswith(_CODESTREAM):
        return None
    bits = _Bits(stream[2:_HEAD])
    rows, columns = _rows_and_columns(bits)
    return Size(rows, columns, samples, _precision(bits))


def _rows_and_columns(bits: _Bits) -> tuple[int, int]:
    small = bits.take(1)

    def length() -> int:
        return (bits.take(5) + 1) * 8 if small else bits.take(_LENGTHS[bits.take(2)]) + 1

    rows = length()
    ratio = _RATIOS[bits.take(3)]
    return rows, length() if ratio is None else rows * ratio[0] // ratio[1]


def _precision(bits: _Bits) -> int:
    """0 if it is not told before what is not read here: previews and animations."""
    if bits.take(1):  # all as usual
        return 8
    if bits.take(1):
        bits.take(3)  # the orientation
        if bits.take(1):
            _rows_and_columns(bits)  # as it is to be shown
        if bits.take(1) or bits.take(1):
            return 0
    if bits.take(1):  # floating
        return 32
    usual = (8, 10, 12, None)[bits.take(2)]
    return bits.take(6) + 1 if usual is None else usual


def _codestream(data: bytes) -> bytes:
    """The beginning of the codestream, out of the container that may be around it (ISO/IEC 18181-2)."""
    if not data.startswith(_CONTAINER):
        return data
    position = 0
    while len(data) - position >= 8:
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        head = 8
        if length == 1:
            length, head = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        if kind in (b"jxlc", b"jxlp"):  # a partial one begins with its number
            return data[position + head + 4 * (kind == b"jxlp") :][:_HEAD]
        if length < head:
            break
        position += length
    return b""


def _decode(data: bytes, frame: Frame) -> Samples:
    size = agree(read_size(data, frame.samples), frame, "JPEG XL")
    try:
        samples: Samples = imagecodecs.jpegxl_decode(data, numthreads=1)
    except FAILURES as error:
        raise Unconvertible("The JPEG XL image can't be decoded.") from error
    if samples.dtype.kind != "u" or samples.dtype.itemsize > frame.dtype.itemsize or samples.shape != frame.shape:
        raise Unconvertible("The JPEG XL image has other samples than the data set says.")
    return conform(samples, size.precision or 8 * samples.dtype.itemsize, frame)


def _decode_recompressed(data: bytes, frame: Frame) -> Samples:
    """By way of the JPEG image, so that the samples are its own."""
    agree(read_size(data, frame.samples), frame, "JPEG XL")
    return jpeg.decode(to_jpeg(data), frame)


def to_jpeg(data: bytes) -> bytes:
    try:
        return bytes(imagecodecs.jpegxl_decode_jpeg(data, numthreads=1))
    except FAILURES as error:
        raise Unconvertible("No JPEG image can be made again from the JPEG XL image.") from error


def _from_jpeg(data: bytes) -> bytes:
    try:
        return bytes(imagecodecs.jpegxl_encode_jpeg(data, numthreads=1))
    except FAILURES as error:
        raise Unconvertible("The JPEG image can't be made smaller.") from error


def _encode(samples: Samples, frame: Frame) -> bytes:
    integers(frame, 8, 16)
    bits = precision(samples, frame)
    if bits <= 8 < frame.bits_allocated:
        bits = 9  # or it would be decoded as bytes
    return _encoded(unsigned(samples, bits), bits, lossless=True, effort=EFFORT)


def _encode_lossy(samples: Samples, frame: Frame) -> bytes:
    integers(frame, 8)
    to_be_lost(frame, 8)
    if frame.samples == 3 and frame.photometric != "XYB":
        raise Unconvertible("Only RGB and shades can be compressed so with loss.")
    return _encoded(samples, 8, lossless=False, distance=DISTANCE)


def _encoded(samples: Samples, bits: int, **options: Any) -> bytes:
    try:
        return bytes(imagecodecs.jpegxl_encode(samples, bitspersample=bits, numthreads=1, **options))
    except FAILURES as error:
        raise Unconvertible("JPEG XL can't hold the Frame.") from error


# The decoder gives RGB of what the encoder made XYB of (PS3.5 §8.2.15).
_DECODED: Mapping[str, str] = MappingProxyType({"XYB": "RGB", **SHARED})
LOSSLESS = Codec(_decode, _encode, decoded=_DECODED, remarks="Signed samples as two's complement.")
LOSSY = Codec(
    _decode,
    _encode_lossy,
    decoded=_DECODED,
    encoded=MappingProxyType({"RGB": "XYB"}),
    loses="ISO_18181_1",
    remarks="Shades and RGB of 8 bits, unsigned, at distance 1.",
)
RECOMPRESSION = Codec(
    _decode_recompressed,
    decoded=_DECODED,
    recode=MappingProxyType({syntaxes.JPEG_BASELINE.uid: _from_jpeg}),
    remarks="From JPEG Baseline, and back to the same bytes.",
)

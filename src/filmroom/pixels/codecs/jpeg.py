"""JPEG: with loss (8 and 12 bits) and lossless (up to 16), and the colours of which its markers tell (ISO/IEC 10918-1).

What is decoded is in the colour space that the data set names. Where an image says by its markers that it is in
another one, it is converted; where it says nothing, the data set is believed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Any

import imagecodecs
import numpy as np
from pydicom.pixels.processing import convert_color_space

from filmroom.errors import Unconvertible
from filmroom.pixels.codecs.codec import (
    FAILURES,
    SHARED,
    Codec,
    Size,
    agree,
    complete,
    conform,
    integers,
    precision,
    to_be_lost,
    unsigned,
)
from filmroom.pixels.frame import Frame, Samples

QUALITY = 95  # of 100, for Frames that are compressed with loss

_START = b"\xff\xd8"
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}  # SOF0 to SOF15; SOF55 is that of JPEG-LS
_DECODABLE = frozenset({0xC0, 0xC1, 0xC2, 0xC3})  # baseline, extended, progressive, lossless
_SCAN, _JFIF, _ADOBE = 0xDA, 0xE0, 0xEE
_SOF = Struct(">BHHB")
_RGB_NAMES = (b"RGB", b"rgb")
_WITHOUT_LENGTH = frozenset({0x01, 0xFF, *range(0xD0, 0xD8)})


@dataclass(frozen=True, slots=True)
class Header:
    """What the markers before the first scan say. `rgb` is None if they don't tell the colour space."""

    size: Size
    process: int  # the code of the frame header's marker
    rgb: bool | None


def read_header(data: bytes) -> Header | None:
    """The markers up to the first scan; None if this is no JPEG."""
    position, rgb, found = 2, None, None
    if not data.startswith(_START):
        return None
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in _WITHOUT_LENGTH:
            position += 1 if marker == 0xFF else 2
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        content = data[position + 4 : end]
        if marker == _SCAN:
            return found and Header(found[0], found[1], found[2] or rgb)
        if marker in _FRAME_HEADERS and len(content) >= _SOF.size:
            bits, rows, columns, samples = _SOF.unpack_from(content)
            names = content[_SOF.size : _SOF.size + 3 * samples : 3]
            found = Size(rows, columns, samples, bits), marker, names in _RGB_NAMES or None
        elif marker == _JFIF and content.startswith(b"JFIF\0"):
            rgb = False if rgb is None else rgb
        elif marker == _ADOBE and content.startswith(b"Adobe") and len(content) >= 12:
            rgb = content[11] == 0
        position = end
    return None


def decode(data: bytes, frame: Frame) -> Samples:
    """Every process that libjpeg-turbo knows."""
    header = read_header(data)
    size = agree(header.size if header else None, frame, "JPEG")
    if not header or header.process not in _DECODABLE:
        raise Unconvertible("This process of JPEG is not decoded.")
    complete(data, "JPEG")
    try:
        samples = _decode(data, header, frame)
    except FAILURES as error:
        raise Unconvertible("The JPEG image can't be decoded.") from error
    return conform(samples, size.precision, frame)


def _decode(data: bytes, header: Header, frame: Frame) -> Samples:
    if frame.samples == 1:
        grey: Samples = imagecodecs.jpeg8_decode(data)
        return grey
    wanted = frame.photometric == "RGB"
    is_rgb = wanted if header.rgb is None or header.process == 0xC3 else header.rgb
    inside = "RGB" if is_rgb else "YCBCR"
    samples: Samples = imagecodecs.jpeg8_decode(data, colorspace=inside, outcolorspace="RGB" if wanted else inside)
    if is_rgb and not wanted:
        samples = convert_color_space(samples, "RGB", "YBR_FULL")
    return samples


def _lossy(most_bits: int) -> Callable[[Samples, Frame], bytes]:
    def encode(samples: Samples, frame: Frame) -> bytes:
        integers(frame, 8, 16)
        to_be_lost(frame, most_bits)
        bits = precision(samples, frame)
        if bits > most_bits:
            raise Unconvertible(f"Samples use more than {most_bits} bits.")
        deep = bits > 8
        return _encode(
            samples.astype("u2" if deep else "u1", copy=False), frame, 12 if deep else 8, "YCBCR", level=QUALITY
        )

    return encode


def _encode_lossless(samples: Samples, frame: Frame) -> bytes:
    integers(frame, 8, 16)
    bits = max(precision(samples, frame), 2 if frame.bits_allocated == 8 else 9)
    # Of YCBCR libjpeg-turbo 3.1 makes lossless images that nobody can decode. Without a name they carry no markers.
    return _encode(unsigned(samples, bits), frame, bits, "UNKNOWN", lossless=True, predictor=1)


def _encode(samples: Samples, frame: Frame, bits: int, colours: str, **options: Any) -> bytes:
    """RGB goes in as RGB, and markers say so; `colours` is what all else is called."""
    if samples.ndim == 3:
        inside = "RGB" if frame.photometric == "RGB" else colours
        options |= {"colorspace": inside, "outcolorspace": inside, "subsampling": "444"}
    try:
        return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(samples), bitspersample=bits, **options))
    except FAILURES as error:  # JPEG has no images above 65,500 pixels
        raise Unconvertible("JPEG can't hold the Frame.") from error


def _remarks(bits: str) -> str:
    return f"Made of unsigned samples of {bits} bits, at quality {QUALITY}; RGB is kept as RGB."


METHOD = "ISO_10918_1"
BASELINE = Codec(decode, _lossy(8), decoded=SHARED, loses=METHOD, always_loses=True, remarks=_remarks("8"))
EXTENDED = Codec(decode, _lossy(12), decoded=SHARED, loses=METHOD, always_loses=True, remarks=_remarks("up to 12"))
LOSSLESS = Codec(decode, _encode_lossless, decoded=SHARED)

"""JPEG 2000 and High-Throughput JPEG 2000 (ISO/IEC 15444-1 and -15): codestreams, and what they say of their size."""

import math
from collections.abc import Mapping
from functools import partial
from struct import Struct
from types import MappingProxyType

import imagecodecs
import numpy as np

from filmroom.errors import Unconvertible
from filmroom.pixels.codecs.codec import (
    FAILURES,
    SHARED,
    Codec,
    Size,
    agree,
    conform,
    integers,
    precision,
    span,
)
from filmroom.pixels.frame import Frame, Samples

ERROR = 1 / 1000  # of the range of values in use: the mean error (RMS) where loss is allowed

_SIGNATURE = b"\0\0\0\x0cjP  "
_CODESTREAM_BOX = b"jp2c"
_START = b"\xff\x4f\xff\x51"  # SOC, and SIZ which must follow
# After SOC: SIZ, its length, Rsiz; Xsiz, Ysiz, XOsiz, YOsiz; of tiles the same four; Csiz. Then of each component
# Ssiz, XRsiz, YRsiz.
_SIZ = Struct(">4s4x8IH")
_MOST_COMPONENTS, _MOST_TILES = 4, 65535
_SMALLEST = 64  # the width or height of the smallest resolution, at most (PS3.5 §10.18)


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
    """What the codestream claims to hold; None if it is none, or if decoders might stumble over its measures."""
    if not codestream.startswith(_START) or len(codestream) < _SIZ.size:
        return None
    _, right, bottom, left, top, wide, high, first_left, first_top, samples = _SIZ.unpack_from(codestream)
    components = codestream[_SIZ.size : _SIZ.size + 3 * min(samples, _MOST_COMPONENTS)]
    if len(components) < 3 or components != components[:3] * (len(components) // 3) or components[1:3] != b"\1\1":
        return None  # components that differ, or of which there are fewer than pixels
    if not (first_left <= left < min(right, first_left + wide) and first_top <= top < min(bottom, first_top + high)):
        return None
    if -((first_left - right) // wide) * -((first_top - bottom) // high) > _MOST_TILES:
        return None
    return Size(bottom - top, right - left, samples, (components[0] & 0x7F) + 1)


def _decode(data: bytes, frame: Frame) -> Samples:
    """With OpenJPEG, HTJ2K too: OpenJPH decodes in half the time, but crashes on damaged images."""
    stream = codestream(data)
    found = agree(size(stream), frame, "JPEG 2000")
    try:
        samples: Samples = imagecodecs.jpeg2k_decode(stream)
    except FAILURES as error:
        raise Unconvertible("The JPEG 2000 image can't be decoded.") from error
    return conform(samples, found.precision, frame)


def _encode(samples: Samples, frame: Frame, loses: bool = False) -> bytes:
    integers(frame, 8, 16)
    bits = precision(samples, frame)
    if loses:
        _no_palette(frame)
    encoded = imagecodecs.jpeg2k_encode(
        samples,
        level=round(_decibels(samples, bits)) if loses else 0,
        codecformat="j2k",  # a codestream without the JP2 file around it (PS3.5 §A.4.4)
        reversible=not loses,
        mct=_transformed(frame),
        bitspersample=bits,
    )
    return bytes(encoded)


def _encode_ht(samples: Samples, frame: Frame) -> bytes:
    """The encoder gives words their full precision, so what has less is encoded around 0, and then said to be less.

    A decoder adds half the range to unsigned samples: of the precision it reads (ISO/IEC 15444-1 §G.1.2).
    """
    integers(frame, 8, 16)
    bits = precision(samples, frame)
    lower = bits < frame.bits_allocated
    if lower and not frame.signed:
        samples = (samples - samples.dtype.type(1 << bits - 1)).view(f"i{samples.dtype.itemsize}")
    encoded = bytearray(_encoded_ht(samples, frame, reversible=True))
    if lower:
        for component in range(frame.samples):
            encoded[_SIZ.size + 3 * component] = frame.signed << 7 | bits - 1
    return bytes(encoded)


def _encode_ht_lossy(samples: Samples, frame: Frame) -> bytes:
    integers(frame, 8, 16)
    _no_palette(frame)
    step = math.sqrt(12) * ERROR * span(samples) / (1 << frame.bits_allocated)
    return _encoded_ht(samples, frame, reversible=False, level=step)


def _encoded_ht(samples: Samples, frame: Frame, reversible: bool, level: float | None = None) -> bytes:
    halved = max(5, math.ceil(math.log2(max(min(frame.rows, frame.columns) / _SMALLEST, 1))))
    try:
        encoded = imagecodecs.htj2k_encode(
            np.ascontiguousarray(samples),
            level=level,
            reversible=reversible,
            rgb=_transformed(frame),
            planar=False,
            resolutions=halved,
            tlm=True,
        )
    except FAILURES as error:
        raise Unconvertible("HTJ2K can't hold the Frame.") from error
    return bytes(encoded)


def _transformed(frame: Frame) -> bool:
    return frame.photometric in ("YBR_RCT", "YBR_ICT")


def _decibels(samples: Samples, bits: int) -> float:
    """The encoder's measure of the error is the greatest value that the precision allows."""
    return 20 * math.log10(((1 << bits) - 1) / (span(samples) * ERROR))


def _no_palette(frame: Frame) -> None:
    if frame.photometric == "PALETTE COLOR":
        raise Unconvertible("Indexes of a palette can't be compressed with loss.")


# The codestream says whether its three components were transformed, and the decoder undoes it (PS3.5 §8.2.4).
_DECODED: Mapping[str, str] = MappingProxyType({"YBR_RCT": "RGB", "YBR_ICT": "RGB", **SHARED})
_REVERSIBLE: Mapping[str, str] = MappingProxyType({"RGB": "YBR_RCT"})
_IRREVERSIBLE: Mapping[str, str] = MappingProxyType({"RGB": "YBR_ICT"})
_LOSS = "A mean error of a thousandth of the range of values in use."
LOSSLESS = Codec(_decode, _encode, decoded=_DECODED, encoded=_REVERSIBLE)
LOSSY = Codec(
    _decode,
    partial(_encode, loses=True),
    decoded=_DECODED,
    encoded=_IRREVERSIBLE,
    loses="ISO_15444_1",
    remarks=_LOSS,
)
HT_LOSSLESS = Codec(_decode, _encode_ht, decoded=_DECODED, encoded=_REVERSIBLE)
HT_LOSSY = Codec(
    _decode, _encode_ht_lossy, decoded=_DECODED, encoded=_IRREVERSIBLE, loses="ISO_15444_15", remarks=_LOSS
)

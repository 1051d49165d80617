"""RLE (PS3.5 Annex G): a segment for each byte of a sample, the highest first, packed row by row."""

from itertools import pairwise
from struct import Struct

import imagecodecs
import numpy as np

from filmroom.errors import Unconvertible
from filmroom.pixels.codecs.codec import FAILURES, SHARED, Codec, integers
from filmroom.pixels.frame import Frame, Samples

_HEADER = Struct("<16I")  # the number of segments and the offset of each
_UNREADABLE = "The RLE segments are damaged, or not those of the data set."


def decode(data: bytes, frame: Frame) -> Samples:
    """The segments are put together as words, colours interleaved."""
    integers(frame, 8, 16, 32)
    size = frame.dtype.itemsize
    pixels = frame.rows * frame.columns
    octets = np.empty((pixels, frame.samples, size), "u1")
    segments = _segments(data, frame.samples * size)
    places = [(sample, octet) for sample in range(frame.samples) for octet in reversed(range(size))]
    for (sample, octet), (start, end) in zip(places, segments, strict=True):
        octets[:, sample, octet] = _unpacked(data[start:end], pixels)
    return octets.view(frame.dtype.newbyteorder("<")).astype(frame.dtype, copy=False).reshape(frame.shape)


def _unpacked(segment: bytes, pixels: int) -> Samples:
    if len(segment) * 64 < pixels:  # two bytes stand for 128 at most
        raise Unconvertible(_UNREADABLE)
    try:
        unpacked = imagecodecs.packbits_decode(segment)
    except FAILURES as error:
        raise Unconvertible(_UNREADABLE) from error
    if len(unpacked) < pixels:
        raise Unconvertible(_UNREADABLE)
    return np.frombuffer(unpacked, "u1", pixels)


def _segments(data: bytes, expected: int) -> list[tuple[int, int]]:
    if len(data) < _HEADER.size:
        raise Unconvertible(_UNREADABLE)
    count, *offsets = _HEADER.unpack_from(data)
    starts = [*offsets[:count], len(data)] if count == expected <= 15 else []
    spans = list(pairwise(starts))
    if not spans or any(not _HEADER.size <= start < end for start, end in spans):
        raise Unconvertible(_UNREADABLE)
    return spans


def _encode(samples: Samples, frame: Frame) -> bytes:
    integers(frame, 8, 16, 32)
    size = frame.dtype.itemsize
    words = np.ascontiguousarray(samples.astype(frame.dtype.newbyteorder(">"), copy=False))
    octets = words.view("u1").reshape(frame.rows, frame.columns, frame.samples * size)
    packed = [_even(bytes(imagecodecs.packbits_encode(plane.copy("C")))) for plane in np.moveaxis(octets, 2, 0)]
    offsets = np.cumsum([_HEADER.size, *map(len, packed)])[:-1].tolist()
    return b"".join([_HEADER.pack(len(packed), *offsets, *[0] * (15 - len(packed))), *packed])


def _even(segment: bytes) -> bytes:
    return segment + b"\0" * (len(segment) % 2)


LOSSLESS = Codec(decode, _encode, decoded=SHARED, remarks="Up to 32 bits.")

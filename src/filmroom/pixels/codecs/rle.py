"""RLE (PS3.5 Annex G): a segment for each byte of a sample, the highest first, packed row by row."""

from itertools import pairwise
from struct import Struct

import imagecodecs
import numpy as np

from filmroom.pixels.codecs.codec import FAILURES, SHARED, Codec, integers, refusal
from filmroom.pixels.frame import Frame, Samples

_HEADER = Struct("<16I")  # the number of segments and the offset of each
_UNREADABLE = "The RLE segments are damaged, or not those of the data set."


def decode(data: bytes, frame: Frame) -> Samples:
    """The segments are put together as words, colours interleaved."""
    integers(frame, 8, 16, 32)
    size = frame.dtype.itemsize
    pixels = frame.rows * frame.columns
    planes = np.empty((frame.samples, size, pixels), "u1")
    segments = _segments(data, frame.samples * size)
    for plane, (start, end) in zip(planes.reshape(-1, pixels), segments, strict=True):
        if (end - start) * 64 < pixels:  # two bytes stand for 128 at most
            raise refusal(_UNREADABLE)
        try:
            unpacked = imagecodecs.packbits_decode(data[start:end])
        except FAILURES as error:
            raise refusal(_UNREADABLE) from error
        if len(unpacked) < pixels:
            raise refusal(_UNREADABLE)
        plane[:] = np.frombuffer(unpacked, "u1", pixels)
    words = np.ascontiguousarray(planes.transpose(2, 0, 1)).view(frame.dtype.newbyteorder(">"))
    return words.astype(frame.dtype, copy=False).reshape(frame.shape)


def _segments(data: bytes, expected: int) -> list[tuple[int, int]]:
    if len(data) < _HEADER.size:
        raise refusal(_UNREADABLE)
    count, *offsets = _HEADER.unpack_from(data)
    starts = [*offsets[:count], len(data)] if count == expected <= 15 else []
    spans = list(pairwise(starts))
    if not spans or any(not _HEADER.size <= start < end for start, end in spans):
        raise refusal(_UNREADABLE)
    return spans


def _encode(samples: Samples, frame: Frame) -> bytes:
    integers(frame, 8, 16, 32)
    size = frame.dtype.itemsize
    words = samples.astype(frame.dtype.newbyteorder(">"), copy=False)
    octets = words.view("u1").reshape(frame.rows, frame.columns, frame.samples * size)
    packed = [
        _even(bytes(imagecodecs.packbits_encode(np.ascontiguousarray(plane)))) for plane in np.moveaxis(octets, 2, 0)
    ]
    offsets = np.cumsum([_HEADER.size, *map(len, packed)])[:-1].tolist()
    return b"".join([_HEADER.pack(len(packed), *offsets, *[0] * (15 - len(packed))), *packed])


def _even(segment: bytes) -> bytes:
    return segment + b"\0" * (len(segment) % 2)


LOSSLESS = Codec(decode, _encode, decoded=SHARED, remarks="Up to 32 bits.")

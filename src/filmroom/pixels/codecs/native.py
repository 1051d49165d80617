"""Samples that are not compressed: in either byte order, in Items, or deflated (PS3.5 §8.1, §A.4.11, §A.4.12)."""

import zlib

import numpy as np

from filmroom.errors import Unconvertible
from filmroom.pixels.codecs.codec import SHARED, Codec
from filmroom.pixels.frame import Frame, Samples

_RAW = -15  # zlib's name for deflate without a header


def swap(data: bytes, frame: Frame) -> bytes:
    """A native Frame in the other byte order. It may come padded to whole words, and goes without padding."""
    size = max(frame.bits_allocated // 8, 2 if frame.words else 1)
    if size == 1:
        return data[: frame.length]
    if len(data) % size:  # a Frame of odd length shares a word with its neighbour, which is not at hand
        raise Unconvertible("The Frame ends in the middle of a word.")
    return np.frombuffer(data, f"u{size}").byteswap().tobytes()[: frame.length]


def decode(data: bytes, frame: Frame) -> Samples:
    """Single bits and shared chroma are unpacked."""
    if len(data) < frame.length:
        raise Unconvertible("The Frame is shorter than the data set says.")
    raw = np.frombuffer(data, "u1", count=frame.length)
    if frame.bits_allocated == 1:
        flat = np.unpackbits(raw, count=frame.bits, bitorder="little").view(frame.dtype)
    else:
        flat = raw.view(frame.dtype.newbyteorder("<")).astype(frame.dtype, copy=False)
    if frame.subsampled:
        return _share_chroma(flat, frame)
    if frame.samples > 1 and frame.planar:
        return np.ascontiguousarray(flat.reshape(frame.samples, frame.rows, frame.columns).transpose(1, 2, 0))
    return flat.reshape(frame.shape)


def encode(samples: Samples, frame: Frame) -> bytes:
    """What `decode` reads again."""
    if frame.bits_allocated == 1:
        return np.packbits(samples, bitorder="little").tobytes()
    if frame.subsampled:
        samples = _unshare_chroma(samples, frame)
    elif frame.samples > 1 and frame.planar:
        samples = samples.transpose(2, 0, 1)
    return samples.astype(frame.dtype.newbyteorder("<"), copy=False).tobytes()


def _share_chroma(flat: Samples, frame: Frame) -> Samples:
    """Y1 Y2 Cb Cr -> Y1 Cb Cr, Y2 Cb Cr (PS3.3 §C.7.6.3.1.2)."""
    _paired(frame)
    pairs = flat.reshape(-1, 4)
    return pairs[:, [0, 2, 3, 1, 2, 3]].reshape(frame.shape)


def _unshare_chroma(samples: Samples, frame: Frame) -> Samples:
    """Y1 Cb Cr, Y2 Cb Cr -> Y1 Y2 Cb Cr: of two that a decoder smoothed, the mean."""
    _paired(frame)
    pairs = samples.reshape(-1, 2, 3)
    made = np.empty((len(pairs), 4), samples.dtype)
    made[:, :2] = pairs[:, :, 0]
    made[:, 2:] = (pairs[:, 0, 1:].astype("u4") + pairs[:, 1, 1:] + 1) >> 1
    return made


def _paired(frame: Frame) -> None:
    if frame.columns % 2 or frame.per_pixel != 2:
        raise Unconvertible("Chroma can be shared by pairs of pixels only.")


def _decode_big_endian(data: bytes, frame: Frame) -> Samples:
    return decode(swap(data, frame), frame)


def _encode_big_endian(samples: Samples, frame: Frame) -> bytes:
    return swap(encode(samples, frame), frame)


def _decode_deflated(data: bytes, frame: Frame) -> Samples:
    inflater = zlib.decompressobj(_RAW)
    try:
        return decode(inflater.decompress(data, frame.length), frame)
    except zlib.error as error:
        raise Unconvertible("The Frame is not deflated, or damaged.") from error


def _encode_deflated(samples: Samples, frame: Frame) -> bytes:
    return zlib.compress(encode(samples, frame), wbits=_RAW)


LITTLE = Codec(decode, encode, native="<", as_described=True, decoded=SHARED)
BIG = Codec(_decode_big_endian, _encode_big_endian, native=">", as_described=True, decoded=SHARED)
IN_ITEMS = Codec(decode, encode, as_described=True, decoded=SHARED)
DEFLATED = Codec(
    _decode_deflated, _encode_deflated, as_described=True, decoded=SHARED, remarks="Each Frame is deflated."
)

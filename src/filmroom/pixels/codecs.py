"""Which Transfer Syntaxes can be decoded and encoded, and by what. A further codec is a further row.

`decode` gives samples as the data set describes them: words of Bits Allocated, colours interleaved. The one thing that
decoding may change is the colour space, and a row says how.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import imagecodecs
import numpy as np

from filmroom.dicom import transfer_syntax as syntaxes
from filmroom.errors import NotAcceptable
from filmroom.pixels import jpeg_2000
from filmroom.pixels.frame import Frame, Samples

Order = Literal["<", ">"]
UNSUPPORTED = "The specified transcoding is not supported."
MOST_PIXELS = 256 << 20  # of a Frame that is decoded: a few bytes can claim to be any number of them


@dataclass(frozen=True, slots=True)
class Codec:
    """How the Frames of one Transfer Syntax become samples, and samples Frames. None: it can't be done."""

    decode: Callable[[bytes, Frame], Samples] | None = None
    encode: Callable[[Samples, Frame], bytes] | None = None
    native: Order | None = None  # the byte order of samples that are not compressed
    # Photometric Interpretation before -> after. What is not named stays.
    decoded: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    encoded: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def find(uid: str) -> Codec:
    """The codec of a Transfer Syntax; one that can do nothing if there is none."""
    return _CODECS.get(uid, _NONE)


def check(frame: Frame) -> None:
    """NotAcceptable if a Frame is too large to be decoded, which is best known before it is read."""
    if frame.rows * frame.columns > MOST_PIXELS:
        raise NotAcceptable(f"Frames of more than {MOST_PIXELS >> 20} megapixels are not decoded.")


def decode(data: bytes, frame: Frame, uid: str) -> Samples:
    """The samples of one Frame. NotAcceptable if the Transfer Syntax or the data can't be decoded."""
    codec = find(uid)
    if codec.decode is None:
        raise NotAcceptable(UNSUPPORTED)
    check(frame)
    samples = codec.decode(data, frame)
    if samples.shape != frame.shape:
        raise NotAcceptable(UNSUPPORTED)
    return samples


def encode(samples: Samples, frame: Frame, uid: str) -> bytes:
    """Samples as one Frame of which `frame` is true then. NotAcceptable if the Transfer Syntax can't hold them."""
    codec = find(uid)
    if codec.encode is None:
        raise NotAcceptable(UNSUPPORTED)
    return codec.encode(samples, frame)


def swap(data: bytes, frame: Frame) -> bytes:
    """A native Frame in the other byte order. It may come padded to whole words, and goes without padding."""
    size = max(frame.bits_allocated // 8, 2 if frame.words else 1)
    if size == 1:
        return data[: frame.length]
    if len(data) % size:  # a Frame of odd length shares a word with its neighbour, which is not at hand
        raise NotAcceptable(UNSUPPORTED)
    return np.frombuffer(data, f"u{size}").byteswap().tobytes()[: frame.length]


def _decode_native(data: bytes, frame: Frame) -> Samples:
    """Single bits and shared chroma are unpacked."""
    if len(data) < frame.length:
        raise NotAcceptable(UNSUPPORTED)
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


def _encode_native(samples: Samples, frame: Frame) -> bytes:
    return samples.astype(frame.dtype.newbyteorder("<"), copy=False).tobytes()


def _decode_big_endian(data: bytes, frame: Frame) -> Samples:
    return _decode_native(swap(data, frame), frame)


def _encode_big_endian(samples: Samples, frame: Frame) -> bytes:
    return swap(_encode_native(samples, frame), frame)


def _share_chroma(flat: Samples, frame: Frame) -> Samples:
    """Y1 Y2 Cb Cr -> Y1 Cb Cr, Y2 Cb Cr (PS3.3 §C.7.6.3.1.2)."""
    if frame.columns % 2:
        raise NotAcceptable(UNSUPPORTED)
    pairs = flat.reshape(-1, 4)
    return pairs[:, [0, 2, 3, 1, 2, 3]].reshape(frame.shape)


def _decode_jpeg_2000(data: bytes, frame: Frame) -> Samples:
    if frame.floating or frame.bits_allocated not in (8, 16, 32):
        raise NotAcceptable(UNSUPPORTED)
    codestream = jpeg_2000.codestream(data)
    size = jpeg_2000.size(codestream)
    if size is None or (size.rows, size.columns, size.samples) != (frame.rows, frame.columns, frame.samples):
        raise NotAcceptable(UNSUPPORTED)
    try:
        samples: Samples = imagecodecs.jpeg2k_decode(codestream)
    except (imagecodecs.Jpeg2kError, ValueError, NotImplementedError) as error:
        raise NotAcceptable(UNSUPPORTED) from error
    return samples if samples.dtype == frame.dtype else _reinterpret(samples, size.precision, frame)


def _reinterpret(samples: Samples, precision: int, frame: Frame) -> Samples:
    """The codestream's sign or size contradicts the data set, which is what counts: take its bits as they are."""
    wide = samples.astype("i8") & ((1 << precision) - 1)
    if frame.signed:
        wide -= (wide >> (precision - 1)) << precision
    return wide.astype(frame.dtype)


def _encode_jpeg_2000(samples: Samples, frame: Frame) -> bytes:
    if frame.floating or frame.bits_allocated not in (8, 16):
        raise NotAcceptable(UNSUPPORTED)
    encoded = imagecodecs.jpeg2k_encode(
        samples,
        level=0,
        codecformat="j2k",  # a codestream without the JP2 file around it (PS3.5 §A.4.4)
        reversible=True,
        mct=frame.photometric == "YBR_RCT",
        bitspersample=_precision(samples, frame),
    )
    return bytes(encoded)


def _precision(samples: Samples, frame: Frame) -> int:
    """Bits Stored, unless a word uses more: old files keep overlays there, or don't extend the sign."""
    top = frame.bits_stored - frame.signed
    fits = int(samples.max()) < 1 << top and (not frame.signed or int(samples.min()) >= -(1 << top))
    return frame.bits_stored if fits else frame.bits_allocated


_UNPACKED = MappingProxyType({"YBR_FULL_422": "YBR_FULL"})
_LITTLE = Codec(_decode_native, _encode_native, native="<", decoded=_UNPACKED)
_BIG = Codec(_decode_big_endian, _encode_big_endian, native=">", decoded=_UNPACKED)
# The codestream says whether its three components were transformed, and the decoder undoes it (PS3.5 §8.2.4).
_FROM_TRANSFORMED = MappingProxyType({"YBR_RCT": "RGB", "YBR_ICT": "RGB"})
_TO_TRANSFORMED = MappingProxyType({"RGB": "YBR_RCT"})
_NONE = Codec()
_CODECS: Mapping[str, Codec] = {
    syntaxes.IMPLICIT_LITTLE.uid: _LITTLE,
    syntaxes.EXPLICIT_LITTLE.uid: _LITTLE,
    syntaxes.DEFLATED.uid: _LITTLE,
    syntaxes.EXPLICIT_BIG.uid: _BIG,
    syntaxes.JPEG_2000_LOSSLESS.uid: Codec(
        _decode_jpeg_2000, _encode_jpeg_2000, decoded=_FROM_TRANSFORMED, encoded=_TO_TRANSFORMED
    ),
    syntaxes.JPEG_2000.uid: Codec(_decode_jpeg_2000, decoded=_FROM_TRANSFORMED),
}
ENCODED = tuple(uid for uid, codec in _CODECS.items() if codec.encode is not None)

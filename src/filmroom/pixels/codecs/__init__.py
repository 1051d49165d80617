"""Which Transfer Syntaxes can be decoded and encoded, and by what. A further codec is a further row.

`decode` gives samples as the data set describes them: words of Bits Allocated, colours interleaved. The one thing that
decoding may change is the colour space, and a row says how.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from filmroom.dicom import transfer_syntax as syntaxes
from filmroom.dicom.frames import SUBSAMPLED
from filmroom.errors import Unconvertible
from filmroom.pixels.codecs import jpeg, jpeg_2000, jpeg_ls, jpeg_xl, native, rle
from filmroom.pixels.codecs.codec import Codec, Order
from filmroom.pixels.codecs.native import swap
from filmroom.pixels.frame import Frame, Samples

__all__ = ["MOST_PIXELS", "Codec", "Order", "check", "decode", "encode", "find", "swap"]

MOST_PIXELS = 256 << 20  # of a Frame that is decoded: a few bytes can claim to be any number of them
_NATIVE_ONLY = SUBSAMPLED.keys() - {"YBR_FULL_422"}  # retired, and not to be named otherwise


def find(uid: str) -> Codec:
    """The codec of a Transfer Syntax; one that can do nothing if there is none."""
    return _CODECS.get(uid, _NONE)


def check(frame: Frame) -> None:
    """Unconvertible if a Frame is too large to be decoded, which is best known before it is read."""
    if frame.rows * frame.columns > MOST_PIXELS:
        raise Unconvertible(f"Frames of more than {MOST_PIXELS >> 20} megapixels are not decoded.")


def decode(data: bytes, frame: Frame, uid: str) -> Samples:
    """The samples of one Frame. Unconvertible if the Transfer Syntax or the data can't be decoded."""
    codec = find(uid)
    if codec.decode is None:
        raise Unconvertible("Its Transfer Syntax can't be decoded.")
    check(frame)
    samples = codec.decode(data, frame)
    if samples.shape != frame.shape:
        raise Unconvertible("What was decoded has another size than the data set says.")
    return samples


def encode(samples: Samples, frame: Frame, uid: str) -> bytes:
    """Samples as one Frame of which `frame` is true then. Unconvertible if the Transfer Syntax can't hold them."""
    codec = find(uid)
    if codec.encode is None:
        raise Unconvertible("Nothing is encoded in that Transfer Syntax.")
    if frame.photometric in _NATIVE_ONLY and not codec.as_described:
        raise Unconvertible(f"There is no {frame.photometric} whose pixels don't share their chroma.")
    return codec.encode(samples, frame)


_NONE = Codec()
_BASELINE = replace(jpeg.BASELINE, recode=MappingProxyType({syntaxes.JPEG_XL_RECOMPRESSION.uid: jpeg_xl.to_jpeg}))
_CODECS: Mapping[str, Codec] = {
    syntaxes.IMPLICIT_LITTLE.uid: native.LITTLE,
    syntaxes.EXPLICIT_LITTLE.uid: native.LITTLE,
    syntaxes.DEFLATED.uid: native.LITTLE,
    syntaxes.EXPLICIT_BIG.uid: native.BIG,
    syntaxes.ENCAPSULATED_UNCOMPRESSED.uid: native.IN_ITEMS,
    syntaxes.JPEG_BASELINE.uid: _BASELINE,
    syntaxes.JPEG_EXTENDED.uid: jpeg.EXTENDED,
    syntaxes.JPEG_LOSSLESS.uid: jpeg.LOSSLESS,
    syntaxes.JPEG_LOSSLESS_SV1.uid: jpeg.LOSSLESS,
    syntaxes.JPEG_LS_LOSSLESS.uid: jpeg_ls.LOSSLESS,
    syntaxes.JPEG_LS_LOSSY.uid: jpeg_ls.NEAR_LOSSLESS,
    syntaxes.JPEG_2000_LOSSLESS.uid: jpeg_2000.LOSSLESS,
    syntaxes.JPEG_2000.uid: jpeg_2000.LOSSY,
    syntaxes.JPEG_XL_LOSSLESS.uid: jpeg_xl.LOSSLESS,
    syntaxes.JPEG_XL_RECOMPRESSION.uid: jpeg_xl.RECOMPRESSION,
    syntaxes.JPEG_XL.uid: jpeg_xl.LOSSY,
    syntaxes.HTJ2K_LOSSLESS.uid: jpeg_2000.HT_LOSSLESS,
    syntaxes.HTJ2K_LOSSLESS_RPCL.uid: jpeg_2000.HT_LOSSLESS,
    syntaxes.HTJ2K.uid: jpeg_2000.HT_LOSSY,
    syntaxes.RLE.uid: rle.LOSSLESS,
    syntaxes.DEFLATED_FRAMES.uid: native.DEFLATED,
}

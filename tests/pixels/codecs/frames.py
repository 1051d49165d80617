"""Frames of every kind for the tests of codecs, and samples for them."""

import numpy as np

from filmroom.dicom import transfer_syntax as syntaxes
from filmroom.pixels.frame import Frame, Samples

EXPLICIT, BIG = syntaxes.EXPLICIT_LITTLE.uid, syntaxes.EXPLICIT_BIG.uid
JPEG, JPEG_12 = syntaxes.JPEG_BASELINE.uid, syntaxes.JPEG_EXTENDED.uid
LOSSLESS_JPEG, LOSSLESS_JPEG_SV1 = syntaxes.JPEG_LOSSLESS.uid, syntaxes.JPEG_LOSSLESS_SV1.uid
JLS, NEAR_JLS = syntaxes.JPEG_LS_LOSSLESS.uid, syntaxes.JPEG_LS_LOSSY.uid
J2K, LOSSY_J2K = syntaxes.JPEG_2000_LOSSLESS.uid, syntaxes.JPEG_2000.uid
HT, HT_RPCL, LOSSY_HT = syntaxes.HTJ2K_LOSSLESS.uid, syntaxes.HTJ2K_LOSSLESS_RPCL.uid, syntaxes.HTJ2K.uid
XL, XL_OF_JPEG, LOSSY_XL = syntaxes.JPEG_XL_LOSSLESS.uid, syntaxes.JPEG_XL_RECOMPRESSION.uid, syntaxes.JPEG_XL.uid
RLE, DEFLATED, IN_ITEMS = syntaxes.RLE.uid, syntaxes.DEFLATED_FRAMES.uid, syntaxes.ENCAPSULATED_UNCOMPRESSED.uid

LOSSLESS = (EXPLICIT, BIG, IN_ITEMS, DEFLATED, RLE, LOSSLESS_JPEG, LOSSLESS_JPEG_SV1, JLS, J2K, HT, HT_RPCL, XL)
LOSSY = (JPEG, JPEG_12, NEAR_JLS, LOSSY_J2K, LOSSY_HT, LOSSY_XL)
WORDS_OF_32 = (EXPLICIT, BIG, IN_ITEMS, DEFLATED, RLE)
SINGLE_BITS = (EXPLICIT, BIG, IN_ITEMS, DEFLATED)


def frame(bits: int, samples: int = 1, photometric: str = "", signed: bool = False, allocated: int = 0) -> Frame:
    """A small Frame of odd sides, unless its chroma is shared."""
    photometric = photometric or ("RGB" if samples == 3 else "MONOCHROME2")
    allocated = allocated or (8 if bits <= 8 else 16 if bits <= 16 else 32)
    return Frame(
        17, 22, samples, photometric, bits_allocated=allocated, bits_stored=bits, signed=signed, words=allocated > 8
    )


FRAMES = [
    *(frame(bits, signed=signed) for bits in (8, 10, 12, 15, 16) for signed in (False, True)),
    *(frame(bits, allocated=16) for bits in (6, 8)),
    frame(6),
    frame(7, signed=True),
    frame(8, signed=True, allocated=16),
    frame(8, photometric="MONOCHROME1"),
    frame(8, photometric="PALETTE COLOR"),
    frame(16, photometric="PALETTE COLOR"),
    *(frame(bits, 3, photometric) for bits in (8, 12, 16) for photometric in ("RGB", "YBR_FULL")),
]
DEEP = [frame(32), frame(32, signed=True), frame(24, allocated=32), frame(32, 3)]


def noise(of: Frame, seed: int = 7) -> Samples:
    """Samples that use all of Bits Stored, without any order."""
    top = 1 << of.bits_stored
    random = np.random.default_rng(seed).integers(0, top, of.shape, dtype=np.int64)
    return (random - (top // 2 if of.signed else 0)).astype(of.dtype)


def shades(of: Frame) -> Samples:
    """A slope with a little noise: what an image is like."""
    top = 1 << of.bits_stored
    place = np.arange(of.rows * of.columns * of.samples).reshape(of.shape)
    values = place * (top - 8) // place.size + np.random.default_rng(7).integers(0, 8, of.shape)
    return (values - (top // 2 if of.signed else 0)).astype(of.dtype)

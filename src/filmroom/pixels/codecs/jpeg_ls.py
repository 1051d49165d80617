"""JPEG-LS, lossless and near-lossless (ISO/IEC 14495-1)."""

import imagecodecs

from filmroom.errors import Unconvertible
from filmroom.pixels.codecs.codec import (
    FAILURES,
    SHARED,
    Codec,
    agree,
    complete,
    conform,
    integers,
    to_be_lost,
    unsigned,
)
from filmroom.pixels.codecs.jpeg import read_header
from filmroom.pixels.frame import Frame, Samples

NEAR = 2  # the most by which a sample may differ, where that is allowed

_PROCESS = 0xF7  # SOF55


def decode(data: bytes, frame: Frame) -> Samples:
    """With any interleaving: what the library gives is interleaved, however the image is."""
    header = read_header(data)
    size = agree(header.size if header and header.process == _PROCESS else None, frame, "JPEG-LS")
    complete(data, "JPEG-LS")  # CharLS may never end otherwise
    try:
        samples: Samples = imagecodecs.jpegls_decode(data)
    except FAILURES as error:
        raise Unconvertible("The JPEG-LS image can't be decoded.") from error
    return conform(samples, size.precision, frame)


def _encode(samples: Samples, frame: Frame) -> bytes:
    return _encoded(samples, frame, 0)


def _encode_near(samples: Samples, frame: Frame) -> bytes:
    to_be_lost(frame, 16)
    return _encoded(samples, frame, NEAR)


def _encoded(samples: Samples, frame: Frame, near: int) -> bytes:
    integers(frame, 8, 16)
    most = 2 * samples.nbytes + 1024  # the library has no room for noise, which takes more than it is
    try:
        return bytes(imagecodecs.jpegls_encode(unsigned(samples, frame.bits_allocated), level=near, out=most))
    except FAILURES as error:
        raise Unconvertible("JPEG-LS can't hold the Frame.") from error


_PRECISION = "The image has the precision of Bits Allocated."
LOSSLESS = Codec(decode, _encode, decoded=SHARED, remarks=_PRECISION)
NEAR_LOSSLESS = Codec(
    decode,
    _encode_near,
    decoded=SHARED,
    loses="ISO_14495_1",
    always_loses=True,
    remarks=f"No sample differs by more than {NEAR}. Not of signed samples. {_PRECISION}",
)

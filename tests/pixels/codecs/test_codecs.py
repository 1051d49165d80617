import struct
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest

from filmroom.dicom import transfer_syntax
from filmroom.errors import NotAcceptable, Unconvertible
from filmroom.pixels import codecs
from filmroom.pixels.frame import Frame, Samples

EXPLICIT, BIG = transfer_syntax.EXPLICIT_LITTLE.uid, transfer_syntax.EXPLICIT_BIG.uid
J2K, LOSSY_J2K = transfer_syntax.JPEG_2000_LOSSLESS.uid, transfer_syntax.JPEG_2000.uid
XL_OF_JPEG = transfer_syntax.JPEG_XL_RECOMPRESSION.uid

FRAMES = [
    Frame(5, 6, bits_allocated=8, bits_stored=8, words=False),
    Frame(5, 6, bits_allocated=8, bits_stored=8),
    Frame(5, 6, bits_allocated=8, bits_stored=8, signed=True, words=False),
    Frame(5, 6),
    Frame(5, 6, bits_stored=12),
    Frame(5, 6, signed=True),
    Frame(5, 6, bits_stored=12, signed=True),
    Frame(5, 6, samples=3, photometric="RGB", bits_allocated=8, bits_stored=8, words=False),
    Frame(5, 6, samples=3, photometric="YBR_FULL", bits_allocated=8, bits_stored=8, words=False),
    Frame(5, 6, samples=3, photometric="RGB"),
    Frame(5, 6, photometric="PALETTE COLOR", bits_allocated=8, bits_stored=8, words=False),
]


def samples_of(frame: Frame) -> Samples:
    """Samples that use all of Bits Stored."""
    top = 1 << frame.bits_stored
    random = np.random.default_rng(7).integers(0, top, frame.shape, dtype=np.int64)
    return (random - (top // 2 if frame.signed else 0)).astype(frame.dtype)


@pytest.mark.parametrize("uid", [EXPLICIT, BIG, J2K])
@pytest.mark.parametrize("frame", FRAMES, ids=str)
def test_what_is_encoded_is_decoded_sample_by_sample(frame: Frame, uid: str) -> None:
    samples = samples_of(frame)
    decoded = codecs.decode(codecs.encode(samples, frame, uid), frame, uid)
    assert decoded.dtype == frame.dtype
    assert np.array_equal(decoded, samples)


@pytest.mark.parametrize("frame", FRAMES, ids=str)
def test_jpeg_2000_is_what_others_read(frame: Frame) -> None:
    samples = samples_of(frame)
    encoded = codecs.encode(samples, frame, J2K)
    assert encoded.startswith(b"\xff\x4f\xff\x51")
    assert np.array_equal(imagecodecs.jpeg2k_decode(encoded), samples)


def test_jpeg_2000_has_the_precision_of_bits_stored() -> None:
    frame = Frame(5, 6, bits_stored=12)
    assert codecs.encode(samples_of(frame), frame, J2K)[42] == 11


def test_words_may_use_more_than_bits_stored() -> None:
    frame = Frame(5, 6, bits_stored=12, signed=True)
    samples = np.full(frame.shape, 0x0FFF, frame.dtype)  # -1 whose sign was not extended
    assert np.array_equal(codecs.decode(codecs.encode(samples, frame, J2K), frame, J2K), samples)


def test_the_data_set_overrules_the_sign_of_jpeg_2000() -> None:
    unsigned = Frame(1, 2, bits_stored=12)
    encoded = codecs.encode(np.array([[1, 0xFFF]], "u2"), unsigned, J2K)
    decoded = codecs.decode(encoded, replace(unsigned, signed=True), LOSSY_J2K)
    assert decoded.tolist() == [[1, -1]]


def test_the_data_set_overrules_the_size_of_jpeg_2000() -> None:
    encoded = codecs.encode(np.array([[1, 255]], "u1"), Frame(1, 2, bits_allocated=8, bits_stored=8), J2K)
    assert codecs.decode(encoded, Frame(1, 2), J2K).dtype == np.uint16


SMALL = Frame(8, 8, bits_allocated=8, bits_stored=8)


def claiming(rows: int, columns: int) -> bytes:
    """A codestream of 8 x 8 pixels that says it has others."""
    encoded = bytearray(codecs.encode(np.zeros(SMALL.shape, "u1"), SMALL, J2K))
    struct.pack_into(">II", encoded, 8, columns, rows)
    struct.pack_into(">II", encoded, 24, columns, rows)
    return bytes(encoded)


@pytest.mark.parametrize("head", [b"", b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\0jp2c"])
def test_jpeg_2000_of_another_size_is_not_even_decoded(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(imagecodecs, "jpeg2k_decode")
    for rows, columns in [(30_000, 30_000), (8, 16), (16, 8)]:
        with pytest.raises(Unconvertible):
            codecs.decode(head + claiming(rows, columns), SMALL, J2K)
    with pytest.raises(Unconvertible):
        codecs.decode(head + claiming(8, 8), replace(SMALL, samples=3), J2K)


@pytest.mark.parametrize("damage", [slice(60, None), slice(44, None)], ids=["cut off", "without a body"])
def test_damaged_jpeg_2000_is_refused(damage: slice) -> None:
    encoded = bytearray(claiming(8, 8))
    del encoded[damage]
    with pytest.raises(Unconvertible):
        codecs.decode(bytes(encoded), SMALL, J2K)


def test_subsampled_jpeg_2000_is_refused() -> None:
    encoded = bytearray(claiming(8, 8))
    encoded[43:45] = b"\2\2"  # XRsiz, YRsiz
    with pytest.raises(Unconvertible):
        codecs.decode(bytes(encoded), SMALL, J2K)


def test_a_decoder_that_gives_other_samples_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagecodecs, "jpeg2k_decode", lambda _: np.zeros((8, 9), "u1"))
    with pytest.raises(Unconvertible):
        codecs.decode(claiming(8, 8), SMALL, J2K)


def test_the_file_around_jpeg_2000_is_left_away() -> None:
    samples = samples_of(SMALL)
    file = bytes(imagecodecs.jpeg2k_encode(samples, level=0, codecformat="jp2", reversible=True))
    assert file.startswith(b"\0\0\0\x0cjP")
    assert np.array_equal(codecs.decode(file, SMALL, J2K), samples)


def test_frames_that_are_decoded_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "MOST_PIXELS", 10 << 20)
    with pytest.raises(NotAcceptable, match="more than 10 megapixels"):
        codecs.decode(b"", Frame(10_000, 10_000), EXPLICIT)


def test_padding_of_words_is_cut_off_after_they_are_swapped() -> None:
    frame = Frame(1, 3, bits_allocated=8, bits_stored=8)
    assert codecs.decode(b"\2\1\0\3", frame, BIG).tolist() == [[1, 2, 3]]
    assert codecs.swap(b"\2\1\0\3", frame) == b"\1\2\3"


def test_planes_are_put_together() -> None:
    frame = Frame(1, 2, samples=3, planar=1, photometric="RGB", bits_allocated=8, bits_stored=8, words=False)
    assert codecs.decode(bytes([1, 2, 3, 4, 5, 6]), frame, EXPLICIT).tolist() == [[[1, 3, 5], [2, 4, 6]]]


def test_shared_chroma_is_given_to_both_pixels() -> None:
    frame = Frame(1, 2, samples=3, photometric="YBR_FULL_422", bits_allocated=8, bits_stored=8, words=False)
    assert codecs.decode(bytes([10, 20, 3, 4]), frame, EXPLICIT).tolist() == [[[10, 3, 4], [20, 3, 4]]]


def test_single_bits_come_lowest_first() -> None:
    assert codecs.decode(b"\x05", Frame(1, 3, bits_allocated=1, bits_stored=1), EXPLICIT).tolist() == [[1, 0, 1]]


@pytest.mark.parametrize("bits", [32, 64])
def test_floating_samples_are_kept(bits: int) -> None:
    frame = Frame(1, 2, bits_allocated=bits, bits_stored=bits, floating=True)
    samples = np.array([[1.5, -2.5]], frame.dtype)
    assert np.array_equal(codecs.decode(codecs.encode(samples, frame, BIG), frame, BIG), samples)


@pytest.mark.parametrize(
    ("data", "frame", "uid"),
    [
        (b"\0" * 5, Frame(1, 3), EXPLICIT),
        (b"\0" * 3, Frame(1, 3, bits_allocated=8, bits_stored=8), BIG),
        (b"\0" * 6, Frame(1, 3, samples=3, photometric="YBR_FULL_422", bits_allocated=8, bits_stored=8), EXPLICIT),
        (b"not JPEG 2000", Frame(1, 3), J2K),
        (b"", Frame(1, 3), J2K),
        (codecs.encode(np.zeros((1, 3), "u2"), Frame(1, 3), J2K), Frame(1, 4), J2K),
        (codecs.encode(np.zeros((1, 3), "u2"), Frame(1, 3), J2K), Frame(1, 3, bits_allocated=1, bits_stored=1), J2K),
        (b"\0" * 6, Frame(1, 3), "1.2.3"),
    ],
)
def test_what_cannot_be_decoded_is_refused(data: bytes, frame: Frame, uid: str) -> None:
    with pytest.raises(Unconvertible):
        codecs.decode(data, frame, uid)


@pytest.mark.parametrize(
    ("frame", "uid"),
    [
        (Frame(1, 3, bits_allocated=1, bits_stored=1), J2K),
        (Frame(1, 3, bits_allocated=32, bits_stored=32), J2K),
        (Frame(1, 3, bits_allocated=32, bits_stored=32, floating=True), J2K),
        (Frame(1, 3, samples=3, photometric="YBR_PARTIAL_422", bits_allocated=8, bits_stored=8), J2K),
        (Frame(1, 3), XL_OF_JPEG),
        (Frame(1, 3), "1.2.3"),
    ],
)
def test_what_cannot_be_encoded_is_refused(frame: Frame, uid: str) -> None:
    with pytest.raises(Unconvertible):
        codecs.encode(np.zeros(frame.shape, frame.dtype), frame, uid)

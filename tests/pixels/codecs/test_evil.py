"""Frames that are cut off, damaged or lie: each is refused, or gives samples of the right shape, and no more."""

import struct
from collections.abc import Iterator

import imagecodecs
import numpy as np
import pytest

from filmroom.errors import NotAcceptable
from filmroom.pixels import codecs
from filmroom.pixels.codecs import jpeg, jpeg_xl
from filmroom.pixels.frame import Frame
from tests.pixels.codecs import frames
from tests.pixels.codecs.frames import frame, shades

FAMILIES = [*frames.LOSSLESS[2:], *frames.LOSSY, frames.XL_OF_JPEG]
OF = [frame(8), frame(8, 3)]


def made(of: Frame, uid: str) -> bytes:
    if uid == frames.XL_OF_JPEG:
        return bytes(imagecodecs.jpegxl_encode_jpeg(made(of, frames.JPEG)))
    photometric = "XYB" if uid == frames.LOSSY_XL and of.samples == 3 else of.photometric
    return codecs.encode(shades(of), Frame(of.rows, of.columns, of.samples, photometric, 0, 8, 8, words=False), uid)


def survives(data: bytes, of: Frame, uid: str) -> bool:
    """Whether it could be decoded. Nothing but NotAcceptable may come of it."""
    try:
        samples = codecs.decode(data, of, uid)
    except NotAcceptable:
        return False
    assert samples.shape == of.shape
    assert samples.dtype == of.dtype
    return True


@pytest.mark.parametrize("uid", FAMILIES)
@pytest.mark.parametrize("of", OF, ids=["grey", "colour"])
def test_what_is_cut_off_is_refused(of: Frame, uid: str) -> None:
    data = made(of, uid)
    assert survives(data, of, uid)
    points = {*range(80), *range(0, len(data), max(len(data) // 97, 1)), len(data) // 2, len(data) - 8}
    decoded = [point for point in points if point < len(data) - 4 and survives(data[:point], of, uid)]
    assert decoded == []


@pytest.mark.parametrize("uid", FAMILIES)
@pytest.mark.parametrize("of", OF, ids=["grey", "colour"])
def test_flipped_bits_do_no_harm(of: Frame, uid: str) -> None:
    data = made(of, uid)
    random = np.random.default_rng(3)
    for number in range(300):
        damaged = bytearray(data)
        reach = 64 if number % 2 else len(data)  # half of them in the headers
        for place in random.integers(0, min(reach, len(data)), 1 + number % 3):
            damaged[place] ^= 1 << random.integers(0, 8)
        survives(bytes(damaged), of, uid)


@pytest.mark.parametrize("uid", FAMILIES)
def test_noise_and_nothing_are_refused(uid: str) -> None:
    of = frame(8)
    for data in (b"", b"\0", bytes(range(256)), b"\xff" * 2000, b"\xff\xd8\xff\xd9", b"\xff\x0a\xff\xff\xff"):
        if uid != frames.IN_ITEMS or len(data) < of.length:
            assert not survives(data, of, uid)


@pytest.mark.parametrize("uid", [uid for uid in FAMILIES if uid != frames.IN_ITEMS])
def test_a_large_rest_does_not_matter(uid: str) -> None:
    of = frame(8)
    survives(made(of, uid) + b"\0" * (16 << 20), of, uid)


def lying(data: bytes, uid: str) -> Iterator[tuple[bytes, str]]:
    """The same with sizes that are absurd, and with none."""
    for rows, columns in ((0, 0), (0, 22), (17, 0), (1, 1), (65_000, 65_000)):
        changed = bytearray(data)
        if data.startswith(b"\xff\x4f"):
            struct.pack_into(">II", changed, 8, columns, rows)
            struct.pack_into(">II", changed, 24, columns, rows)
        elif data.startswith(b"\xff\xd8"):
            start = next(at for at in range(len(data)) if data[at] == 0xFF and data[at + 1] in (0xC0, 0xC1, 0xC3, 0xF7))
            struct.pack_into(">HH", changed, start + 5, rows, columns)
        else:
            return
        yield bytes(changed), f"{rows} x {columns}"


@pytest.mark.parametrize("uid", [uid for uid in FAMILIES if uid not in (frames.IN_ITEMS, frames.DEFLATED, frames.RLE)])
def test_sizes_that_lie_are_refused_before_anything_is_decoded(uid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    of = frame(8)
    data = made(of, uid)
    for name in ("jpeg8", "jpegls", "jpeg2k", "htj2k", "jpegxl"):
        monkeypatch.delattr(imagecodecs, f"{name}_decode")
    monkeypatch.delattr(imagecodecs, "jpegxl_decode_jpeg")
    for changed, size in lying(data, uid):
        with pytest.raises(NotAcceptable, match=f"{size}|is not"):
            codecs.decode(changed, of, uid)
    with pytest.raises(NotAcceptable, match="17 x 22"):
        codecs.decode(data, frames.frame(8, 1).__class__(4000, 4000, bits_allocated=8, bits_stored=8), uid)


def test_a_deflated_bomb_is_inflated_no_further_than_the_frame() -> None:
    of = frame(8)
    bomb = codecs.encode(
        np.zeros((8192, 8192), "u1"), Frame(8192, 8192, bits_allocated=8, bits_stored=8), frames.DEFLATED
    )
    assert len(bomb) < 1 << 17
    assert survives(bomb, of, frames.DEFLATED)


@pytest.mark.parametrize(
    "header",
    [
        [0],
        [16, 64],
        [1, 0],
        [1, 63],
        [1, 1 << 31],
        [2, 64, 80],
        [1, 90],
    ],
)
def test_rle_whose_header_lies_is_refused(header: list[int]) -> None:
    of = frame(8)
    data = struct.pack("<16I", *header, *[0] * (16 - len(header))) + made(of, frames.RLE)[64:]
    assert not survives(data, of, frames.RLE)


@pytest.mark.parametrize(
    ("rows", "columns", "bits"),
    [(1, 1, 8), (8, 8, 8), (17, 22, 12), (64, 96, 16), (256, 256, 10), (300, 200, 9), (100, 5000, 16), (9, 16, 8)],
)
def test_jpeg_xl_tells_its_size(rows: int, columns: int, bits: int) -> None:
    data = bytes(imagecodecs.jpegxl_encode(np.zeros((rows, columns), "u1" if bits == 8 else "u2"), bitspersample=bits))
    size = jpeg_xl.read_size(data, 1)
    assert size is not None
    assert (size.rows, size.columns, size.precision) == (rows, columns, bits)


def test_what_follows_the_markers_of_jpeg_may_be_missing() -> None:
    data = made(frame(8), frames.JPEG)
    for end in range(len(data)):
        header = jpeg.read_header(data[:end])
        assert header is None or header.size[:2] == (17, 22)

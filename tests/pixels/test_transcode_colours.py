"""What data sets and Metadata say of pixel data agrees with the bytes that go with them."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_fragments
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from filmroom.dicom import transfer_syntax
from filmroom.errors import NotAcceptable, Unconvertible
from filmroom.pixels import codecs
from filmroom.pixels.transcode import after, transcode_frame
from tests import data
from tests.pixels.codecs import frames
from tests.pixels.codecs.frames import frame, shades
from tests.pixels.test_transcode import dataset, each_frame, transcoded

ENCAPSULATED = [uid for uid in (*frames.LOSSLESS, *frames.LOSSY) if transfer_syntax.find(uid).encapsulated]
READABLE = [
    uid
    for uid in ENCAPSULATED
    if uid not in (frames.IN_ITEMS, frames.DEFLATED) and transfer_syntax.find(uid).media_type != "image/jxl"
]


def image(photometric: str = "RGB", planar: int = 0, count: int = 1) -> pydicom.Dataset:
    """An image whose colours are smooth, so that loss is small."""
    of = frame(8, 3, photometric)
    made = data.image(
        count, of.rows, of.columns, 8, 3, PhotometricInterpretation=photometric, PlanarConfiguration=planar
    )
    samples = shades(of)
    pixels = (samples.transpose(2, 0, 1) if planar else samples).tobytes() * count
    made.PixelData = pixels + b"\0" * (len(pixels) % 2)
    return made


@pytest.mark.parametrize("uid", READABLE)
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_others_see_the_same_colours_in_the_file(tmp_path: Path, photometric: str, uid: str) -> None:
    made = dataset(transcoded(data.file(image(photometric, planar=1)), tmp_path, uid), tmp_path)
    assert made.PlanarConfiguration == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, about = get_decoder(UID(uid)).as_array(made, raw=True, index=0)
    assert about["photometric_interpretation"] == photometric
    off = np.abs(found.astype(int) - shades(frame(8, 3)))
    assert off.max() <= (30 if uid in frames.LOSSY else 0)


@pytest.mark.parametrize("uid", frames.LOSSY)
def test_loss_is_written_down(tmp_path: Path, uid: str) -> None:
    original = data.image(rows=64, columns=64, bits=8)
    made = dataset(transcoded(data.file(original), tmp_path, uid), tmp_path)
    assert made.LossyImageCompression == "01"
    length = sum(map(len, list(generate_fragments(made.PixelData))[1:]))
    assert made.LossyImageCompressionRatio == pytest.approx(64 * 64 / length, rel=0.01)
    assert made.LossyImageCompressionMethod == codecs.find(uid).loses
    assert made.SOPInstanceUID == original.SOPInstanceUID


def test_loss_is_added_to_what_was_lost_before(tmp_path: Path) -> None:
    made = dataset(transcoded(data.file(image()), tmp_path, frames.JPEG, frames.LOSSY_J2K, frames.J2K), tmp_path)
    assert made.LossyImageCompression == "01"
    assert made.LossyImageCompressionMethod == ["ISO_10918_1", "ISO_15444_1"]
    assert len(made.LossyImageCompressionRatio) == 2


@pytest.mark.parametrize("uid", frames.LOSSLESS)
def test_without_loss_none_is_written_down(tmp_path: Path, uid: str) -> None:
    assert "LossyImageCompression" not in dataset(transcoded(data.file(image()), tmp_path, uid), tmp_path)


def test_who_decodes_jpeg_says_that_it_was_lossy(tmp_path: Path) -> None:
    lossy = dataset(transcoded(data.file(image()), tmp_path, frames.JPEG), tmp_path)
    del lossy.LossyImageCompression
    lossy.save_as(tmp_path / "lossy")
    made = transcoded((tmp_path / "lossy").read_bytes(), tmp_path, frames.EXPLICIT)
    assert dataset(made, tmp_path).LossyImageCompression == "01"


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("source", ENCAPSULATED)
def test_native_frames_are_planar_if_metadata_say_so(tmp_path: Path, source: str, planar: int) -> None:
    [(of, raw)] = each_frame(transcoded(data.file(image()), tmp_path, source))
    if not codecs.find(source).as_described:
        of = replace(of, planar=planar)
    native = np.frombuffer(transcode_frame(raw, of, source, frames.EXPLICIT), "u1")
    shape = (3, of.rows, of.columns) if of.planar else (of.rows, of.columns, 3)
    found = native.reshape(shape)
    off = np.abs((found.transpose(1, 2, 0) if of.planar else found).astype(int) - shades(frame(8, 3)))
    assert off.max() <= (30 if source in frames.LOSSY else 0)


def test_native_frames_share_chroma_if_metadata_say_so() -> None:
    of = frame(8, 3, "YBR_FULL_422")
    full = shades(replace(of, photometric="YBR_FULL"))
    jpeg = codecs.encode(full, replace(of, photometric="YBR_FULL"), frames.JPEG)
    native = transcode_frame(jpeg, of, frames.JPEG, frames.EXPLICIT)
    assert len(native) == of.length == of.rows * of.columns * 2
    assert np.abs(codecs.decode(native, of, frames.EXPLICIT).astype(int) - full).max() <= 30


def test_shared_chroma_survives_lossless_compression() -> None:
    of = frame(8, 3, "YBR_FULL_422")
    native = np.random.default_rng(1).integers(0, 256, of.length, "u1").tobytes()
    for uid in frames.LOSSLESS:
        compressed = transcode_frame(native, of, frames.EXPLICIT, uid)
        assert transcode_frame(compressed, of, uid, frames.EXPLICIT) == native


@pytest.mark.parametrize("photometric", ["YBR_RCT", "YBR_ICT"])
def test_what_only_a_codestream_can_be_is_rgb_once_decoded(photometric: str) -> None:
    of = frame(8, 3, photometric)
    codestream = codecs.encode(shades(of), of, frames.J2K)
    assert transcode_frame(codestream, of, frames.J2K, frames.EXPLICIT) == shades(of).tobytes()
    assert after(of, frames.J2K, frames.EXPLICIT).photometric == "RGB"


def test_jpeg_that_jpeg_xl_made_smaller_comes_back_byte_by_byte(tmp_path: Path) -> None:
    stored = transcoded(data.file(image("YBR_FULL", count=3)), tmp_path, frames.JPEG)
    smaller = transcoded(stored, tmp_path, frames.XL_OF_JPEG)
    back = transcoded(smaller, tmp_path, frames.JPEG)
    assert dataset(smaller, tmp_path).PhotometricInterpretation == "YBR_FULL"
    assert dataset(back, tmp_path).PixelData == dataset(stored, tmp_path).PixelData
    assert [raw.rstrip(b"\0") for _, raw in each_frame(back)] == [raw.rstrip(b"\0") for _, raw in each_frame(stored)]


def test_single_bits_of_many_frames_follow_without_a_gap(tmp_path: Path) -> None:
    made = data.image(3, 3, 5, 8)
    made.BitsAllocated = made.BitsStored = 1
    made.HighBit = 0
    made.PixelData = bytes([0b10110011, 0b01010101, 0b11100010, 0b00001111, 0b11001100, 0b00010101])
    back = dataset(transcoded(data.file(made), tmp_path, frames.DEFLATED, frames.EXPLICIT), tmp_path)
    assert back.PixelData == made.PixelData


def test_floating_samples_are_not_compressed(tmp_path: Path) -> None:
    made = data.dataset()
    made.add_new("FloatPixelData", "OF", b"\0" * 16)
    with pytest.raises(NotAcceptable, match="Floating point"):
        transcoded(data.file(made), tmp_path, frames.J2K)


@pytest.mark.parametrize("photometric", ["YBR_PARTIAL_422", "YBR_PARTIAL_420"])
def test_retired_colours_stay_native(tmp_path: Path, photometric: str) -> None:
    made = data.image(1, 4, 4, 8, 3, PhotometricInterpretation=photometric)
    made.PixelData = made.PixelData[: 4 * 4 * 2 if photometric.endswith("422") else 4 * 4 * 3 // 2]
    back = dataset(transcoded(data.file(made), tmp_path, frames.BIG, frames.EXPLICIT), tmp_path)
    assert (back.PhotometricInterpretation, back.PixelData) == (photometric, made.PixelData)
    with pytest.raises(Unconvertible):
        transcoded(data.file(made), tmp_path, frames.J2K)


@pytest.mark.parametrize("uid", ENCAPSULATED)
def test_many_frames_keep_their_order(tmp_path: Path, uid: str) -> None:
    original = data.image(9, 16, 16, 8)
    for number in range(9):
        pixels = bytearray(original.PixelData)
        pixels[256 * number : 256 * (number + 1)] = bytes([number * 20]) * 256
        original.PixelData = bytes(pixels)
    made = dataset(transcoded(data.file(original), tmp_path, uid, frames.EXPLICIT), tmp_path)
    assert [int(plane[0, 0]) for plane in made.pixel_array] == pytest.approx([n * 20 for n in range(9)], abs=3)

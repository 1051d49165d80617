"""Every codec: what is encoded is decoded, by us and by others, and lossy ones keep within their bounds."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from filmroom.dicom import transfer_syntax
from filmroom.errors import NotAcceptable, Unconvertible
from filmroom.pixels import codecs
from filmroom.pixels.codecs import jpeg_ls
from filmroom.pixels.frame import Frame, Samples
from tests.pixels.codecs import frames
from tests.pixels.codecs.frames import DEEP, FRAMES, LOSSLESS, frame, noise, shades

COMPRESSED = [uid for uid in LOSSLESS if uid not in (frames.EXPLICIT, frames.BIG, frames.DEFLATED, frames.XL)]


def encoded(samples: Samples, of: Frame, uid: str) -> tuple[bytes, Frame]:
    """The bytes, and what they are."""
    photometric = codecs.find(uid).encoded.get(of.photometric, of.photometric)
    made = replace(of, photometric=photometric)
    return codecs.encode(samples, made, uid), made


def others(data: bytes, of: Frame, uid: str) -> dict[str, Samples]:
    """What the decoders of pydicom make of it, by their names."""
    read = Dataset()
    read.file_meta = FileMetaDataset()
    read.file_meta.TransferSyntaxUID = UID(uid)
    read.Rows, read.Columns, read.SamplesPerPixel = of.rows, of.columns, of.samples
    read.PhotometricInterpretation, read.PlanarConfiguration = of.photometric, 0
    read.BitsAllocated, read.BitsStored, read.HighBit = of.bits_allocated, of.bits_stored, of.bits_stored - 1
    read.PixelRepresentation = int(of.signed)
    read.PixelData = encapsulate([data])
    read["PixelData"].VR = "OB"
    decoder, found = get_decoder(uid), {}
    for plugin in decoder.available_plugins:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found[plugin] = decoder.as_array(read, raw=True, index=0, decoding_plugin=plugin)[0]
            except RuntimeError:
                continue
    return found


@pytest.mark.parametrize("uid", LOSSLESS)
@pytest.mark.parametrize("of", FRAMES, ids=str)
def test_lossless_is_every_sample(of: Frame, uid: str) -> None:
    for samples in (noise(of), shades(of)):
        data, made = encoded(samples, of, uid)
        found = codecs.decode(data, made, uid)
        assert found.dtype == of.dtype
        assert np.array_equal(found, samples)


SIDES = [(1, 1, 1), (1, 1, 3), (1, 2, 1), (2, 1, 3), (3, 3, 3), (3, 1, 3), (1, 300, 1), (512, 512, 1)]


@pytest.mark.parametrize("uid", LOSSLESS)
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("rows", "columns", "samples"), SIDES)
def test_lossless_is_every_sample_of_noise_of_any_size(
    rows: int, columns: int, samples: int, bits: int, uid: str
) -> None:
    of = replace(frame(bits, samples), rows=rows, columns=columns)
    data, made = encoded(noise(of), of, uid)
    assert np.array_equal(codecs.decode(data, made, uid), noise(of))


def test_jpeg_ls_need_not_be_interleaved() -> None:
    """A scan for each color (ISO/IEC 14495-1 §A.1), of a Frame whose shape does not tell which axis is which."""
    of = replace(frame(8, 3), rows=3, columns=3)
    made = bytes.fromhex("ffd8 fff7 0011 08 0003 0003 03 011100 021100 031100")
    for sample in range(3):
        plane = np.ascontiguousarray(noise(of)[:, :, sample])
        alone = codecs.encode(plane, replace(of, samples=1, photometric="MONOCHROME2"), frames.JLS)
        scan = alone[alone.index(b"\xff\xda") : -2]
        made += scan[:5] + bytes([sample + 1]) + scan[6:]
    assert np.array_equal(codecs.decode(made + b"\xff\xd9", of, frames.JLS), noise(of))


@pytest.mark.parametrize("uid", frames.WORDS_OF_32)
@pytest.mark.parametrize("of", DEEP, ids=str)
def test_lossless_is_every_sample_of_32_bits(of: Frame, uid: str) -> None:
    data, made = encoded(noise(of), of, uid)
    assert np.array_equal(codecs.decode(data, made, uid), noise(of))


@pytest.mark.parametrize("uid", frames.SINGLE_BITS)
def test_single_bits_are_packed(uid: str) -> None:
    of = Frame(3, 5, bits_allocated=1, bits_stored=1, words=False)
    data = codecs.encode(noise(of), of, uid)
    assert np.array_equal(codecs.decode(data, of, uid), noise(of))


@pytest.mark.parametrize("uid", LOSSLESS)
def test_words_that_use_more_than_bits_stored_are_kept(uid: str) -> None:
    of = frame(12, signed=True)
    samples = np.full(of.shape, 0x0FFF, of.dtype)  # -1 whose sign was not extended
    data, made = encoded(samples, of, uid)
    assert np.array_equal(codecs.decode(data, made, uid), samples)


# GDCM fails on samples of less than a byte in some codecs; others need not read what it doesn't.
SHALLOW = [of for of in FRAMES if of.bits_stored in (8, 12, 16) and of.bits_allocated - of.bits_stored < 8]


@pytest.mark.parametrize("uid", COMPRESSED)
@pytest.mark.parametrize("of", SHALLOW, ids=str)
def test_others_read_what_we_write(of: Frame, uid: str) -> None:
    if uid == frames.IN_ITEMS:
        pytest.skip("pydicom takes it for native")
    samples = shades(of)
    data, made = encoded(samples, of, uid)
    found = others(data, made, uid)
    assert found
    for name, read in found.items():
        assert np.array_equal(read, samples), name


@pytest.mark.parametrize("uid", [frames.HT, frames.HT_RPCL, frames.J2K])
def test_the_precision_of_jpeg_2000_is_bits_stored(uid: str) -> None:
    for of in (frame(12), frame(10, signed=True), frame(12, 3)):
        data, _ = encoded(shades(of), of, uid)
        assert [data[42 + 3 * component] for component in range(of.samples)] == [
            of.signed << 7 | of.bits_stored - 1
        ] * of.samples


def test_htj2k_can_be_read_by_resolution() -> None:
    """PS3.5 §10.18: RPCL, enough resolutions for one of 64 pixels, Tile Length Markers."""
    of = Frame(300, 5000)
    data = codecs.encode(np.zeros(of.shape, of.dtype), of, frames.HT_RPCL)
    style = data.index(b"\xff\x52")
    order, decompositions = data[style + 5], data[style + 9]
    assert order == 2
    assert min(of.rows, of.columns) >> decompositions <= 64
    assert b"\xff\x55" in data[: data.index(b"\xff\x90")]


LOSSES = {
    # Transfer Syntax: the greatest and the mean error, as parts of the range of values
    frames.JPEG: (0.1, 0.02),
    frames.JPEG_12: (0.1, 0.02),
    frames.NEAR_JLS: (jpeg_ls.NEAR / 255, jpeg_ls.NEAR / 255),
    frames.LOSSY_J2K: (0.02, 0.004),
    frames.LOSSY_HT: (0.02, 0.004),
    frames.LOSSY_XL: (0.1, 0.02),
}


@pytest.mark.parametrize("uid", frames.LOSSY)
@pytest.mark.parametrize("of", [frame(8), frame(8, 3), frame(8, photometric="MONOCHROME1"), frame(12)], ids=str)
def test_loss_has_bounds(of: Frame, uid: str) -> None:
    if of.bits_stored > 8 and uid in (frames.JPEG, frames.LOSSY_XL):
        pytest.skip("8 bits only")
    samples = shades(of)
    data, made = encoded(samples, of, uid)
    found = codecs.decode(data, made, uid)
    off = np.abs(found.astype("i8") - samples) / ((1 << of.bits_stored) - 1)
    greatest, mean = LOSSES[uid]
    assert off.max() <= greatest
    assert np.sqrt((off**2).mean()) <= mean
    for name, read in others(data, made, uid).items() if transfer_syntax.find(uid).media_type != "image/jxl" else ():
        assert np.abs(read.astype("i8") - found).max() <= 2, name


@pytest.mark.parametrize("uid", [frames.LOSSY_J2K, frames.LOSSY_HT])
def test_loss_is_a_part_of_the_values_in_use(uid: str) -> None:
    of = frame(16, signed=True)
    samples = (shades(frame(10)) - 100).astype(of.dtype)
    data, made = encoded(samples, of, uid)
    off = codecs.decode(data, made, uid).astype("i8") - samples
    assert np.sqrt((off**2).mean()) < 3
    assert off.any()


@pytest.mark.parametrize("uid", frames.LOSSY)
def test_indexes_of_a_palette_are_not_compressed_with_loss(uid: str) -> None:
    of = frame(8, photometric="PALETTE COLOR")
    with pytest.raises(Unconvertible):
        codecs.encode(noise(of), of, uid)


@pytest.mark.parametrize("uid", [frames.JPEG, frames.JPEG_12, frames.NEAR_JLS, frames.LOSSY_XL])
def test_where_there_is_no_sign_signed_samples_are_not_compressed_with_loss(uid: str) -> None:
    of = frame(8, signed=True)
    with pytest.raises(NotAcceptable, match="Only unsigned"):
        codecs.encode(noise(of), of, uid)


@pytest.mark.parametrize(
    ("uid", "bits"), [(frames.JPEG, 12), (frames.JPEG_12, 16), (frames.LOSSY_XL, 12), (frames.J2K, 32), (frames.XL, 32)]
)
def test_what_is_too_deep_is_refused(uid: str, bits: int) -> None:
    of = frame(bits)
    with pytest.raises(Unconvertible):
        codecs.encode(noise(of), of, uid)


@pytest.mark.parametrize("uid", [uid for uid in LOSSLESS if transfer_syntax.find(uid).encapsulated])
def test_the_data_set_says_the_size(uid: str) -> None:
    of = frame(8)
    data, _ = encoded(noise(of), of, uid)
    for other in (replace(of, rows=34), replace(of, columns=44), replace(of, samples=3), replace(of, rows=1 << 14)):
        with pytest.raises(Unconvertible):
            codecs.decode(data, other, uid)


@pytest.mark.parametrize("uid", [frames.JLS, frames.J2K, frames.HT, frames.LOSSLESS_JPEG, frames.XL])
def test_samples_too_large_for_the_data_set_are_refused(uid: str) -> None:
    of = frame(16)
    data, _ = encoded(noise(of), of, uid)
    with pytest.raises(Unconvertible):
        codecs.decode(data, replace(of, bits_allocated=8, bits_stored=8), uid)

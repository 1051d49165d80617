import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from filmroom.dicom import frames, json_model, part10, transfer_syntax
from filmroom.errors import BadFile, NotAcceptable, Unavailable, Unconvertible
from filmroom.pixels import transcode
from filmroom.pixels.frame import Frame, describe
from filmroom.pixels.transcode import can_transcode, transcode_file, transcode_frame
from tests import data

IMPLICIT, EXPLICIT = transfer_syntax.IMPLICIT_LITTLE.uid, transfer_syntax.EXPLICIT_LITTLE.uid
DEFLATED, BIG = transfer_syntax.DEFLATED.uid, transfer_syntax.EXPLICIT_BIG.uid
J2K, LOSSY_J2K = transfer_syntax.JPEG_2000_LOSSLESS.uid, transfer_syntax.JPEG_2000.uid
JPEG, XL_OF_JPEG = transfer_syntax.JPEG_BASELINE.uid, transfer_syntax.JPEG_XL_RECOMPRESSION.uid
MPEG = "1.2.840.10008.1.2.4.102"
NATIVE = [IMPLICIT, EXPLICIT, DEFLATED, BIG]
TARGETS = [*NATIVE, J2K]

IMAGES: list[dict[str, Any]] = [
    {},
    {"frames": 3, "rows": 3, "columns": 5},
    {"frames": 3, "rows": 3, "columns": 5, "bits": 8},
    {"bits": 8, "PhotometricInterpretation": "MONOCHROME1", "PixelRepresentation": 1},
    {"PixelRepresentation": 1},
    {"BitsStored": 12, "HighBit": 11},
    {"frames": 2, "bits": 8, "samples": 3},
    {"frames": 2, "bits": 8, "samples": 3, "PlanarConfiguration": 1},
    {"bits": 8, "samples": 3, "PhotometricInterpretation": "YBR_FULL"},
    {"samples": 3},
]


def transcoded(content: bytes, folder: Path, *uids: str) -> bytes:
    """The file after it was transcoded to each Transfer Syntax in turn."""
    for number, uid in enumerate(uids):
        source, made = folder / f"{number}", folder / f"{number + 1}"
        source.write_bytes(content)
        transcode_file(source, made, uid)
        content = made.read_bytes()
    return content


def dataset(content: bytes, folder: Path) -> pydicom.FileDataset:
    (folder / "read.dcm").write_bytes(content)
    return pydicom.dcmread(folder / "read.dcm")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", NATIVE)
@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_every_sample_survives(tmp_path: Path, image: dict[str, Any], source: str, target: str) -> None:
    original = data.image(**image)
    if source == BIG:
        original["PixelData"].VR = "OB" if original.BitsAllocated == 8 else "OW"
    content = transcoded(data.file(original), tmp_path, source, target, EXPLICIT)
    original.file_meta = dataset(content, tmp_path).file_meta
    expected, found = original.pixel_array, dataset(content, tmp_path).pixel_array
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("target", NATIVE)
def test_native_files_are_what_pydicom_reads(tmp_path: Path, target: str) -> None:
    original = data.image(frames=2, rows=3, columns=5)
    made = dataset(transcoded(data.file(original), tmp_path, target), tmp_path)
    original.file_meta = dataset(data.file(original), tmp_path).file_meta
    assert made.file_meta.TransferSyntaxUID == target
    assert np.array_equal(made.pixel_array, original.pixel_array)


def test_jpeg_2000_has_a_fragment_and_an_offset_for_each_frame(tmp_path: Path) -> None:
    content = transcoded(data.file(data.image(frames=3)), tmp_path, J2K)
    made = dataset(content, tmp_path)
    offsets = pydicom.encaps.parse_basic_offsets(made.PixelData)
    assert len(list(pydicom.encaps.generate_fragments(made.PixelData))) == 4
    assert len(offsets) == 3
    assert made["PixelData"].VR == "OB"


@pytest.mark.parametrize(("image", "photometric"), [({"samples": 3}, "YBR_RCT"), ({}, "MONOCHROME2")])
def test_the_data_set_tells_the_colours_of_jpeg_2000(tmp_path: Path, image: dict[str, Any], photometric: str) -> None:
    made = data.image(bits=8, **image)
    if made.SamplesPerPixel == 3:
        made.PlanarConfiguration = 1
    there = dataset(transcoded(data.file(made), tmp_path, J2K), tmp_path)
    back = dataset(transcoded(data.file(made), tmp_path, J2K, EXPLICIT), tmp_path)
    coding_style = there.PixelData.index(b"\xff\x52")
    assert there.PixelData[coding_style + 8] == (photometric == "YBR_RCT")  # whether components are transformed
    assert there.PhotometricInterpretation == photometric
    assert there.get("PlanarConfiguration", 0) == back.get("PlanarConfiguration", 0) == 0
    assert back.PhotometricInterpretation == made.PhotometricInterpretation


def test_shared_chroma_becomes_full_in_jpeg_2000(tmp_path: Path) -> None:
    made = data.image(bits=8, samples=3, PhotometricInterpretation="YBR_FULL_422")
    made.PixelData = made.PixelData[: 8 * 8 * 2]
    content = transcoded(data.file(made), tmp_path, J2K, EXPLICIT)
    there = dataset(content, tmp_path)
    assert there.PhotometricInterpretation == "YBR_FULL"
    assert len(there.PixelData) == 8 * 8 * 3


def test_a_frame_of_odd_length_is_padded(tmp_path: Path) -> None:
    made = data.image(bits=8, rows=3, columns=3)
    there = dataset(transcoded(data.file(made), tmp_path, J2K, EXPLICIT), tmp_path)
    assert (len(there.PixelData), there["PixelData"].VR) == (10, "OB")
    assert there.PixelData == made.PixelData


def test_everything_else_is_kept(tmp_path: Path) -> None:
    made = data.image(PatientName="Yamada^Tarou=山田^太郎", SpecificCharacterSet="ISO_IR 192")
    inner = Dataset()
    inner.LUTDescriptor = [4, 0, 16]
    inner.add_new("LUTData", "OW", b"\1\2\3\4\5\6\7\x08")
    made.VOILUTSequence = Sequence([inner])
    made.add_new("TrackPointIndexList", "OL", b"\1\2\3\4")
    made.add_new("VectorGridData", "OF", b"\1\2\3\4")
    made.add_new("DoubleFloatRealWorldValueFirstValueMapped", "FD", 1.5)
    made.FrameIncrementPointer = 0x00181063
    made.PixelSpacing = ["0.10", "1e-1"]
    content = data.file(made)
    for target in (EXPLICIT, DEFLATED, BIG, J2K):
        back = transcoded(content, tmp_path, target, EXPLICIT)
        assert part10.read(back).elements.keys() == part10.read(content).elements.keys()
        assert dataset(back, tmp_path) == dataset(content, tmp_path)


def test_numbers_are_swapped_at_any_depth(tmp_path: Path) -> None:
    inner, made = Dataset(), data.image()
    inner.LUTDescriptor = [4, 0, 16]
    inner.add_new("LUTData", "OW", b"\1\2\3\4")
    made.VOILUTSequence = Sequence([inner])
    big = dataset(transcoded(data.file(made), tmp_path, BIG), tmp_path)
    assert big.VOILUTSequence[0].LUTDescriptor == [4, 0, 16]
    assert big.VOILUTSequence[0].LUTData == b"\2\1\4\3"


def test_the_file_tells_who_wrote_it(tmp_path: Path) -> None:
    made = data.image()
    meta = dataset(transcoded(data.file(made), tmp_path, J2K), tmp_path).file_meta
    assert meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert meta.ImplementationVersionName == "FILMROOM"


def test_icons_are_decoded_where_the_image_is(tmp_path: Path) -> None:
    made = data.image(bits=8)
    content = transcoded(data.file(made), tmp_path, J2K)
    there = dataset(content, tmp_path)
    icon = Dataset()
    for keyword in ("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored"):
        setattr(icon, keyword, there[keyword].value)
    icon.PixelData = there.PixelData
    icon["PixelData"].is_undefined_length = True
    there.IconImageSequence = Sequence([icon])
    there.save_as(tmp_path / "icon")
    for uid in (EXPLICIT, J2K):  # in JPEG 2000 an icon may be native
        with_icon = transcoded((tmp_path / "icon").read_bytes(), tmp_path, BIG, uid)
        assert dataset(with_icon, tmp_path).IconImageSequence[0].PixelData == made.PixelData


def test_what_has_no_pixel_data_is_rewritten(tmp_path: Path) -> None:
    made = dataset(transcoded(data.file(), tmp_path, J2K), tmp_path)
    assert made.file_meta.TransferSyntaxUID == J2K
    assert made.PatientID == "ID1"


def test_samples_of_32_bits_are_swapped_whole(tmp_path: Path) -> None:
    made = data.image()
    made.BitsAllocated = made.BitsStored = 32
    made.Columns = 4
    made.file_meta = dataset(data.file(made), tmp_path).file_meta
    there = dataset(transcoded(data.file(made), tmp_path, BIG), tmp_path)
    assert np.array_equal(there.pixel_array, made.pixel_array)


@pytest.mark.parametrize("uid", [XL_OF_JPEG, MPEG, "1.2.3"])
def test_an_unsupported_target_is_refused(tmp_path: Path, uid: str) -> None:
    with pytest.raises(Unconvertible):
        transcoded(data.file(data.image()), tmp_path, uid)


def test_an_unsupported_source_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    made = data.image(bits=8)
    made.PixelData = encapsulate([b"\xff\xd8 no JPEG "])
    made["PixelData"].is_undefined_length = True
    (tmp_path / "source").write_bytes(data.file(made, JPEG))
    with pytest.raises(Unconvertible):
        transcode_file(tmp_path / "source", tmp_path / "made", EXPLICIT)
    assert not (tmp_path / "made").exists()


def fragments(made: Dataset, *lengths: int) -> bytes:
    """A native file whose pixel data are encapsulated all the same."""
    content = data.file(made)[: -12 - len(made.PixelData)]
    items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, length) + b"\7" * length for length in (0, *lengths))
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return content + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, part10.UNDEFINED) + items + end


@pytest.mark.parametrize("target", NATIVE)
@pytest.mark.parametrize("lengths", [(100,), (2002,), (2000, 2000)])
def test_fragments_that_are_no_native_frames_are_refused(tmp_path: Path, target: str, lengths: tuple[int, ...]) -> None:
    (tmp_path / "source").write_bytes(fragments(data.image(rows=40, columns=50, bits=8), *lengths))
    with pytest.raises(NotAcceptable):
        transcode_file(tmp_path / "source", tmp_path / "made", target)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("target", [IMPLICIT, EXPLICIT, BIG])
def test_fragments_that_are_native_frames_are_joined(tmp_path: Path, target: str) -> None:
    made = dataset(transcoded(fragments(data.image(rows=3, columns=5, bits=8), 16), tmp_path, target), tmp_path)
    assert made.PixelData == b"\7" * 15 + b"\0"


def test_what_says_shared_chroma_and_has_none_is_called_what_it_is(tmp_path: Path) -> None:
    shared = dataset(transcoded(data.file(data.image(bits=8, samples=3)), tmp_path, J2K), tmp_path)
    shared.PhotometricInterpretation = "YBR_FULL_422"  # of which JPEG 2000 has three samples a pixel
    shared.save_as(tmp_path / "source")
    transcode_file(tmp_path / "source", tmp_path / "made", EXPLICIT)
    found = dcmread(tmp_path / "made")
    assert (found.PhotometricInterpretation, len(found.PixelData)) == ("YBR_FULL", 3 * found.Rows * found.Columns)


def test_missing_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAcceptable):
        transcoded(data.file(data.image(NumberOfFrames=9)), tmp_path, J2K)


def test_what_is_not_dicom_is_a_bad_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile):
        transcoded(b"not DICOM", tmp_path, EXPLICIT)


def test_a_destination_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(data.file())
    with pytest.raises(Unavailable, match="can't be written"):
        transcode_file(tmp_path / "source", tmp_path / "missing" / "made", EXPLICIT)


@pytest.mark.parametrize(
    ("source", "target", "possible"),
    [
        (JPEG, JPEG, True),
        (IMPLICIT, J2K, True),
        (LOSSY_J2K, EXPLICIT, True),
        (JPEG, EXPLICIT, True),
        (EXPLICIT, JPEG, True),
        (JPEG, XL_OF_JPEG, True),
        (XL_OF_JPEG, JPEG, True),
        (EXPLICIT, XL_OF_JPEG, False),
        (MPEG, EXPLICIT, False),
        (EXPLICIT, MPEG, False),
    ],
)
def test_what_can_be_transcoded_is_known_beforehand(source: str, target: str, possible: bool) -> None:
    assert can_transcode(source, target) is possible


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", TARGETS)
@pytest.mark.parametrize("image", [{}, {"frames": 3, "rows": 3, "columns": 5}, {"bits": 8, "samples": 3}], ids=str)
def test_frames_are_transcoded_as_files_are(tmp_path: Path, image: dict[str, Any], source: str, target: str) -> None:
    stored = transcoded(data.file(data.image(**image)), tmp_path, source)
    made = transcoded(stored, tmp_path, target)
    for (frame, before), (_, expected) in zip(each_frame(stored), each_frame(made), strict=True):
        found = transcode_frame(before, frame, source, target)
        assert found == expected or (target == J2K and found + b"\0" == expected)


def each_frame(content: bytes) -> Iterator[tuple[Frame, bytes]]:
    file = part10.read(content)
    elements = json_model.write(file).elements
    located = frames.locate(file, elements)
    assert located is not None
    for number in range(1, located.count + 1):
        offset, length = frames.span(located, number)
        raw = bytes(file.buffer[offset : offset + length])
        yield describe(elements), frames.extract(located, number, raw)


def readable() -> list[Path]:
    """Files of pydicom with native pixel data, which it decodes by itself."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted((Path(pydicom.__file__).parent / "data" / "test_files").rglob("*.dcm")):
            read = pydicom.dcmread(path, force=True, specific_tags=["Rows", "PixelData"])
            if read.file_meta.get("TransferSyntaxUID") in NATIVE and "Rows" in read and "PixelData" in read:
                found.append(path)
    return [path for path in found if path.stat().st_size < 300_000 and path.name not in DAMAGED]


DAMAGED = {"MR_truncated.dcm", "badVR.dcm"}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("path", readable(), ids=lambda path: path.name)
def test_files_of_others_keep_their_samples(tmp_path: Path, path: Path) -> None:
    original = pydicom.dcmread(path)
    for target in TARGETS if original.BitsAllocated in (8, 16) else NATIVE:
        made = dataset(transcoded(path.read_bytes(), tmp_path, target, EXPLICIT), tmp_path)
        assert np.array_equal(made.pixel_array, original.pixel_array)


def test_what_no_length_can_tell_is_refused() -> None:
    """32 bits of a length (PS3.5 §7.1.1), of which the highest value has a meaning of its own."""
    large = Frame(60_000, 60_000, count=1)
    with pytest.raises(NotAcceptable, match="4 GiB"):
        transcode._concatenated(iter(()), large, transfer_syntax.EXPLICIT_LITTLE)

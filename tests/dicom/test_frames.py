import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from filmroom.dicom import json_model, part10
from filmroom.dicom.frames import Frames, extract, locate, span
from filmroom.errors import NotFound
from tests import data

END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def item(content: bytes = b"") -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def file(made: Dataset, syntax: str = ExplicitVRLittleEndian) -> tuple[part10.File, Frames | None]:
    read = part10.read(data.file(made, syntax))
    return read, locate(read, json_model.write(read).elements)


def found(made: Dataset, syntax: str = ExplicitVRLittleEndian) -> list[bytes]:
    """All Frames, each read by its span and extracted."""
    read, frames = file(made, syntax)
    cut = []
    for number in range(1, frames.count + 1 if frames else 1):
        assert frames is not None
        offset, length = span(frames, number)
        assert offset + length <= len(read.buffer)
        cut.append(extract(frames, number, bytes(read.buffer[offset : offset + length])))
    return cut


def native(pixels: bytes, **attributes: Any) -> Dataset:
    made = data.dataset(**{"SamplesPerPixel": 1, "Rows": 2, "Columns": 3, "BitsAllocated": 8} | attributes)
    made.add_new("PixelData", "OB" if made.BitsAllocated == 8 else "OW", pixels)
    return made


def encapsulated(frames: int, fragments: bytes, table: Sequence[int] = ()) -> Dataset:
    made = data.dataset(NumberOfFrames=frames)
    made.add_new("PixelData", "OB", item(struct.pack(f"<{len(table)}I", *table)) + fragments + END)
    made["PixelData"].is_undefined_length = True
    return made


# --- native


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize(("bits", "samples"), [(8, 1), (8, 3), (16, 1)])
def test_native_frames_follow_one_another(syntax: str, bits: int, samples: int) -> None:
    made = data.image(frames=3, rows=4, columns=6, bits=bits, samples=samples)
    size = 4 * 6 * samples * bits // 8
    if syntax == ExplicitVRBigEndian and bits == 16:
        made.PixelData = b"".join(made.PixelData[at : at + 2][::-1] for at in range(0, size * 3, 2))
    assert found(made, syntax) == [made.PixelData[at : at + size] for at in range(0, size * 3, size)]


@given(st.integers(1, 20), st.integers(1, 5), st.data())
def test_single_bits_are_moved_to_a_byte_border(size: int, count: int, drawn: st.DataObject) -> None:
    pixels = drawn.draw(st.lists(st.integers(0, 1), min_size=size * count, max_size=size * count))
    packed = int("".join(map(str, reversed(pixels))), 2).to_bytes((size * count + 7) // 8, "little")
    frames = Frames(count, 10, size, b"")
    content = bytes(10) + packed
    for number in range(1, count + 1):
        offset, length = span(frames, number)
        frame = int.from_bytes(extract(frames, number, content[offset : offset + length]), "little")
        assert [frame >> bit & 1 for bit in range(size)] == pixels[(number - 1) * size : number * size]
        assert frame >> size == 0


def test_shared_chroma_takes_two_bytes_a_pixel() -> None:
    made = native(bytes(range(16)), NumberOfFrames=2, PhotometricInterpretation="YBR_FULL_422")
    made.SamplesPerPixel, made.Columns = 3, 2
    assert found(made) == [bytes(range(8)), bytes(range(8, 16))]


@pytest.mark.parametrize(("keyword", "code", "size"), [("FloatPixelData", "f", 4), ("DoubleFloatPixelData", "d", 8)])
def test_float_pixel_data_are_frames_too(keyword: str, code: str, size: int) -> None:
    made = data.dataset(SamplesPerPixel=1, Rows=1, Columns=2, BitsAllocated=size * 8, NumberOfFrames=2)
    setattr(made, keyword, struct.pack(f"<4{code}", 1, 2, 3, 4))
    assert found(made) == [struct.pack(f"<2{code}", 1, 2), struct.pack(f"<2{code}", 3, 4)]


@pytest.mark.parametrize(("pixels", "count"), [(b"", 0), (bytes(4), 0), (bytes(6), 1), (bytes(16), 2), (bytes(30), 3)])
def test_only_whole_frames_count(pixels: bytes, count: int) -> None:
    assert len(found(native(pixels, NumberOfFrames=3))) == count


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated"])
def test_no_frames_without_a_size(keyword: str) -> None:
    made = native(bytes(6))
    delattr(made, keyword)
    assert found(made) == []


@pytest.mark.parametrize("number_of_frames", [None, "0"])
def test_one_frame_unless_told_otherwise(number_of_frames: str | None) -> None:
    assert found(native(bytes(range(6)), NumberOfFrames=number_of_frames)) == [bytes(range(6))]


def test_padding_of_a_single_frame_stays_where_bytes_are_swapped() -> None:
    made = native(b"BADCXE", Rows=1, Columns=5)
    made["PixelData"].VR = "OW"
    assert found(made, ExplicitVRBigEndian) == [b"BADCXE"]


def test_no_pixel_data() -> None:
    assert file(data.dataset())[1] is None


@pytest.mark.parametrize("number", [0, -1, 3, 1 << 40])
def test_a_frame_that_is_not_there(number: int) -> None:
    with pytest.raises(NotFound, match=r"The specified frame cannot be found\."):
        span(Frames(2, 0, 8, b""), number)


# --- encapsulated


def test_a_single_frame_has_all_fragments() -> None:
    assert found(encapsulated(1, item(b"ab") + item(b"cd"), [0, 10, 20]), RLELossless) == [b"abcd"]


THREE = item(b"ab") + item(b"cdef") + item(b"gh")  # at 0, 10 and 22


@pytest.mark.parametrize(
    ("count", "table", "cut"),
    [
        (2, [0, 10], [b"ab", b"cdefgh"]),
        (2, [0, 22], [b"abcdef", b"gh"]),
        (3, [], [b"ab", b"cdef", b"gh"]),
        (3, [0, 11, 22], [b"ab", b"cdef", b"gh"]),
        (3, [0, 0, 0], [b"ab", b"cdef", b"gh"]),
        (3, [0, 10], [b"ab", b"cdef", b"gh"]),
        (2, [10, 22], []),
        (2, [0, 11], []),
        (2, [], []),
        (4, [], []),
    ],
)
def test_frames_by_the_basic_offset_table_or_one_each(count: int, table: list[int], cut: list[bytes]) -> None:
    assert found(encapsulated(count, THREE, table), RLELossless) == cut


@pytest.mark.parametrize(("offsets", "cut"), [([0, 10], [b"ab", b"cdefgh"]), ([0, 9], []), ([0], []), ([], [])])
def test_frames_by_the_extended_offset_table(offsets: list[int], cut: list[bytes]) -> None:
    made = encapsulated(2, THREE)
    made.ExtendedOffsetTable = struct.pack(f"<{len(offsets)}Q", *offsets)
    assert found(made, RLELossless) == cut


@pytest.mark.parametrize("start", [b"\xff\xd8\xff\xe0", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"\xff\x0a"])
def test_frames_by_how_images_begin(start: bytes) -> None:
    fragments = item(start + b"ab") + item(b"cd") + item(start + b"ef") + item()
    assert found(encapsulated(2, fragments), JPEGBaseline8Bit) == [start + b"abcd", start + b"ef"]
    assert found(encapsulated(2, item() + fragments), JPEGBaseline8Bit) == []
    assert found(encapsulated(3, fragments), JPEGBaseline8Bit) == []


@given(st.lists(st.binary(min_size=1, max_size=30), min_size=2, max_size=6), st.integers(1, 3), st.booleans())
def test_what_pydicom_encapsulates_is_found(images: list[bytes], fragments: int, has_bot: bool) -> None:
    images = [image + b"\0" * (len(image) % 2) + bytes(2 * fragments) for image in images]
    made = data.dataset(NumberOfFrames=len(images))
    made.add_new(
        "PixelData", "OB", encapsulate(images, fragments_per_frame=fragments if has_bot else 1, has_bot=has_bot)
    )
    made["PixelData"].is_undefined_length = True
    assert found(made, JPEG2000Lossless) == images


def test_what_pydicom_encapsulates_with_extended_offsets_is_found() -> None:
    images = [b"ab", b"cdef", b"gh"]
    made = data.dataset(NumberOfFrames=3)
    pixels, made.ExtendedOffsetTable, made.ExtendedOffsetTableLengths = encapsulate_extended(images)
    made.add_new("PixelData", "OB", pixels)
    made["PixelData"].is_undefined_length = True
    assert found(made, JPEG2000Lossless) == images


@pytest.mark.parametrize("items", [b"", item()])
def test_without_fragments_there_are_no_frames(items: bytes) -> None:
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + items + END
    read = part10.read(data.file(data.dataset()) + pixels)
    assert read.elements[0x7FE00010].encapsulated
    assert locate(read, json_model.write(read).elements) is None


def test_encapsulated_data_in_big_endian_have_no_frames() -> None:
    content = data.file(data.dataset(), ExplicitVRBigEndian)
    items = struct.pack(">HHI", 0xFFFE, 0xE000, 0) * 2 + struct.pack(">HHI", 0xFFFE, 0xE0DD, 0)
    read = part10.read(content + struct.pack(">HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + items)
    assert locate(read, json_model.write(read).elements) is None

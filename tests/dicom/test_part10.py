import mmap
import random
import struct
import warnings
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from filmroom.dicom import frames, json_model, part10, transfer_syntax
from filmroom.errors import BadFile
from tests import data
from tests.dicom import oracle

NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
UNDEFINED = 0xFFFFFFFF
ITEM_END, SEQUENCE_END = b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"


def short(tag: int, vr: str, value: bytes = b"") -> bytes:
    """An element of Explicit VR Little Endian."""
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value


def long(tag: int, vr: str, value: bytes = b"", length: int | None = None) -> bytes:
    return (
        struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, len(value) if length is None else length)
        + value
    )


def implicit(tag: int, value: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def item(content: bytes = b"", length: int | None = None) -> bytes:
    return implicit(0xFFFEE000, content, length)


def explicit_file(*elements: bytes) -> bytes:
    """A file of Explicit VR Little Endian with these elements and nothing else."""
    return b"\0" * 128 + b"DICM" + short(0x00020010, "UI", b"1.2.840.10008.1.2.1\0") + b"".join(elements)


def implicit_file(*elements: bytes) -> bytes:
    return b"\0" * 128 + b"DICM" + short(0x00020010, "UI", b"1.2.840.10008.1.2\0") + b"".join(elements)


def read(content: bytes) -> json_model.Elements:
    """The Model of a file that is well formed."""
    return json_model.write(part10.read(content)).elements


# --- files as they should be


@pytest.mark.parametrize("syntax", NATIVE)
def test_native_transfer_syntaxes(syntax: str) -> None:
    content = data.file(data.image(frames=2), syntax)
    file = part10.read(content)
    assert file.transfer_syntax is transfer_syntax.ALL[syntax]
    assert file.inflated == (syntax == DeflatedExplicitVRLittleEndian)
    assert (file.buffer is content) != file.inflated
    assert oracle.ours(content) == oracle.theirs(content)


def test_meta_holds_the_text_of_group_0002() -> None:
    made = data.dataset()
    meta = part10.read(data.file(made)).meta
    assert meta[0x00020003] == made.SOPInstanceUID
    assert meta[0x00020010] == "1.2.840.10008.1.2.1"
    assert 0x00020001 not in meta


@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(buffer: Callable[[bytes], part10.Buffer]) -> None:
    content = data.file(data.image())
    assert json_model.write(part10.read(buffer(content))) == json_model.write(part10.read(content))


def test_large_pixel_data_of_a_mapped_file_are_not_touched(tmp_path: Path) -> None:
    head, size = explicit_file(short(0x00100020, "LO", b"ID")), 3 << 30
    with (tmp_path / "large.dcm").open("w+b") as stream:
        stream.write(head + long(0x7FE00010, "OW", length=size))
        stream.truncate(len(head) + 12 + size)
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            model = json_model.write(part10.read(mapped))
    assert model.bulk["7FE00010"] == json_model.Bulk("OW", len(head) + 12, size)


def test_encapsulated_values_end_before_their_delimiter() -> None:
    value = item() + item(b"abcd")
    file = part10.read(explicit_file(long(0x7FE00010, "OB", value + SEQUENCE_END, UNDEFINED)))
    element = file.elements[0x7FE00010]
    assert element.encapsulated
    assert bytes(file.buffer[element.offset : element.offset + element.length]) == value
    assert [length for _, length in part10.fragments(file, element)] == [0, 4]


# --- files that lack something


def test_no_preamble() -> None:
    content = data.file()
    assert read(content[132:]) == read(content)


@pytest.mark.parametrize(
    ("content", "syntax"),
    [
        (short(0x00080005, "CS", b"ISO_IR 192"), transfer_syntax.EXPLICIT_LITTLE),
        (implicit(0x00080005, b"ISO_IR 192"), transfer_syntax.IMPLICIT_LITTLE),
        (struct.pack(">HH2sH", 8, 5, b"CS", 2) + b"X ", transfer_syntax.EXPLICIT_BIG),
        (short(0x00080000, "UL", b"\4\0\0\0") + short(0x00080060, "CS", b"CT"), transfer_syntax.EXPLICIT_LITTLE),
    ],
)
def test_neither_preamble_nor_meta(content: bytes, syntax: transfer_syntax.TransferSyntax) -> None:
    for prefix in (b"", b"\0" * 128 + b"DICM"):
        file = part10.read(prefix + content)
        assert file.transfer_syntax is syntax
        assert file.meta == {}
        assert len(file.elements) == 1


def test_meta_with_implicit_vr() -> None:
    meta = b"\0" * 128 + b"DICM" + implicit(0x00020010, b"1.2.840.10008.1.2\0")
    assert part10.read(meta + implicit(0x00100020, b"ID")).transfer_syntax is transfer_syntax.IMPLICIT_LITTLE


def test_the_data_set_beats_the_declared_vr() -> None:
    expected = {"00100020": {"vr": "LO", "Value": ["ID"]}}
    assert read(explicit_file(implicit(0x00100020, b"ID"))) == expected
    assert read(implicit_file(short(0x00100020, "LO", b"ID"))) == expected


def test_a_command_set_is_passed_over() -> None:
    command = implicit(0x00000000, b"\0\0\0\0") + implicit(0x00000002, b"1.2\0")
    assert list(read(explicit_file(command, short(0x00100020, "LO", b"ID")))) == ["00100020"]


def test_groups_that_come_too_late_are_not_in_the_data_set() -> None:
    assert list(read(explicit_file(short(0x00100020, "LO", b"ID"), short(0x00020003, "UI", b"1.2\0")))) == ["00100020"]


def test_an_unknown_transfer_syntax_is_explicit_little_endian() -> None:
    content = explicit_file(short(0x00100020, "LO", b"ID")).replace(b"1.2.840.10008.1.2.1\0", b"1.2.3.4.5.6.7.8.9.10")
    assert part10.read(content).transfer_syntax.uid == "1.2.3.4.5.6.7.8.9.10"


# --- elements that are not as they should be


@pytest.mark.parametrize(
    ("element", "found"),
    [
        (implicit(0x00100020, b"ID"), {"00100020": {"vr": "LO", "Value": ["ID"]}}),
        (long(0x00100020, "UN", b"ID"), {"00100020": {"vr": "LO", "Value": ["ID"]}}),
        (long(0x00100020, "QQ", b"ID"), {"00100020": {"vr": "LO", "Value": ["ID"]}}),
        (short(0x00100020, "QQ", b"ID"), {"00100020": {"vr": "LO", "Value": ["ID"]}}),
        (short(0x00100020, "CS", b"ID"), {"00100020": {"vr": "CS", "Value": ["ID"]}}),
        (short(0x00100020, "US", b"ID!"), {"00100020": {"vr": "UN", "InlineBinary": "SUQh"}}),
        (short(0x00100020, "LO", b"odd"), {"00100020": {"vr": "LO", "Value": ["odd"]}}),
        (short(0x00100000, "UL", b"\0\0\0\0"), {}),
        (ITEM_END, {}),
        (SEQUENCE_END, {}),
        (short(0x00100020, "LO", b"A ") + short(0x00100020, "LO", b"B"), {"00100020": {"vr": "LO", "Value": ["B"]}}),
        (long(0x00400555, "UN", item(short(0x00080060, "CS", b"CT"))), {"00400555": ["00080060"]}),
        (long(0x00400555, "UN", item(implicit(0x00080060, b"CT"))), {"00400555": ["00080060"]}),
        (
            long(0x00410010, "UN", item(implicit(0x00080060, b"CT")) + SEQUENCE_END, UNDEFINED),
            {"00410010": ["00080060"]},
        ),
        (long(0x00400555, "UN", b"none"), {"00400555": {"vr": "UN", "InlineBinary": "bm9uZQ=="}}),
        (long(0x00400555, "SQ", item() + item() + SEQUENCE_END, UNDEFINED), {"00400555": []}),
        (long(0x00400555, "SQ", item(ITEM_END, UNDEFINED) + SEQUENCE_END), {"00400555": []}),
        (long(0x00400555, "SQ"), {"00400555": {"vr": "SQ"}}),
        (long(0x60003000, "UN", b"\1\2"), {"60003000": {"vr": "OW", "BulkDataURI": "bulkdata/60003000"}}),
        (long(0x00100011, "UN", b"\1\2"), {"00100011": {"vr": "UN", "InlineBinary": "AQI="}}),
    ],
)
def test_odd_elements(element: bytes, found: dict[str, Any]) -> None:
    model = read(explicit_file(short(0x00080060, "CS", b"CT"), element, short(0x7FE10010, "LO", b"Creator")))
    assert model.pop("00080060") == {"vr": "CS", "Value": ["CT"]}
    assert model.pop("7FE10010") == {"vr": "LO", "Value": ["Creator"]}
    keys_of_items = {key: [k for one in e.get("Value", []) for k in one] for key, e in model.items() if e["vr"] == "SQ"}
    assert model == found or keys_of_items == found


def test_a_long_value_of_vr_un_stays_un() -> None:
    assert read(explicit_file(long(0x00104000, "UN", b"x" * 0xFFFF)))["00104000"]["vr"] == "UN"


def test_pixel_data_in_vr_un_take_the_vr_of_their_samples() -> None:
    for bits, vr in ((8, "OB"), (16, "OW")):
        allocated = short(0x00280100, "US", bytes([bits, 0]))
        assert read(explicit_file(allocated, long(0x7FE00010, "UN", b"\0\0")))["7FE00010"]["vr"] == vr


def test_a_sequence_of_vr_un_in_big_endian_is_skipped() -> None:
    sequence = (
        struct.pack(">HH2sHI", 0x0040, 0x0555, b"UN", 0, UNDEFINED) + item(implicit(0x00080060, b"CT")) + SEQUENCE_END
    )
    after = struct.pack(">HH2sH", 0x0041, 0x0010, b"LO", 2) + b"ID"
    content = explicit_file(sequence, after).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0")
    model = read(content)
    assert model["00400555"]["vr"] == "UN"
    assert model["00410010"] == {"vr": "LO", "Value": ["ID"]}


@pytest.mark.parametrize(
    ("tag", "creator", "found"),
    [
        (0x0019100C, b"SIEMENS MR HEADER ", {"vr": "IS", "Value": [5]}),
        (0x0019100C, b"nobody", {"vr": "UN", "InlineBinary": "NSA="}),
        (0x0019100C, b"x" * 100, {"vr": "UN", "InlineBinary": "NSA="}),
        (0x0019110C, b"SIEMENS MR HEADER ", {"vr": "UN", "InlineBinary": "NSA="}),
        (0x00190001, b"", {"vr": "UN", "InlineBinary": "NSA="}),
    ],
)
def test_private_elements_with_implicit_vr(tag: int, creator: bytes, found: dict[str, Any]) -> None:
    content = implicit_file(implicit(0x00190010, creator), implicit(tag, b"5 "))
    assert read(content)[f"{tag:08X}"] == found


def test_a_private_sequence_that_is_none_stays_un() -> None:
    creator = implicit(0x20050010, b"Philips MR Imaging DD 001 ")
    assert read(implicit_file(creator, implicit(0x20051080, item())))["20051080"] == {"vr": "SQ", "Value": [{}]}
    assert read(implicit_file(creator, implicit(0x20051080, b"none")))["20051080"]["vr"] == "UN"


def test_an_undefined_length_with_implicit_vr_is_a_sequence_if_nobody_knows_the_attribute() -> None:
    content = implicit_file(implicit(0x00411001, item() + SEQUENCE_END, UNDEFINED))
    assert read(content) == {"00411001": {"vr": "SQ", "Value": [{}]}}


def test_encapsulated_data_with_implicit_vr() -> None:
    value = item() + item(b"ab") + SEQUENCE_END
    assert read(implicit_file(implicit(0x7FE00010, value, UNDEFINED)))["7FE00010"]["vr"] == "OB"
    assert read(implicit_file(implicit(0x00100020, value, UNDEFINED)))["00100020"]["vr"] == "UN"


# --- files that are refused


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not DICOM"),
        (b"Hello, this is some text. " * 20, "not DICOM"),
        (b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" * 30, "not DICOM"),
        (b"\0" * 1000, "not DICOM"),
        (b"\0" * 128 + b"DICM", "no attributes"),
        (short(0x00080000, "UL", b"\0\0\0\0"), "no attributes"),
        (explicit_file(b"\x10\0\x20\0LO"), "6 bytes are too few"),
        (explicit_file(short(0x00100020, "LO", b"ID")[:-1]), r"\(0010,0020\) declares 2 bytes where 1 are left"),
        (explicit_file(long(0x7FE00010, "OW", b"xx", 4_000_000_000)), "declares 4000000000 bytes where 2 are left"),
        (implicit_file(implicit(0x7FE00010, b"xx", 0xFFFFFFFE)), "declares 4294967294 bytes where 2 are left"),
        (explicit_file(long(0x7FE00010, "OW")[:-2]), "header of an attribute is not complete"),
        (explicit_file(long(0x7FE00010, "OB", item() + item(b"ab"), UNDEFINED)), "no Sequence Delimitation Item"),
        (explicit_file(long(0x7FE00010, "OB", item() + ITEM_END, UNDEFINED)), "where a fragment must be"),
        (explicit_file(long(0x7FE00010, "OB", item(b"", UNDEFINED), UNDEFINED)), "where a fragment must be"),
        (explicit_file(long(0x00400555, "SQ", item(), UNDEFINED)), "no Sequence Delimitation Item"),
        (explicit_file(long(0x00400555, "SQ", item(b"", UNDEFINED), UNDEFINED)), "no Item Delimitation Item"),
        (explicit_file(long(0x00400555, "SQ", item(b"", 8))), "declares 8 bytes where 0 are left"),
        (explicit_file(long(0x00400555, "SQ", b"1234")), "header of an Item is not complete"),
        (explicit_file(long(0x00400555, "SQ", b"12345678")), "where an Item must be"),
        (explicit_file(long(0x00400555, "SQ", item(short(0x00100020, "LO", b"ID")[:-1]))), "where 1 are left"),
        (implicit_file(implicit(0x00400555, b"12345678")), "where an Item must be"),
        (explicit_file(item()), "Item outside of a sequence"),
        (b"\2\0\0\0UL\xff\0", r"\(0002,0000\) declares 255 bytes where 0 are left"),
    ],
)
def test_what_is_wrong_is_said(content: bytes, words: str) -> None:
    with pytest.raises(BadFile, match=words):
        part10.read(content)


@pytest.mark.parametrize("syntax", NATIVE)
def test_a_file_cut_off_inside_its_last_element_is_refused(syntax: str) -> None:
    content = data.file(data.image(), syntax)
    if syntax == DeflatedExplicitVRLittleEndian:
        content = content.removesuffix(b"\0")  # padding
    for end in range(len(content) - 8 * 8 * 2 - 7, len(content)):
        with pytest.raises(BadFile):
            part10.read(content[:end])


def test_an_encapsulated_file_cut_off_inside_its_last_element_is_refused() -> None:
    pixels = long(0x7FE00010, "OB", item() + item(b"ab" * 20) + SEQUENCE_END, UNDEFINED)
    content = explicit_file(short(0x00100020, "LO", b"ID"), pixels)
    for end in range(len(content) - len(pixels) + 1, len(content)):
        with pytest.raises(BadFile):
            part10.read(content[:end])


# --- files built to do harm


def nested(levels: int, vr: str = "SQ") -> bytes:
    content = b""
    for _ in range(levels):
        content = long(0x00400555, vr, item(content))
    return content


@pytest.mark.parametrize("vr", ["SQ", "UN"])
def test_sequences_may_lie_64_deep_in_one_another(vr: str) -> None:
    part10.read(explicit_file(nested(part10.MAX_DEPTH, vr)))
    for levels in (part10.MAX_DEPTH + 1, 200):
        with pytest.raises(BadFile, match="more than 64 deep"):
            part10.read(explicit_file(nested(levels, vr)))


def test_sequences_that_never_end_are_refused() -> None:
    with pytest.raises(BadFile, match="more than 64 deep"):
        part10.read(explicit_file(long(0x00400555, "SQ", item(b"", UNDEFINED), UNDEFINED) * 100_000))


@pytest.mark.parametrize(
    "content",
    [
        explicit_file(long(0x00400555, "SQ", item() * 1001)),
        explicit_file(long(0x7FE00010, "OB", item() * 1001 + SEQUENCE_END, UNDEFINED)),
        explicit_file(b"".join(short(0x00410000 + element, "LO") for element in range(1, 1002))),
        explicit_file(long(0x00400555, "SQ", item(short(0x00100020, "LO")) * 501)),
        explicit_file(long(0x00400555, "SQ") * 1001),
        explicit_file(short(0x00100020, "LO") * 1001),
        explicit_file().replace(b"DICM", b"DICM" + short(0x00020016, "AE") * 1001, 1),
    ],
)
def test_elements_are_limited(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    part10.read(content)
    monkeypatch.setattr(part10, "MAX_ELEMENTS", 1000)
    with pytest.raises(BadFile, match="more than 1000 elements"):
        part10.read(content)


def deflated(content: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    head = explicit_file().replace(b"\x14\x001.2.840.10008.1.2.1\0", b"\x16\x001.2.840.10008.1.2.1.99")
    return head + deflater.compress(content) + deflater.flush()


def test_inflating_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    content = deflated(long(0x7FE00010, "OB", b"\0" * (1 << 20)))
    assert part10.read(content).inflated
    monkeypatch.setattr(part10, "MAX_INFLATED", 1 << 20)
    with pytest.raises(BadFile, match="larger than 1 MiB"):
        part10.read(content)


def test_what_was_deflated_a_hundredfold_must_be_small(monkeypatch: pytest.MonkeyPatch) -> None:
    content = deflated(long(0x7FE00010, "OB", b"\0" * (2 << 20)))
    assert part10.read(content).inflated
    monkeypatch.setattr(part10, "ALWAYS_INFLATED", 1 << 20)
    with pytest.raises(BadFile, match="larger than 1 MiB"):
        part10.read(content)
    noise = random.Random(5).randbytes(30 << 10)
    assert part10.read(deflated(long(0x7FE00010, "OB", b"\0" * (2 << 20) + noise))).inflated


def test_damaged_deflated_data_are_refused() -> None:
    with pytest.raises(BadFile, match="is damaged"):
        part10.read(deflated(b"")[:-2] + b"\xff" * 20)


# --- any bytes at all


def digest(content: bytes) -> None:
    """Everything that is done with a file that is stored."""
    try:
        file = part10.read(content)
    except BadFile:
        return
    model = json_model.write(file)
    text = json_model.format(model.elements, list(model.elements)[:2])
    json_model.standard(text, "http://host")
    json_model.azure(text)
    located = frames.locate(file, model.elements)
    if located is not None:
        offset, length = frames.span(located, located.count)
        assert offset + length <= len(file.buffer)
        frames.extract(located, located.count, bytes(file.buffer[offset : offset + length]))
    assert all(bulk.offset + bulk.length <= len(file.buffer) for bulk in model.bulk.values())


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x08\0", b"\2\0\x10\0UI", explicit_file(), implicit_file()]))
def test_random_bytes_are_read_or_refused(content: bytes, head: bytes) -> None:
    digest(head + content)


def samples() -> list[bytes]:
    rich = data.image(frames=3, bits=8, samples=3)
    rich.OpticalPathSequence = [data.dataset(ICCProfile=b"\1" * 100), Dataset()]
    rich.private_block(0x0041, "Filmroom", create=True).add_new(1, "DS", ["1.5", "2"])
    rich.SmallestImagePixelValue = 3
    encapsulated = data.dataset(NumberOfFrames=2)
    encapsulated.add_new("PixelData", "OB", item(bytes(8)) + item(b"\xff\xd8ab") * 2)
    encapsulated["PixelData"].is_undefined_length = True
    return [*(data.file(rich, syntax) for syntax in NATIVE[:3]), data.file(encapsulated, RLELossless)]


SAMPLES = samples()
bytes_of_interest = st.sampled_from(
    [
        b"\xff\xff\xff\xff",
        b"\xfe\xff\0\xe0",
        ITEM_END,
        SEQUENCE_END,
        b"SQ",
        b"UN",
        b"\0\0",
        b"\x1b$B",
        b"\\",
        b"\x08\0\5\0",
    ]
)
changes = st.lists(
    st.tuples(st.integers(128, 1500), st.binary(max_size=4) | bytes_of_interest, st.booleans()), max_size=5
)


@settings(max_examples=300)
@given(st.sampled_from(SAMPLES), changes, st.none() | st.integers(0, 1500))
def test_damaged_files_are_read_or_refused(
    content: bytes, changes: list[tuple[int, bytes, bool]], end: int | None
) -> None:
    damaged = bytearray(content)
    for position, change, insert in changes:
        damaged[position : position + (0 if insert else len(change))] = change
    digest(bytes(damaged[:end]))


# --- any data set at all

text = st.text(st.characters(codec="utf-8", exclude_characters="\\^=", exclude_categories=["Cc", "Z"]), max_size=10)
uids = st.lists(st.integers(0, 99999), min_size=1, max_size=6).map(lambda parts: "1.2." + ".".join(map(str, parts)))
names = st.lists(st.lists(text, max_size=3).map("^".join), max_size=3).map("=".join)


def several(one: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(one, max_size=3)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "PatientName": names,
    "OtherPatientNames": several(names),
    "PatientComments": text,
    "OtherPatientIDs": several(text),
    "ImageType": several(st.text("ABC_ ", max_size=16)),
    "RetrieveAETitle": several(st.text("ABC", max_size=16)),
    "ContentDate": st.dates().map(lambda date: f"{date:%Y%m%d}".rjust(8, "0")),
    "FailedSOPInstanceUIDList": several(uids),
    "RetrieveURL": st.just("http://host/a?b=c"),
    "InstanceNumber": st.integers(-(2**31), 2**31 - 1),
    "ImagePositionPatient": several(st.floats(-1e5, 1e5).map(lambda number: f"{number:.6g}")),
    "FrameIncrementPointer": several(st.sampled_from([0x00181063, 0x0020000D])),
    "Rows": st.integers(0, 65535),
    "ReferencedFrameNumbers": several(st.integers(0, 65535)),
    "TagAngleSecondAxis": st.integers(-(2**15), 2**15 - 1),
    "SimpleFrameList": several(st.integers(0, 2**32 - 1)),
    "ReferencePixelX0": st.integers(-(2**31), 2**31 - 1),
    "SelectorUVValue": several(st.integers(0, 2**64 - 1)),
    "SelectorSVValue": several(st.integers(-(2**63), 2**63 - 1)),
    "SelectorFLValue": several(st.floats(width=32, allow_nan=False, allow_infinity=False)),
    "SelectorFDValue": several(st.floats(allow_nan=False, allow_infinity=False)),
    "ICCProfile": st.binary(max_size=100).map(lambda value: value + b"\0" * (len(value) % 2)),
    "SelectorOLValue": st.binary(max_size=25).map(lambda value: value * 4),
    "SelectorODValue": st.binary(max_size=25).map(lambda value: value * 8),
    "BluePaletteColorLookupTableData": st.binary(max_size=25).map(lambda value: value * 2),
    "SmallestImagePixelValue": st.integers(0, 32767),
    "PixelRepresentation": st.sampled_from([0, 1]),
}
values = st.fixed_dictionaries({}, optional=VALUES)
data_sets = st.recursive(values, lambda inner: st.tuples(values, st.lists(inner, max_size=2)), max_leaves=5)


def made(plan: Any) -> Dataset:
    """The data set of a plan: attributes, or attributes and the Items of a sequence and of a private one."""
    attributes, items = plan if isinstance(plan, tuple) else (plan, [])
    data_set = Dataset()
    for keyword, value in attributes.items():
        setattr(data_set, keyword, value)
    if items:
        data_set.OpticalPathSequence = [made(inner) for inner in items]
        block = data_set.private_block(0x0041, "Filmroom", create=True)
        block.add_new(1, "SQ", [made(inner) for inner in items])
        block.add_new(2, "DS", ["1.5", "2"])
    return data_set


@settings(max_examples=150)
@given(data_sets, st.sampled_from(NATIVE))
def test_what_pydicom_writes_is_what_is_read(plan: Any, syntax: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = made(plan)
        data_set.SpecificCharacterSet = "ISO_IR 192"
        content = data.file(data_set, syntax)
    assert oracle.ours(content) == oracle.theirs(content)
    assert oracle.ours(content).keys() == {f"{element.tag:08X}" for element in data_set}


def test_attributes_are_in_the_order_of_their_tags() -> None:
    keys = list(read(explicit_file(short(0x00200010, "SH", b"1 "), short(0x00100020, "LO", b"ID"))))
    assert all(one < other for one, other in pairwise(keys))


@pytest.mark.parametrize("syntax", NATIVE[:3])
@pytest.mark.parametrize("count", range(1, 10))
def test_nuls_after_the_last_element_are_padding(syntax: str, count: int) -> None:
    content = data.file(syntax=syntax)
    assert part10.read(content + bytes(count)).elements == part10.read(content).elements


@pytest.mark.parametrize("rest", [b"\0\0\1", b"x", b"\0\0\0\0\0\0 "])
def test_other_bytes_after_the_last_element_are_not(rest: bytes) -> None:
    with pytest.raises(BadFile, match="too few for an attribute"):
        part10.read(data.file() + rest)


def test_nuls_inside_an_item_are_not() -> None:
    nested = long(0x00081140, "SQ", long(0xFFFEE000, "", b"")[:4] + struct.pack("<I", 4) + bytes(4))
    with pytest.raises(BadFile, match="too few for an attribute"):
        part10.read(explicit_file(nested))


@pytest.mark.parametrize("delimiter", [ITEM_END[:4], SEQUENCE_END[:4]])
def test_a_stray_delimiter_is_none_even_if_it_looks_like_an_element(delimiter: bytes) -> None:
    """It has no VR: what stands in the place of one belongs to its length."""
    made = explicit_file(delimiter + b"SH\0\0", short(0x00100020, "LO", b"ID"))
    assert list(part10.read(made).elements) == [0x00100020]

from collections.abc import Mapping
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from filmroom.dicom import json_model, part10, rewrite, transfer_syntax
from filmroom.dicom.part10 import DataSet
from filmroom.dicom.rewrite import Value
from filmroom.dicom.transfer_syntax import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, TransferSyntax
from tests import data

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, when a test writes bad values


def nothing(elements: DataSet, decoded: Mapping[str, Any], depth: int) -> dict[int, Value | None]:
    return {}


def rewritten(content: bytes, target: TransferSyntax, edit: rewrite.Edit = nothing) -> bytes:
    file = part10.read(content)
    return b"".join(rewrite.write(file, json_model.write(file).elements, target, edit))


def model(content: bytes) -> dict[str, Any]:
    return json_model.write(part10.read(content)).elements


def sample() -> Dataset:
    made, outer, inner = data.dataset(), Dataset(), Dataset()
    inner.CodeValue = "1"
    outer.ConceptNameCodeSequence = Sequence([inner])
    outer.add_new("TextValue", "UT", "Straße")
    made.ContentSequence = Sequence([outer, Dataset()])
    made.RealWorldValueMappingSequence = Sequence()
    made.add_new("SmallestImagePixelValue", "SS", -5)
    made.PixelRepresentation = 1
    made.add_new("FrameIncrementPointer", "AT", [0x00181063, 0x00181065])
    made.add_new("RecommendedDisplayFrameRateInFloat", "FL", [1.5])
    made.add_new("SelectorSVValue", "SV", [-(1 << 40)])
    return made


@pytest.mark.parametrize("target", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED])
@pytest.mark.parametrize("source", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED])
def test_the_data_set_stays_the_same(source: TransferSyntax, target: TransferSyntax) -> None:
    content = data.file(sample(), source.uid)
    made = rewritten(content, target)
    assert part10.read(made).transfer_syntax is target
    assert model(made) == model(content)
    assert len(made) % 2 == 0


def test_rewriting_twice_changes_nothing_more() -> None:
    once = rewritten(data.file(sample()), EXPLICIT_LITTLE)
    assert rewritten(once, EXPLICIT_LITTLE) == once


def test_big_endian_swaps_words() -> None:
    made = data.dataset()
    made.add_new("LUTData", "OW", b"\1\2\3\4")
    made.add_new("VectorGridData", "OF", b"\1\2\3\4")
    made.add_new("SelectorOVValue", "OV", bytes(range(8)))
    made.add_new("EncapsulatedDocument", "OB", b"\1\2")
    file = part10.read(rewritten(data.file(made), EXPLICIT_BIG))
    values = {e.vr: bytes(file.buffer[e.offset : e.offset + e.length]) for e in file.elements.values()}
    assert [values["OW"], values["OF"]] == [b"\2\1\4\3", b"\4\3\2\1"]
    assert [values["OV"], values["OB"]] == [bytes(range(8))[::-1], b"\1\2"]


def test_a_value_too_long_for_its_vr_becomes_un() -> None:
    made = data.dataset()
    made.add_new("ImageComments", "LT", "x" * 70_000)
    content = data.file(made, IMPLICIT_LITTLE.uid)
    assert b"\x20\x00\x00\x40UN\0\0" in rewritten(content, EXPLICIT_LITTLE)


def test_values_of_odd_length_are_padded() -> None:
    content = data.file(data.dataset(PatientID="ABC", StudyInstanceUID="1.2.3"))
    odd = content.replace(b"LO\x04\x00ABC ", b"LO\x03\x00ABC").replace(b"UI\x06\x001.2.3\0", b"UI\x05\x001.2.3")
    made = rewritten(odd, EXPLICIT_LITTLE)
    assert b"LO\x04\x00ABC " in made
    assert b"UI\x06\x001.2.3\0" in made


def test_attributes_are_replaced_added_and_left_out() -> None:
    def edit(elements: DataSet, decoded: Mapping[str, Any], depth: int) -> dict[int, Value | None]:
        return {0x00100010: None, 0x00100020: Value("LO", 2, [b"X", b"Y"]), 0x00104000: Value("LT", 2, [b"ab"])}

    made = model(rewritten(data.file(), EXPLICIT_LITTLE, edit))
    assert "00100010" not in made
    assert made["00100020"]["Value"] == ["XY"]
    assert made["00104000"]["Value"] == ["ab"]


def test_fragments_are_copied() -> None:
    made = data.image()
    made.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0\4\0\0\0abcd"
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    content = data.file(made, transfer_syntax.RLE.uid)
    assert rewritten(content, transfer_syntax.RLE).endswith(made.PixelData + b"\xfe\xff\xdd\xe0\0\0\0\0")


def test_a_file_without_meta_information_gets_it() -> None:
    content = data.file(data.dataset(SOPInstanceUID="1.2.3.4"))
    bare = content[content.index(b"\x08\x00\x05\x00CS") :]
    meta = part10.read(rewritten(bare, IMPLICIT_LITTLE)).meta
    assert meta[0x00020003] == "1.2.3.4"
    assert meta[0x00020010] == IMPLICIT_LITTLE.uid


def test_long_values_come_in_pieces() -> None:
    made = data.dataset()
    made.add_new("EncapsulatedDocument", "OB", bytes(3 << 20))
    file = part10.read(data.file(made))
    pieces = list(rewrite.write(file, json_model.write(file).elements, EXPLICIT_LITTLE, nothing))
    assert max(map(len, pieces)) == 1 << 20

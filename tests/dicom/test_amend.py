"""Files with other values: pydicom reads these, and all else as it was, in every Transfer Syntax that it ships."""

import io
import warnings
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite

from filmroom.dicom import amend, json_model, part10, rewrite
from filmroom.dicom.transfer_syntax import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from filmroom.errors import BadFile
from tests import data
from tests.dicom import oracle
from tests.dicom.test_oracle import FILES

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, when a test writes bad values

KEY = "0123456789abcdef0123456789abcdef"
NAME, IDENTIFIER, STUDY, SERIES, INSTANCE = 0x00100010, 0x00100020, 0x0020000D, 0x0020000E, 0x00080018
CHANGES = {NAME: ("PN", "New^Name"), IDENTIFIER: ("LO", "N 1"), 0x00403001: ("LO", "")}
SYNTAXES = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED)


def amended(content: bytes, changes: amend.Changes = CHANGES, original: str = KEY) -> bytes:
    head = part10.read_head(content)
    return b"".join(amend.write(part10.read(content, head), head, changes, original))


def read(content: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(content), force=True)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_all_else_is_as_it_was(path: Path) -> None:
    content = path.read_bytes()
    before, made = oracle.theirs(content), amended(content)
    after = oracle.theirs(made)
    for tag, (vr, text) in CHANGES.items():
        before.pop(f"{tag:08X}", None)
        found_vr, found = after.pop(f"{tag:08X}")
        assert (found_vr, found) in [(vr, [text] if text else []), (vr, [{"Alphabetic": text}])]
    assert after == before
    assert part10.read(made).transfer_syntax is part10.read(content).transfer_syntax
    assert read(made).get("PixelData") == read(content).get("PixelData")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_to_write_the_same_again_changes_no_byte(path: Path) -> None:
    once = amended(path.read_bytes())
    assert amended(once) == once


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.uid)
@given(name=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20), old=st.sampled_from("aüж山"))
def test_any_name_is_read_again(syntax: Any, name: str, old: str) -> None:
    inner = Dataset()
    inner.PatientName = old
    made = data.dataset(SpecificCharacterSet="ISO_IR 192", PatientComments=old, OtherPatientIDsSequence=[inner])
    found = read(amended(data.file(made, syntax.uid), {NAME: ("PN", name)}))
    assert (found.PatientName, found.PatientComments) == (name, old)
    assert found.OtherPatientIDsSequence[0].PatientName == old


@pytest.mark.parametrize(
    ("declared", "name", "becomes"),
    [
        (None, "Doe^John", None),
        (None, "Müller", "ISO_IR 192"),
        ("ISO_IR 100", "Müller", "ISO_IR 100"),
        ("ISO_IR 100", "山田^太郎", "ISO_IR 192"),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", ["ISO 2022 IR 13", "ISO 2022 IR 87"]),
        ("GB18030", "王^小东", "GB18030"),
        ("ISO_IR 144", "Люкceмбypг", "ISO_IR 144"),
        ("ISO_IR 166", "Müller", "ISO_IR 192"),
    ],
)
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.uid)
def test_the_character_set_stays_if_it_has_the_characters(syntax: Any, declared: Any, name: str, becomes: Any) -> None:
    content = data.file(data.dataset(SpecificCharacterSet=declared), syntax.uid)
    found = read(amended(content, {NAME: ("PN", name)}))
    assert (found.PatientName, found.get("SpecificCharacterSet")) == (name, becomes)
    assert found.StudyDescription == "Knee"


def latin(**attributes: Any) -> Dataset:
    """A data set in Latin 1, with Items that inherit that, and one that does not."""
    item, own, deep = Dataset(), Dataset(), Dataset()
    item.PatientID = "é"
    own.SpecificCharacterSet, own.PatientID = "ISO_IR 144", "ж"
    deep.PatientID = "ж"
    own.OtherPatientIDsSequence = [deep]
    return data.dataset(
        SpecificCharacterSet="ISO_IR 100",
        StudyDescription="Größe",
        PatientComments="à la",
        OtherPatientIDsSequence=[item, own],
        **attributes,
    )


def test_another_character_set_is_that_of_all_texts() -> None:
    content = data.file(latin())
    made = amended(content, {NAME: ("PN", "山田")})
    found = read(made)
    assert (found.StudyDescription, found.PatientComments, found.PatientName) == ("Größe", "à la", "山田")
    before, after = (json_model.write(part10.read(one)).elements for one in (content, made))
    assert {key for key in after if after[key] != before[key]} == {"00080005", "00100010"}


def test_text_that_is_not_of_its_character_set_is_not_guessed() -> None:
    content = data.file(data.dataset(SpecificCharacterSet="ISO_IR 192", StudyDescription="Knee")).replace(
        b"Knee", b"\xff\xfe  "
    )
    assert read(amended(content, {NAME: ("PN", "Ж")})).PatientName == "Ж"
    thai = data.file(data.dataset(SpecificCharacterSet="ISO_IR 166")).replace(b"Knee", b"\xff\xfe  ")
    with pytest.raises(BadFile, match="not of the one that it names"):
        amended(thai, {NAME: ("PN", "Ж")})


def test_what_is_new_goes_where_the_order_of_tags_wants_it() -> None:
    made = data.dataset(PatientName=None, PatientID=None, PatientSex=None, PatientBirthDate=None)
    found = part10.read(amended(data.file(made), {**CHANGES, 0x00104000: ("LT", "a\\b")}))
    assert list(found.elements) == sorted(found.elements)
    last = data.file(data.dataset(StudyID=None, SeriesNumber=None, InstanceNumber=None))
    assert list(part10.read(amended(last + b"\0" * 6)).elements)[-1] == 0x00403001


def test_undefined_lengths_stay() -> None:
    made = latin()
    made["OtherPatientIDsSequence"].is_undefined_length = True
    content = data.file(made)
    assert b"\xff\xff\xff\xff" in content
    assert amended(content, {IDENTIFIER: ("LO", "ID1")})[-300:] == content[-300:]


def test_group_lengths_of_groups_that_change_go() -> None:
    content = data.file(data.dataset())
    start = content.index(b"\x10\0\x10\0PN")
    length = b"\x10\0\0\0UL\x04\0" + (60).to_bytes(4, "little")
    kept = b"\x08\0\0\0UL\x04\0" + (60).to_bytes(4, "little")
    first = content.index(b"\x08\0\x05\0CS")
    made = amended(content[:first] + kept + content[first:start] + length + content[start:])
    assert (kept in made, length in made) == (True, False)


def test_repeated_attributes_have_the_new_value_once() -> None:
    content = data.file(data.dataset(PatientName="Old"))
    old = b"\x10\0\x10\0PN\x04\0Old "
    made = amended(content.replace(old, old + old))
    assert (b"Old" in made, made.count(b"New^Name")) == (False, 1)


def test_the_new_file_says_who_wrote_it_and_what_it_was() -> None:
    found = pydicom.dcmread(io.BytesIO(amended(data.file(), {INSTANCE: ("UI", "1.2.3")})))
    assert found.file_meta.ImplementationClassUID == rewrite.IMPLEMENTATION_CLASS_UID
    assert (found.SOPInstanceUID, found.file_meta.MediaStorageSOPInstanceUID) == ("1.2.3", "1.2.3")
    assert found.file_meta.PrivateInformation == KEY.encode()
    assert rewrite.original_of(part10.read_head(amended(data.file())).meta) == KEY
    assert rewrite.original_of(part10.read_head(data.file()).meta) is None


def test_a_file_without_file_meta_information_gets_it() -> None:
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcmwrite(target, data.dataset(), implicit_vr=True, little_endian=True)
    made = part10.read(amended(target.getvalue()))
    assert (made.complete, made.transfer_syntax) == (True, IMPLICIT_LITTLE)

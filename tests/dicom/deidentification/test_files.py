"""Files, de-identified: pydicom reads them, they are what the Model says, and nothing that was to go is left."""

import io
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from filmroom.dicom import attributes, json_model, part10, rewrite
from filmroom.dicom.deidentification import Deidentification, Option
from filmroom.dicom.deidentification.elements import of_json
from filmroom.dicom.deidentification.files import write
from filmroom.dicom.deidentification.rules import Action, listed
from filmroom.dicom.transfer_syntax import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from tests import data
from tests.dicom.test_oracle import FILES

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, when a test writes bad values

BASIC = Deidentification.of([], b"a secret")
MOST = Deidentification.of([option for option in Option if option is not Option.FULL_DATES], b"a secret")
SYNTAXES = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED)


def cleaned(content: bytes, profile: Deidentification = BASIC) -> bytes:
    return b"".join(write(part10.read(content), profile))


def read(content: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(content))


CASES = [(path, BASIC) for path in FILES] + [(path, MOST) for path in FILES[::8]]


@pytest.mark.parametrize(("path", "profile"), CASES, ids=lambda value: getattr(value, "name", ""))
def test_a_file_is_what_the_model_says(path: Path, profile: Deidentification) -> None:
    content = path.read_bytes()
    before, made = part10.read(content), cleaned(content, profile)
    after = part10.read(made)
    assert json_model.write(after).elements == of_json(json_model.write(before).elements, profile)
    assert after.transfer_syntax is before.transfer_syntax
    assert read(made).get("PixelData") == pydicom.dcmread(path, force=True).get("PixelData")
    assert cleaned(content, profile) == made


def test_file_meta_information_and_preamble_say_nothing_of_the_original() -> None:
    made = data.dataset()
    content = data.file(made)
    head = part10.read_head(content)
    meta = rewrite.file_meta(head.meta | {0x00020016: "HOSPITAL"}, "", "", EXPLICIT_LITTLE, "0123456789abcdef")
    result = cleaned(b"Jane Doe" + meta[8:] + content[head.end :])
    found = read(result)
    assert found.preamble == bytes(128)
    assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID == BASIC.uid(made.SOPInstanceUID)
    assert found.file_meta.MediaStorageSOPClassUID == made.SOPClassUID
    for secret in (b"HOSPITAL", b"0123456789abcdef", made.SOPInstanceUID.encode()):
        assert secret not in result


def test_what_lies_between_and_behind_attributes_is_gone() -> None:
    twice = b"\x10\0\x10\0PN\x08\0SECRET^A\x10\0\x10\0PN\x08\0SECRET^B"
    content = data.file(data.dataset(PatientName=None, PatientID=None, PatientBirthDate=None, PatientSex=None))
    at = content.index(b"\x20\0\x0d\0UI")
    assert b"SECRET" not in cleaned(content[:at] + twice + content[at:] + b"\xfc\xff\xfc\xffOB\0\0\x06\0\0\0SECRET")


def test_references_lead_to_what_they_led_to() -> None:
    """Also inside sequences: of two instances of a Study, one names the other."""
    first = data.dataset(FrameOfReferenceUID=data.uid())
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = first.SOPClassUID, first.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = first.SeriesInstanceUID, [reference]
    second = data.dataset(StudyInstanceUID=first.StudyInstanceUID, ReferencedSeriesSequence=[series])
    one, two = (read(cleaned(data.file(made))) for made in (first, second))
    assert one.StudyInstanceUID == two.StudyInstanceUID != first.StudyInstanceUID
    assert one.FrameOfReferenceUID != first.FrameOfReferenceUID
    found = two.ReferencedSeriesSequence[0]
    assert found.SeriesInstanceUID == one.SeriesInstanceUID
    assert found.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == one.SOPInstanceUID
    assert found.ReferencedInstanceSequence[0].ReferencedSOPClassUID == first.SOPClassUID


def test_what_another_program_hid_or_changed_of_a_patient_is_gone() -> None:
    """Who has its key would read in the copy whose it is; and what a value was before says so to everybody."""
    hidden = Dataset()
    hidden.EncryptedContentTransferSyntaxUID, hidden.EncryptedContent = EXPLICIT_LITTLE.uid, b"SECRET"
    values = Dataset()
    values.PatientName, values.PatientID = "SECRET^Jane", "SECRET"
    before = Dataset()
    before.ModifiedAttributesSequence, before.SourceOfPreviousValues = [values], "SECRET"
    inner = Dataset()
    inner.EncryptedAttributesSequence, inner.OriginalAttributesSequence = [hidden], [before]
    made = data.dataset(
        EncryptedAttributesSequence=[hidden],
        EncryptedContent=b"SECRET",
        OriginalAttributesSequence=[before],
        ProcedureCodeSequence=[inner],
    )
    for profile in (BASIC, MOST):
        result = cleaned(data.file(made), profile)
        assert b"SECRET" not in result
        found = read(result)
        for one in (found, found.ProcedureCodeSequence[0]):
            assert not {"EncryptedAttributesSequence", "EncryptedContent", "OriginalAttributesSequence"} & {*one.dir()}


# A value that is found again, for each VR that attributes of the table have.
SECRETS: dict[str, Any] = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"), "SECRET"),
    **dict.fromkeys(("OB", "OW", "UN"), b"SECRET"),
    "AS": "877Y",
    "DA": "18770504",
    "DT": "18770504181716.151413",
    "DS": "18770504",
    "IS": "18770504",
    "TM": "181716.151413",
    "UI": "1.18770504",
    "US": 0x4553,
    "UL": 0x4E494E45,
}
FORBIDDEN = (b"SECRET", b"877Y", b"18770504", b"181716.15", "SECRET".encode("utf-16"))


def rows(*kept: Action) -> list[int]:
    return [int(key, 16) for key, action in listed(BASIC.options).items() if action not in kept]


TAGS = [tag for tag in rows(Action.KEEP_ITEMS) if attributes.vr(tag) in {*SECRETS, "SQ"} - {"US", "UL"}]


def secret(tag: int) -> Any:
    vr = attributes.vr(tag)
    assert vr is not None
    if vr != "SQ":
        return vr, SECRETS[vr]
    inner = Dataset()
    inner.Modality = "SECRET"  # kept elsewhere
    return vr, [inner]


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 0) -> Dataset:
    """With secrets in attributes of the table, in private ones, and in what nobody knows; at any depth."""
    made = Dataset()
    for tag in draw(st.lists(st.sampled_from(TAGS), max_size=12)):
        if tag >> 16 >= 8:
            made.add_new(tag, *secret(tag))
    if draw(st.booleans()):
        block = made.private_block(draw(st.sampled_from([0x0009, 0x0029, 0x7FE1])), "SECRET", create=True)
        block.add_new(1, "LO", "SECRET")
    if draw(st.booleans()):
        made.add_new(0x0018FFF1, "UN", b"SECRET")
    if draw(st.booleans()):
        made.add_new(0x60023000, "OB", b"SECRET")
    if depth < 3 and draw(st.booleans()):
        made.SharedFunctionalGroupsSequence = draw(st.lists(data_sets(depth + 1), max_size=2))
    return made


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.uid)
@given(random=data_sets())
def test_no_value_that_is_not_kept_survives(syntax: Any, random: Dataset) -> None:
    made = data.image()
    made.update(random)
    content = data.file(made, syntax.uid)
    result = cleaned(content)
    again = part10.read(result)
    text = json_model.format(of_json(json_model.write(part10.read(content)).elements, BASIC))
    for secret in FORBIDDEN:
        assert secret not in bytes(again.buffer)
        assert secret not in result
        assert secret not in text
    assert read(result).pixel_array.shape == (8, 8)

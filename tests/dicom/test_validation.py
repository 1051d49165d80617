from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from filmroom.dicom import json_model, part10, validation
from filmroom.dicom.validation import STANDARD, V1, V2, Findings, Problem, Rules
from tests import data

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, when a test writes bad values

DIALECTS = pytest.mark.parametrize("rules", [V1, V2, STANDARD], ids=["v1", "v2", "standard"])
SOP_CLASS, INSTANCE, STUDY, SERIES, PATIENT = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00100020


def found(rules: Rules, made: Dataset | None = None, study: str | None = None, **attributes: Any) -> Findings:
    """Check a data set after setting or, if None, removing attributes."""
    made = data.dataset() if made is None else made
    for keyword, value in attributes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return check(data.file(made), rules, study)


def check(content: bytes, rules: Rules, study: str | None = None) -> Findings:
    file = part10.read(content)
    return validation.check(file, json_model.write(file), rules, study)


def replaced(old: bytes, new: bytes, rules: Rules) -> Findings:
    """Check a file in which one value was overwritten by another of its length."""
    content = data.file(data.dataset(PatientID="PATNUM", Modality="ABC"))
    assert content.count(old) == 1
    assert len(old) == len(new)
    return check(content.replace(old, new), rules)


@DIALECTS
def test_nothing_is_said_of_a_good_instance(rules: Rules) -> None:
    assert found(rules) == Findings()


@DIALECTS
@pytest.mark.parametrize("tag", [STUDY, SERIES, INSTANCE])
def test_required_uids_must_be_there(rules: Rules, tag: int) -> None:
    made = data.dataset()
    del made[tag]
    message = f"The required tag '({tag >> 16:04x},{tag & 0xFFFF:04x})' is missing."
    assert found(rules, made).errors == (Problem(tag, message),)


def test_a_sop_class_is_required_by_azure_and_wanted_by_the_standard() -> None:
    missing = (Problem(SOP_CLASS, "The required tag '(0008,0016)' is missing."),)
    assert [found(rules, SOPClassUID=None).errors for rules in (V1, V2, STANDARD)] == [missing, missing, ()]
    assert found(STANDARD, SOPClassUID=None).warnings == missing
    assert found(STANDARD, SOPClassUID="1.2.x").reason == validation.DOES_NOT_MATCH_SOP_CLASS


@DIALECTS
def test_empty_uids_count_as_missing(rules: Rules) -> None:
    assert found(rules, StudyInstanceUID="").errors == (Problem(STUDY, "The required tag '(0020,000d)' is missing."),)


@DIALECTS
def test_the_study_must_be_that_of_the_target(rules: Rules) -> None:
    message = "The StudyInstanceUid in the payload does not match the specified StudyInstanceUid."
    assert found(rules, study="1.2.3").errors == (Problem(STUDY, message),)


@DIALECTS
def test_padding_does_not_part_a_study_from_its_target(rules: Rules) -> None:
    assert not found(rules, StudyInstanceUID="1.2.4", study="1.2.4 ").errors


@DIALECTS
@pytest.mark.parametrize("uid", ["1." + "2" * 63, "abc", "1.2."])
def test_malformed_uids_are_refused(rules: Rules, uid: str) -> None:
    (problem,) = found(rules, SeriesInstanceUID=uid).errors
    assert problem.tag == SERIES
    assert problem.message.startswith(
        "Dicom element 'SeriesInstanceUID' failed validation for VR 'UI': DICOM Identifier is invalid. "
    )


@DIALECTS
@pytest.mark.parametrize("padding", [b"\0\0", b"  "])
def test_padded_uids_are_accepted(rules: Rules, padding: bytes) -> None:
    content = data.file(data.dataset(SeriesInstanceUID="1.2.345"))
    assert not check(content.replace(b"1.2.345\0", b"1.2.34" + padding), rules).errors


def test_patient_id_is_required_with_a_value_in_v1() -> None:
    expected = (Problem(PATIENT, "The required tag '(0010,0020)' is missing."),)
    assert found(V1, PatientID=None).errors == expected
    assert found(V1, PatientID="").errors == expected


def test_patient_id_may_be_empty_in_v2() -> None:
    expected = (Problem(PATIENT, "The required tag '(0010,0020)' is missing."),)
    assert found(V2, PatientID=None).errors == expected
    assert found(V2, PatientID="").warnings == expected
    assert found(V2, PatientID="  ").warnings == expected


def test_patient_id_may_be_absent_by_the_standard() -> None:
    assert found(STANDARD, PatientID=None) == Findings()


def test_v1_refuses_bad_values_of_searched_attributes() -> None:
    findings = found(V1, Modality="X" * 20, StudyDate="20240230")
    assert [problem.message for problem in findings.errors] == [
        "Dicom element 'StudyDate' failed validation for VR 'DA': Value cannot be parsed as a valid date.",
        "Dicom element 'Modality' failed validation for VR 'CS': Value length exceeds maximum length of 16.",
    ]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"StudyDate": "NotADate"}, "Value cannot be parsed as a valid date."),
        ({"PatientBirthDate": "19701301"}, "Value cannot be parsed as a valid date."),
        ({"AccessionNumber": "x" * 17}, "Value length exceeds maximum length of 16."),
        ({"StudyDescription": "x" * 65}, "Value length exceeds maximum length of 64."),
        ({"PatientName": "a^b^c^d^e^f"}, "Value contains more than 5 components."),
        ({"PatientName": "a=b=c=d"}, "Value contains more than 5 components."),
        ({"PatientName": "x" * 65}, "One or more group of person name exceeds maxium length of 64."),
        ({"PatientName": "a\tb"}, "Value contains invalid character."),
    ],
)
def test_v1_tells_what_is_wrong(attributes: dict[str, Any], message: str) -> None:
    (problem,) = found(V1, **attributes).errors
    assert problem.message.endswith(f": {message}")


def test_v1_does_not_look_at_other_attributes() -> None:
    assert found(V1, SeriesDate="NotADate") == Findings()


def test_v1_refuses_a_nul_at_the_end() -> None:
    message = "Dicom element 'PatientID' failed validation for VR 'LO': Value contains invalid character."
    assert replaced(b"PATNUM", b"PATNU\0", V1).errors == (Problem(PATIENT, message),)


def test_the_standard_warns_of_bad_values_of_searched_attributes() -> None:
    findings = found(STANDARD, Modality="X" * 20, SeriesDate="NotADate")
    assert [problem.tag for problem in findings.warnings] == [0x00080060]
    assert not findings.errors
    assert findings.reason == validation.DOES_NOT_MATCH_SOP_CLASS


def test_v2_warns_of_every_bad_value() -> None:
    findings = found(V2, StudyDate="NotADate", SeriesDate="NotADate")
    expected = 'Content "NotADate" does not validate VR DA: one of the date values does not match the pattern YYYYMMDD'
    assert findings.warnings == (Problem(0x00080020, expected), Problem(0x00080021, expected))
    assert findings.reason == validation.ATTRIBUTES_IGNORED


def test_v2_accepts_nuls_at_the_end() -> None:
    assert replaced(b"PATNUM", b"PATNU\0", V2) == Findings()
    assert replaced(b"ABC ", b"AB\0\0", V2) == Findings()


def test_v2_refuses_a_nul_inside_patient_id() -> None:
    assert [problem.tag for problem in replaced(b"PATNUM", b"\0PATN\0", V2).errors] == [PATIENT]


def test_v2_warns_of_a_nul_inside_other_values() -> None:
    (problem,) = replaced(b"ABC ", b"X\0X ", V2).warnings
    assert "does not validate VR CS: value contains invalid character" in problem.message


def test_values_in_items_are_validated_but_hide_nothing() -> None:
    item = Dataset()
    item.StudyDate = "NotADate"
    findings = found(V2, RequestAttributesSequence=Sequence([item]))
    assert [problem.tag for problem in findings.warnings] == [0x00080020]
    assert validation.hidden(findings, V2) == frozenset()


def test_an_attribute_is_hidden_though_an_item_had_its_fault_first() -> None:
    item = Dataset()
    item.ContentDate = "NotADate"
    findings = found(V2, ReferencedStudySequence=Sequence([item]), SeriesDate="NotADate")
    assert len(findings.warnings) == 2
    assert validation.hidden(findings, V2) == {"00080021"}


def test_the_uids_of_an_instance_are_never_hidden() -> None:
    findings = found(V2, StudyInstanceUID="1.02.3", SOPClassUID="1.02.3")
    assert [problem.tag for problem in findings.warnings] == [SOP_CLASS, STUDY]
    assert validation.hidden(findings, V2) == {"00080016"}


def test_only_v2_hides() -> None:
    findings = found(STANDARD, Modality="X" * 20)
    assert findings.invalid
    assert validation.hidden(findings, STANDARD) == frozenset()


def test_a_wrong_number_of_values_is_a_fault() -> None:
    findings = found(V2, PixelSpacing=["1", "2", "3"], Rows=[1, 2])
    assert {problem.tag: problem.message for problem in findings.warnings} == {
        0x00280030: 'Content "(0028,0030) DS PixelSpacing" does not validate VR DS: '
        "Number of items 3 does not match ValueMultiplicity 2",
        0x00280010: 'Content "(0028,0010) US Rows" does not validate VR US: '
        "Number of items 2 does not match ValueMultiplicity 1",
    }


def test_private_attributes_have_any_number_of_values() -> None:
    made = data.dataset()
    block = made.private_block(0x0099, "FILMROOM", create=True)
    block.add_new(1, "LO", ["a", "b"])
    block.add_new(2, "US", [1, 2, 3])
    assert found(V2, made) == Findings()


@DIALECTS
def test_several_values_of_a_searched_attribute_are_told(rules: Rules) -> None:
    findings = found(rules, Modality=["CT", "MR"])
    assert findings.multiple_values
    assert not findings.errors


def test_a_sound_value_of_another_vr_is_stored_by_the_standard() -> None:
    made = data.dataset()
    made[PATIENT].VR = "SH"
    assert found(STANDARD, made) == Findings()


@DIALECTS
@pytest.mark.parametrize("vr", ["LO", "DS", "AS"])
@pytest.mark.parametrize("tag", [STUDY, SERIES, INSTANCE])
def test_a_uid_that_names_the_instance_must_have_its_vr(rules: Rules, tag: int, vr: str) -> None:
    """Another VR may have another text for the same bytes: 1.20 is the number 1.2."""
    made = data.dataset()
    made[tag].value = "1.20"
    (error,) = check(data.with_vr(data.file(made), tag, vr), rules).errors
    assert error.tag == tag
    assert error.message.endswith(f"is expected to have VR 'UI' but has '{vr}' in file.")


@DIALECTS
def test_a_uid_whose_vr_is_unknown_is_one(rules: Rules) -> None:
    made = data.dataset()
    made.add_new(SERIES, "UN", b"1.20")
    assert not check(data.file(made), rules).errors


def test_a_sop_class_of_another_vr_is_warned_of_by_the_standard() -> None:
    made = data.dataset()
    made.add_new(SOP_CLASS, "OB", b"1.20")
    findings = found(STANDARD, made)
    assert [problem.tag for problem in findings.warnings] == [SOP_CLASS]
    assert not findings.errors


@pytest.mark.parametrize("rules", [V1, V2])
def test_a_searched_attribute_must_have_its_vr_for_azure(rules: Rules) -> None:
    made = data.dataset()
    made[PATIENT].VR = "SH"
    findings = found(rules, made)
    message = "The extended query tag 'PatientID' is expected to have VR 'LO' but has 'SH' in file."
    assert Problem(PATIENT, message) in findings.errors + findings.warnings


def test_names_in_other_scripts_are_good() -> None:
    made = data.dataset(SpecificCharacterSet="ISO_IR 192", PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")
    made.StudyDescription = "Übergröße"
    assert found(V2, made) == Findings()
    assert found(V1, made) == Findings()


def test_characters_are_counted_not_bytes() -> None:
    assert found(V2, StudyDescription="Ü" * 64) == Findings()
    (problem,) = found(V2, StudyDescription="Ü" * 65).warnings
    assert "exceeds maximum length of 64 characters" in problem.message


def test_a_long_bad_value_is_shortened_in_the_message() -> None:
    (problem,) = found(V2, StudyDescription="x" * 10_000).warnings
    assert len(problem.message) < 400


def test_very_long_values_are_judged_too() -> None:
    made = data.dataset()
    made.ImageComments = "x" * 70_000  # LT
    (problem,) = check(data.file(made, ImplicitVRLittleEndian), V2).warnings
    assert "exceeds maximum length of 10240 characters" in problem.message


def test_blank_values_are_good() -> None:
    assert found(V2, StudyTime=" ", PatientAge="    ", AccessionNumber="  ") == Findings()


@pytest.mark.parametrize(
    ("rules", "reason"), [(V1, 45063), (V2, 45063), (STANDARD, None)], ids=["v1", "v2", "standard"]
)
def test_implicit_vr_is_a_warning_reason_of_azure(rules: Rules, reason: int | None) -> None:
    assert check(data.file(syntax=ImplicitVRLittleEndian), rules).reason == reason


def test_big_endian_is_validated_as_well() -> None:
    assert check(data.file(syntax=ExplicitVRBigEndian), V2) == Findings()


def test_one_response_may_tell_several_errors() -> None:
    findings = found(V1, PatientID=None, Modality="X" * 20)
    assert [problem.tag for problem in findings.errors] == [PATIENT, 0x00080060]

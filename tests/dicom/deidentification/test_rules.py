"""What is done with an attribute, of the table and not, with options and without."""

from collections.abc import Iterable

import pytest

from filmroom.dicom import attributes
from filmroom.dicom.deidentification.profile import Option
from filmroom.dicom.deidentification.rules import Action, listed, unlisted


def action(name: str, *options: Option) -> Action:
    tag = attributes.parse(name)
    assert tag is not None
    key = attributes.key(tag)
    return listed(frozenset(options)).get(key) or unlisted(key)


@pytest.mark.parametrize(
    ("name", "done"),
    [
        ("PatientBirthDate", Action.EMPTY),
        ("PatientAddress", Action.REMOVE),
        ("StudyInstanceUID", Action.UID),
        ("AnnotationGroupUID", Action.UID),  # D
        ("ContentDate", Action.DUMMY),  # Z/D
        ("StudyDate", Action.EMPTY),  # Z
        ("AcquisitionDate", Action.EMPTY),  # X/Z
        ("SeriesDate", Action.DUMMY),  # X/D
        ("StationName", Action.DUMMY),  # X/Z/D
        ("ReferencedPerformedProcedureStepSequence", Action.EMPTY),  # X/Z/D
        ("OperatorIdentificationSequence", Action.REMOVE),  # X/D
        ("SourceImageSequence", Action.KEEP_ITEMS),  # X/Z/U*
        ("GraphicAnnotationSequence", Action.DUMMY),  # D
        ("TrackingID", Action.DUMMY),  # ours, as those that follow
        ("TextValue", Action.DUMMY),
        ("CommentsOnTheScheduledProcedureStep", Action.REMOVE),
        ("PatientBirthDateInAlternativeCalendar", Action.REMOVE),
        ("HL7InstanceIdentifier", Action.REMOVE),
        ("Modality", Action.KEEP),
        ("PixelData", Action.KEEP),
        ("SharedFunctionalGroupsSequence", Action.KEEP_ITEMS),
        ("00091001", Action.REMOVE),
        ("00290010", Action.REMOVE),
        ("0008FFF0", Action.REMOVE),
        ("00020016", Action.REMOVE),
        ("50020010", Action.REMOVE),
        ("60003000", Action.REMOVE),
        ("60120022", Action.REMOVE),
    ],
)
def test_the_basic_profile(name: str, done: Action) -> None:
    assert action(name) is done


@pytest.mark.parametrize(
    ("name", "option", "done"),
    [
        ("StudyInstanceUID", Option.UIDS, Action.KEEP),
        ("ReferencedStudySequence", Option.UIDS, Action.KEEP_ITEMS),
        ("DigitalSignatureUID", Option.UIDS, Action.UID),
        ("StationName", Option.DEVICE, Action.KEEP),
        ("StationAETitle", Option.DEVICE, Action.REMOVE),  # C
        ("InstitutionName", Option.INSTITUTION, Action.KEEP),
        ("PatientSex", Option.PATIENT, Action.KEEP),
        ("Allergies", Option.PATIENT, Action.REMOVE),  # C
        ("StudyDate", Option.FULL_DATES, Action.KEEP),
        ("StudyDate", Option.MODIFIED_DATES, Action.SHIFT),
        ("AcquisitionDateTime", Option.MODIFIED_DATES, Action.SHIFT),
        ("StudyTime", Option.MODIFIED_DATES, Action.KEEP),
        ("TimezoneOffsetFromUTC", Option.MODIFIED_DATES, Action.KEEP),
        ("FrameOriginTimestamp", Option.MODIFIED_DATES, Action.DUMMY),
        ("PatientBirthDate", Option.FULL_DATES, Action.EMPTY),
    ],
)
def test_options(name: str, option: Option, done: Action) -> None:
    assert action(name, option) is done


def kept(tags: Iterable[int]) -> set[str]:
    return {name for name in map(attributes.name, tags) if action(name) is Action.KEEP}


def test_no_url_of_the_dictionary_is_kept_but_those_of_codes() -> None:
    assert kept(tag for tag, vr in attributes.VRS.items() if vr == "UR") == {"CodingSchemeURL", "URNCodeValue"}


def test_no_comment_of_the_dictionary_is_kept_but_those_on_machines() -> None:
    comments = [tag for tag in attributes.VRS if "Comment" in attributes.name(tag) and attributes.vr(tag) != "CS"]
    assert kept(comments) == {"SystemStatusComment", "TestResultComment", "TransactionStatusComment"}

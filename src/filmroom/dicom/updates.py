"""What an update may change of what is stored: attributes of the patient and the Study, and the UIDs that name it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from filmroom.dicom import attributes, inspection, value_rules
from filmroom.dicom.json_model import Elements
from filmroom.dicom.validation import SERIES_INSTANCE_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID, Problem
from filmroom.dicom.values import COMPONENT_GROUPS

UIDS = (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID)

# Of PS3.3 Tables C.2-2 and C.2-3 what is no sequence, and four attributes of the Study: those of the Azure service.
ATTRIBUTES = frozenset(
    {
        0x00080050,  # AccessionNumber
        0x00080090,  # ReferringPhysicianName
        0x00081030,  # StudyDescription
        0x00100010,  # PatientName
        0x00100020,  # PatientID
        0x00100021,  # IssuerOfPatientID
        0x00100022,  # TypeOfPatientID
        0x00100030,  # PatientBirthDate
        0x00100032,  # PatientBirthTime
        0x00100040,  # PatientSex
        0x00100200,  # QualityControlSubject
        0x00101000,  # OtherPatientIDs
        0x00101001,  # OtherPatientNames
        0x00101005,  # PatientBirthName
        0x00101010,  # PatientAge
        0x00101020,  # PatientSize
        0x00101030,  # PatientWeight
        0x00101040,  # PatientAddress
        0x00101060,  # PatientMotherBirthName
        0x00101080,  # MilitaryRank
        0x00101081,  # BranchOfService
        0x00101090,  # MedicalRecordLocator
        0x00102150,  # CountryOfResidence
        0x00102152,  # RegionOfResidence
        0x00102154,  # PatientTelephoneNumbers
        0x00102160,  # EthnicGroup
        0x00102180,  # Occupation
        0x001021F0,  # PatientReligiousPreference
        0x00102201,  # PatientSpeciesDescription
        0x00102292,  # PatientBreedDescription
        0x00102295,  # BreedRegistrationNumber
        0x00102297,  # ResponsiblePerson
        0x00102298,  # ResponsiblePersonRole
        0x00102299,  # ResponsibleOrganization
        0x00104000,  # PatientComments
        0x00403001,  # ConfidentialityConstraintOnPatientDataDescription
    }
)

_NOT_SUPPORTED = "Updating the tag is not supported"
_PERIODS = frozenset({"DA", "TM"})  # whose rules know ranges, which are for searches
_DIVIDES = "a backslash would divide it in two"
_LONGEST_NUMBER = 16  # characters of a DS


def check(changes: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the attributes to be changed, in the DICOM JSON Model: one Problem for each that is bad."""
    found = ((int(key, 16), _explain(int(key, 16), element)) for key, element in changes.items())
    return [Problem(tag, message) for tag, message in found if message is not None]


def texts(element: Mapping[str, Any]) -> list[str]:
    """The values as text, a person name as "A=I=P"; what is empty is an empty text. Only of what `check` found good."""
    return [_text(element["vr"], value) or "" for value in element.get("Value", ())]


def uids(changes: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """The new UIDs of Study, Series and Instance; None stays as it is."""
    study, series, instance = (_uid(changes, tag) for tag in UIDS)
    return study, series, instance


def written(changes: Elements) -> dict[int, tuple[str, str]]:
    """VR and text of each attribute, values divided by backslashes, as files have them."""
    return {int(key, 16): (element["vr"], "\\".join(texts(element))) for key, element in changes.items()}


def _uid(changes: Mapping[str, Any], tag: int) -> str | None:
    element = changes.get(attributes.key(tag))
    return texts(element)[0].strip(" \0") if element else None


def _explain(tag: int, element: Mapping[str, Any]) -> str | None:
    if tag not in ATTRIBUTES and tag not in UIDS:
        return _NOT_SUPPORTED
    vr = attributes.vr(tag)
    assert vr is not None
    if element["vr"] != vr:
        return f"The VR is '{vr}', not '{element['vr']}'"
    said = [_text(vr, value) for value in element.get("Value", ())]
    if None in said:
        return f"A value is not what VR {vr} has in the DICOM JSON Model"
    values = [text for text in said if text is not None]
    return next(_faults(vr, values), None) or inspection.judge(tag, vr, list(values)) or _of_uids(tag, values)


def _faults(vr: str, values: Iterable[str]) -> Iterator[str]:
    """What no value to be stored may have, whatever searches by it may have."""
    for text in values:
        fault = None
        if "\x1b" in text or "\0" in text:
            fault = "value contains invalid control character"
        elif "\\" in text and vr not in value_rules.SINGLE:
            fault = _DIVIDES
        elif vr in _PERIODS and "-" in text:
            fault = "value is a range"
        elif vr == "DA" and text and value_rules.minimum("DA", text.rstrip(" ")):
            fault = "value is no date"
        if fault:
            yield f'Content "{text[:256]}" does not validate VR {vr}: {fault}'


def _of_uids(tag: int, values: list[str]) -> str | None:
    if tag not in UIDS:
        return None
    if len(values) != 1:
        return "One value is needed"
    return value_rules.minimum("UI", values[0].strip(" ")) if values[0].strip(" ") else "One value is needed"


def _text(vr: str, value: Any) -> str | None:
    """A value of the Model as text; None if it is none of those that the VR has."""
    if value is None or isinstance(value, str):
        return value or ""
    if vr == "PN" and isinstance(value, dict):
        return _name(value)
    if vr == "DS" and isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    return None


def _name(groups: Mapping[str, Any]) -> str | None:
    said = [groups.get(name, "") for name in COMPONENT_GROUPS]
    if not groups.keys() <= {*COMPONENT_GROUPS} or not all(isinstance(one, str) and "=" not in one for one in said):
        return None
    return "=".join(said).rstrip("=")


def _number(value: float) -> str:
    """A number in the 16 characters of a DS, as exactly as they allow."""
    text, digits = repr(value), _LONGEST_NUMBER
    while len(text) > _LONGEST_NUMBER and digits > 1:
        digits -= 1
        text = f"{value:.{digits}g}"
    return text

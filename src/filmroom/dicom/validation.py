"""Whether an Instance may be stored, and what is wrong with it: one check, as strict as the dialect asks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from filmroom.dicom import attributes, inspection, query_tags, value_rules
from filmroom.dicom.json_model import Model
from filmroom.dicom.part10 import File
from filmroom.dicom.query_tags import BUILT_IN, QueryTag

SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
STUDY_INSTANCE_UID, SERIES_INSTANCE_UID = 0x0020000D, 0x0020000E
PATIENT_ID = 0x00100020

_REQUIRED = (SOP_CLASS_UID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID)
_INSTANCE_UIDS = (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID)

# What the Azure service searches by, and the VR that it expects.
SEARCHED: Mapping[int, str] = {
    0x00080020: "DA",  # StudyDate
    0x00080050: "SH",  # AccessionNumber
    0x00080060: "CS",  # Modality
    0x00080061: "CS",  # ModalitiesInStudy
    0x00080090: "PN",  # ReferringPhysicianName
    0x00081030: "LO",  # StudyDescription
    0x00081090: "LO",  # ManufacturerModelName
    0x00100010: "PN",  # PatientName
    PATIENT_ID: "LO",
    0x00100030: "DA",  # PatientBirthDate
    STUDY_INSTANCE_UID: "UI",
    SERIES_INSTANCE_UID: "UI",
    SOP_INSTANCE_UID: "UI",
    0x00400244: "DA",  # PerformedProcedureStepStartDate
}
_VRS = {**SEARCHED, SOP_CLASS_UID: "UI"}

# Warning Reasons (PS3.4 Table B.2-1); the second is the Azure service's own.
DOES_NOT_MATCH_SOP_CLASS = 45063  # 0xB007; the Azure service gives it for Implicit VR
ATTRIBUTES_IGNORED = 1  # attributes with warnings are left out of Metadata and searches


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one attribute; tag 0 stands for the file.

    The message may hold the attribute's value: it is for the sender, never for a log.
    """

    tag: int
    message: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What the check found. An Instance with errors is refused; one with warnings is stored."""

    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    multiple_values: bool = False  # a searched attribute has several values, of which the first counts
    reason: int | None = None  # the Warning Reason, if the Instance is stored
    invalid: tuple[int, ...] = ()  # top-level attributes with a warning of their own, not of an Item's


@dataclass(frozen=True, slots=True)
class Rules:
    """How strict a dialect is when it stores."""

    refused: frozenset[int]  # must pass the minimum validation, else the Instance is refused
    required: tuple[int, ...] = _REQUIRED  # must have one value, else the Instance is refused
    wanted: tuple[int, ...] = ()  # ... else it is stored with a warning
    other_vrs: bool = False  # a value that is sound is sound under another VR, too; but not that of a UID
    warned: frozenset[int] = frozenset()  # ... else it is stored with a warning
    padding: bool = True  # NULs at the end of a value are accepted
    every_value: bool = False  # all values are inspected, also in Items; those that are bad are warnings
    patient_id_needed: bool = False  # an Instance without PatientID is refused
    patient_id_filled: bool = False  # ... and one with an empty PatientID
    extended: bool = False  # what is refused are bad values of extended query tags as well
    hides: bool = False  # top-level attributes with warnings are left out of Metadata and searches
    implicit_reason: int | None = None  # the Warning Reason for Implicit VR
    warning_reason: int | None = None  # the Warning Reason for all else


V1 = Rules(
    refused=frozenset(SEARCHED),
    padding=False,
    extended=True,
    patient_id_needed=True,
    patient_id_filled=True,
    implicit_reason=DOES_NOT_MATCH_SOP_CLASS,
)
V2 = Rules(
    refused=frozenset({*_REQUIRED, PATIENT_ID}),
    wanted=(PATIENT_ID,),
    every_value=True,
    patient_id_needed=True,
    hides=True,
    implicit_reason=DOES_NOT_MATCH_SOP_CLASS,
    warning_reason=ATTRIBUTES_IGNORED,
)
# What can be stored is stored. Without UIDs it can't.
STANDARD = Rules(
    refused=frozenset(_INSTANCE_UIDS),
    required=_INSTANCE_UIDS,
    wanted=(SOP_CLASS_UID,),
    other_vrs=True,
    warned=frozenset({*SEARCHED, SOP_CLASS_UID}) - frozenset(_INSTANCE_UIDS),
    warning_reason=DOES_NOT_MATCH_SOP_CLASS,
)


def check(file: File, model: Model, rules: Rules, study: str | None, tags: Iterable[QueryTag] = ()) -> Findings:
    """Check an Instance. `study` is the Study that the target names, if it does. `tags` are made searchable.

    Of one attribute the first error counts, else the first warning.
    """
    values = _values(file, model)
    errors: dict[int, str] = {}
    warnings: dict[int, str] = {}
    if problem := _unmet_requirement(values, rules, study):
        errors[problem.tag] = problem.message
    for tag, found in values.items():
        kind = errors if tag in rules.refused else warnings if tag in rules.warned else None
        if kind is not None and (message := _minimum(tag, file.elements[tag].vr, found, rules)):
            kind.setdefault(tag, message)
    for tag, message in _extended(model, rules, tags):
        errors.setdefault(tag, message)
    for tag in rules.wanted:
        if not any(values.get(tag, ())):
            warnings.setdefault(tag, _missing(tag))
    invalid = set(warnings)
    if rules.every_value:
        for fault in inspection.inspect(file.elements, model.elements, file.buffer):
            warnings.setdefault(fault.tag, fault.message)
            if fault.depth == 0:
                invalid.add(fault.tag)
    implicit_reason = rules.implicit_reason if file.transfer_syntax.implicit else None
    return Findings(
        errors=tuple(Problem(*error) for error in errors.items()),
        warnings=tuple(Problem(tag, message) for tag, message in warnings.items() if tag not in errors),
        multiple_values=any(len(found) > 1 for tag, found in values.items() if tag in SEARCHED),
        reason=implicit_reason or (rules.warning_reason if warnings else None),
        invalid=tuple(sorted(invalid)),
    )


def _extended(model: Model, rules: Rules, tags: Iterable[QueryTag]) -> Iterator[tuple[int, str]]:
    """The bad values of extended query tags, with their attributes."""
    for tag in tags if rules.extended else ():
        if tag not in BUILT_IN and (key := query_tags.locate(tag, model.elements)) is not None:
            message = query_tags.unexpected_vr(tag, model.elements)
            if message is None and (bad := query_tags.bad_value(tag, model.elements)):
                message = f"Dicom element '{tag.name}' failed validation for VR '{tag.vr}': {bad}"
            if message is not None:
                yield int(key, 16), message


def hidden(findings: Findings, rules: Rules) -> frozenset[str]:
    """Keys of the top-level attributes that Metadata and searches leave out."""
    if not rules.hides:
        return frozenset()
    return frozenset(attributes.key(tag) for tag in findings.invalid if tag not in _INSTANCE_UIDS)


def uid(file: File, model: Model, tag: int) -> str | None:
    """The text that was checked of a UID, which is what the Instance is stored under. None if it has none."""
    element = file.elements.get(tag)
    found = inspection.texts(element, model.elements.get(attributes.key(tag), {}), file.buffer) if element else []
    return found[0].strip(" \0") if found else None


def _values(file: File, model: Model) -> dict[int, list[str]]:
    """The values of the attributes that have rules of their own, as far as they are there."""
    decoded = model.elements
    return {
        tag: inspection.texts(file.elements[tag], decoded.get(attributes.key(tag), {}), file.buffer)
        for tag in _VRS
        if tag in file.elements
    }


def _unmet_requirement(values: Mapping[int, list[str]], rules: Rules, study: str | None) -> Problem | None:
    """The first requirement that the data set as a whole does not meet."""
    for tag in rules.required:
        if len(values.get(tag, ())) != 1 or not values[tag][0].strip(" \0"):
            return Problem(tag, _missing(tag))
    if study is not None and values[STUDY_INSTANCE_UID][0].rstrip(" \0") != study.rstrip(" \0"):
        message = "The StudyInstanceUid in the payload does not match the specified StudyInstanceUid."
        return Problem(STUDY_INSTANCE_UID, message)
    if rules.patient_id_needed and PATIENT_ID not in values:
        return Problem(PATIENT_ID, _missing(PATIENT_ID))
    if rules.patient_id_filled and not any(values[PATIENT_ID]):
        return Problem(PATIENT_ID, _missing(PATIENT_ID))
    return None


def _missing(tag: int) -> str:
    return f"The required tag '({tag >> 16:04x},{tag & 0xFFFF:04x})' is missing."


def _minimum(tag: int, vr: str, values: list[str], rules: Rules) -> str | None:
    """What the minimum validation has against the first value of an attribute."""
    keyword, expected = attributes.keyword(tag), _VRS[tag]
    if vr != expected and (expected == "UI" or not rules.other_vrs):
        return f"The extended query tag '{keyword}' is expected to have VR '{expected}' but has '{vr}' in file."
    value = values[0] if values else ""
    if rules.padding or expected == "UI":  # a UID is padded with NUL (PS3.5 §6.2)
        value = value.rstrip(" \0")
    message = value_rules.minimum(expected, value) if value else None
    return f"Dicom element '{keyword}' failed validation for VR '{expected}': {message}" if message else None

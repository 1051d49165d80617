"""The Store Instances Response: which Instances were stored, which not, and why (PS3.18 §10.5.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from filmroom.dicom.resources import Resource
from filmroom.dicom.validation import Findings, Problem

# Failure Reasons (PS3.18 Annex I.2.2, PS3.4 Table B.2-1). The Azure service gives 0xA900 to all that is not valid: to
# what is not DICOM, is of another Study, or lacks a UID.
VALIDATION_FAILED = 43264  # 0xA900, data set does not match SOP Class
ALREADY_STORED = 45070  # 0xB00E, the Azure service's own


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one part of the request. UIDs are None where the part does not tell them."""

    sop_class: str | None = None
    study: str | None = None
    series: str | None = None
    instance: str | None = None
    failure: int | None = None  # None: stored
    warning: int | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """What differs between the dialects' responses."""

    stored_problems: bool  # an item of a stored Instance tells its problems
    always_problems: bool  # ... and has an empty sequence when there are none
    other_failures: bool  # a part without UIDs is in the Other Failures Sequence, and it is told why
    any_study: bool  # the Study's Retrieve URL also if the request's target did not name a Study


V1 = Shape(stored_problems=False, always_problems=False, other_failures=False, any_study=False)
V2 = Shape(stored_problems=True, always_problems=True, other_failures=False, any_study=False)
STANDARD = Shape(stored_problems=True, always_problems=False, other_failures=True, any_study=True)


class Summary(Enum):
    """What became of the whole request."""

    EMPTY = "there was no part"
    STORED = "all are stored"
    WARNED = "all are stored, some with a warning"
    PARTIAL = "some are stored, some are not"
    FAILED = "none is stored"


def refuse(outcome: Outcome, failure: int, problems: Iterable[Problem] = ()) -> Outcome:
    """The same Instance, not stored."""
    return replace(outcome, failure=failure, warning=None, problems=tuple(problems))


def warn(outcome: Outcome, findings: Findings) -> Outcome:
    """The same Instance, stored with the warnings that the check found, if any."""
    return replace(outcome, warning=findings.reason, problems=findings.warnings)


def summarize(outcomes: Sequence[Outcome]) -> Summary:
    """What became of the whole request, from which its status follows."""
    failed = sum(outcome.failure is not None for outcome in outcomes)
    if not outcomes:
        return Summary.EMPTY
    if failed:
        return Summary.FAILED if failed == len(outcomes) else Summary.PARTIAL
    return Summary.WARNED if any(outcome.warning is not None for outcome in outcomes) else Summary.STORED


def write(outcomes: Sequence[Outcome], root: str, study: str | None, shape: Shape) -> dict[str, Any]:
    """The response in the DICOM JSON Model (PS3.18 Annex I.2). `root` is the service root's absolute URL.

    `study` is the Study that the target named, if it did.
    """
    stored = [outcome for outcome in outcomes if outcome.failure is None]
    failed = [outcome for outcome in outcomes if outcome.failure is not None]
    others = [o for o in failed if shape.other_failures and (o.sop_class is None or o.instance is None)]
    response: dict[str, Any] = {}
    if url := _study_url(stored, root, study, shape):
        response["00081190"] = url
    if named := [outcome for outcome in failed if outcome not in others]:
        response["00081198"] = _sequence(_failed(outcome, shape) for outcome in named)
    if stored:
        response["00081199"] = _sequence(_stored(outcome, root, shape) for outcome in stored)
    if others:
        response["0008119A"] = _sequence(_failed(outcome, shape) for outcome in others)
    return response


def _study_url(stored: Sequence[Outcome], root: str, study: str | None, shape: Shape) -> dict[str, Any] | None:
    """The Retrieve URL of the Study. By the Standard it is there always, and empty if there is no one Study."""
    studies = {outcome.study for outcome in stored}
    if not shape.any_study:
        return _element("UR", root + Resource(study).path) if study and stored else None
    return _element("UR", root + Resource(studies.pop()).path) if len(studies) == 1 else {"vr": "UR"}


def _stored(outcome: Outcome, root: str, shape: Shape) -> dict[str, Any]:
    item = _reference(outcome)
    item["00081190"] = _element("UR", root + Resource(outcome.study, outcome.series, outcome.instance).path)
    if outcome.warning is not None:
        item["00081196"] = _element("US", outcome.warning)
    if shape.always_problems or (shape.stored_problems and outcome.problems):
        item["00741048"] = _problems(outcome.problems)
    return item


def _failed(outcome: Outcome, shape: Shape) -> dict[str, Any]:
    item = _reference(outcome)
    item["00081197"] = _element("US", outcome.failure)
    if problems := [problem for problem in outcome.problems if problem.tag or shape.other_failures]:
        item["00741048"] = _problems(problems)
    return item


def _reference(outcome: Outcome) -> dict[str, Any]:
    item = {}
    if outcome.sop_class is not None:
        item["00081150"] = _element("UI", outcome.sop_class)
    if outcome.instance is not None:
        item["00081155"] = _element("UI", outcome.instance)
    return item


def write_problems(problems: Iterable[Problem]) -> dict[str, Any]:
    """A data set of nothing but what is wrong with attributes."""
    return {"00741048": _problems(problems)}


def _problems(problems: Iterable[Problem]) -> dict[str, Any]:
    return _sequence({"00000902": _element("LO", _comment(problem))} for problem in problems)


def _comment(problem: Problem) -> str:
    if not problem.tag:
        return problem.message
    return f"DICOM100: ({problem.tag >> 16:04x},{problem.tag & 0xFFFF:04x}) - {problem.message}"


def _element(vr: str, value: object) -> dict[str, Any]:
    return {"vr": vr, "Value": [value]}


def _sequence(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    made = list(items)
    return {"vr": "SQ", "Value": made} if made else {"vr": "SQ"}

from typing import Any

import pytest

from filmroom.dicom import store_response
from filmroom.dicom.store_response import STANDARD, V1, V2, Outcome, Shape, Summary
from filmroom.dicom.validation import Findings, Problem

ROOT = "http://host/v2"
STORED = Outcome("1.1", "1.2", "1.3", "1.4")
PROBLEM = Problem(0x00080020, "No good.")
REFUSED = store_response.refuse(STORED, store_response.VALIDATION_FAILED, [PROBLEM])
WARNED = store_response.warn(STORED, Findings(warnings=(PROBLEM,), reason=1))
NOT_DICOM = Outcome(failure=store_response.VALIDATION_FAILED, problems=(Problem(0, "The file is not DICOM."),))

COMMENT = {"00000902": {"vr": "LO", "Value": ["DICOM100: (0008,0020) - No good."]}}
URL = {"vr": "UR", "Value": ["http://host/v2/studies/1.2/series/1.3/instances/1.4"]}
STUDY_URL = {"vr": "UR", "Value": ["http://host/v2/studies/1.2"]}
REFERENCE = {"00081150": {"vr": "UI", "Value": ["1.1"]}, "00081155": {"vr": "UI", "Value": ["1.4"]}}


def write(shape: Shape, *outcomes: Outcome, study: str | None = None) -> dict[str, Any]:
    return store_response.write(outcomes, ROOT, study, shape)


def sequence(*items: dict[str, Any]) -> dict[str, Any]:
    return {"vr": "SQ", "Value": list(items)}


def test_v1_does_not_tell_problems_of_what_is_stored() -> None:
    warned = {"00081196": {"vr": "US", "Value": [1]}}
    assert write(V1, STORED, WARNED) == {
        "00081199": sequence(REFERENCE | {"00081190": URL}, REFERENCE | {"00081190": URL} | warned)
    }


def test_v2_tells_problems_even_if_there_are_none() -> None:
    assert write(V2, STORED) == {"00081199": sequence(REFERENCE | {"00081190": URL, "00741048": {"vr": "SQ"}})}


def test_warnings_have_a_reason_and_comments() -> None:
    (item,) = write(V2, WARNED)["00081199"]["Value"]
    assert item["00081196"] == {"vr": "US", "Value": [1]}
    assert item["00741048"] == sequence(COMMENT)


@pytest.mark.parametrize("shape", [V1, V2, STANDARD])
def test_failures_have_a_reason_and_comments(shape: Shape) -> None:
    failed = {"00081197": {"vr": "US", "Value": [43264]}, "00741048": sequence(COMMENT)}
    assert write(shape, REFUSED)["00081198"] == sequence(REFERENCE | failed)


@pytest.mark.parametrize("shape", [V1, V2])
def test_what_is_not_dicom_has_only_a_reason_in_azure(shape: Shape) -> None:
    assert write(shape, NOT_DICOM) == {"00081198": sequence({"00081197": {"vr": "US", "Value": [43264]}})}


def test_what_is_not_dicom_is_among_the_other_failures_by_the_standard() -> None:
    comment = {"00000902": {"vr": "LO", "Value": ["The file is not DICOM."]}}
    reason = {"00081197": {"vr": "US", "Value": [43264]}, "00741048": sequence(comment)}
    assert write(STANDARD, NOT_DICOM) == {"00081190": {"vr": "UR"}, "0008119A": sequence(reason)}


@pytest.mark.parametrize("shape", [V1, V2])
def test_azure_tells_the_study_if_the_target_did_and_something_is_stored(shape: Shape) -> None:
    assert write(shape, STORED, study="1.2")["00081190"] == STUDY_URL
    assert "00081190" not in write(shape, STORED)
    assert "00081190" not in write(shape, REFUSED, study="1.2")


def test_the_standard_tells_the_study_if_it_is_one() -> None:
    other = Outcome("1.1", "2.2", "2.3", "2.4")
    assert write(STANDARD, STORED, STORED)["00081190"] == STUDY_URL
    assert write(STANDARD, STORED, other)["00081190"] == {"vr": "UR"}


def test_the_standard_tells_problems_only_if_there_are_some() -> None:
    assert write(STANDARD, STORED)["00081199"] == sequence(REFERENCE | {"00081190": URL})


@pytest.mark.parametrize("shape", [V1, V2, STANDARD])
def test_elements_are_in_the_order_of_their_tags(shape: Shape) -> None:
    written = write(shape, NOT_DICOM, REFUSED, WARNED, STORED, study="1.2")
    items = [item for element in written.values() for item in element.get("Value", ()) if isinstance(item, dict)]
    assert all(list(elements) == sorted(elements) for elements in [written, *items])


def test_refusing_forgets_the_warning() -> None:
    refused = store_response.refuse(WARNED, store_response.ALREADY_STORED)
    assert refused == Outcome("1.1", "1.2", "1.3", "1.4", failure=45070)


@pytest.mark.parametrize(
    ("outcomes", "summary"),
    [
        ([], Summary.EMPTY),
        ([STORED, STORED], Summary.STORED),
        ([STORED, WARNED], Summary.WARNED),
        ([WARNED, REFUSED], Summary.PARTIAL),
        ([REFUSED, NOT_DICOM], Summary.FAILED),
    ],
)
def test_the_request_as_a_whole_is_summed_up(outcomes: list[Outcome], summary: Summary) -> None:
    assert store_response.summarize(outcomes) is summary

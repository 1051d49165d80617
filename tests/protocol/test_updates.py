"""The body of an update, read as the Azure service reads it."""

from typing import Any

import orjson
import pytest

from filmroom.errors import BadAttributes, BadRequest
from filmroom.protocol import updates
from filmroom.protocol.dialects import DICOMWEB, V2
from filmroom.protocol.updates import MOST_STUDIES, Update

NAME = {"vr": "PN", "Value": [{"Alphabetic": "New^Name"}]}
NEW_UID = {"vr": "UI", "Value": ["1.5"]}


def parse(given: Any) -> Update:
    return updates.parse(V2, orjson.dumps(given))


def body(changes: Any, *studies: str, **more: Any) -> dict[str, Any]:
    return {"studyInstanceUids": list(studies or ("1.2",)), "changeDataset": changes, **more}


@pytest.mark.parametrize("key", ["00100010", "PatientName"])
def test_keys_become_tags(key: str) -> None:
    assert parse(body({key: NAME})) == Update(("1.2",), {"00100010": NAME})


def test_names_of_members_may_have_any_case() -> None:
    given = {"STUDYINSTANCEUIDS": ["1.2"], "changedataset": {"PatientName": NAME}, "SeriesInstanceUid": "1.3"}
    assert parse(given).series == "1.3"


def test_a_study_that_is_named_twice_is_one() -> None:
    assert parse(body({"PatientName": NAME}, *["1.2"] * MOST_STUDIES)).studies == ("1.2",)


def test_members_that_are_null_are_absent() -> None:
    assert parse(body({"PatientName": NAME}, seriesInstanceUid=None, sopInstanceUid=None)).series is None


def test_what_is_unknown_is_passed_over() -> None:
    assert parse(body({"PatientName": NAME}, comment="x")).studies == ("1.2",)


@pytest.mark.parametrize("empty", [{"vr": "PN"}, {"vr": "PN", "Value": []}, {"vr": "PN", "Value": None}])
def test_an_element_without_values_is_empty(empty: Any) -> None:
    assert parse(body({"PatientName": empty})).changes == {"00100010": {"vr": "PN"}}


def test_comments_and_commas_too_many() -> None:
    content = b'{"studyInstanceUids": ["1.2",], /* who */ "changeDataset": {"PatientID": {"vr": "LO"}}}'
    assert updates.parse(DICOMWEB, content).changes == {"00100020": {"vr": "LO"}}


@pytest.mark.parametrize(
    "scope",
    [
        {"seriesInstanceUid": "1.3"},
        {"seriesInstanceUid": "1.3", "sopInstanceUid": "1.4"},
    ],
)
def test_a_part_of_one_study(scope: dict[str, str]) -> None:
    given = parse(body({"PatientName": NAME}, **scope))
    assert (given.series, given.instance) == ("1.3", scope.get("sopInstanceUid"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (body({"PatientName": NAME}, "1", "2", seriesInstanceUid="3"), "of one Study at a time"),
        (body({"StudyInstanceUID": NEW_UID}, "1", "2"), "of one Study at a time"),
        (body({"SOPInstanceUID": NEW_UID}), "'SeriesInstanceUid' is missing"),
        (body({"PatientName": NAME}, sopInstanceUid="1.4"), "'SeriesInstanceUid' is missing"),
        (body({"PatientName": NAME}, seriesInstanceUid=7), "A UID is expected"),
        (body({"PatientName": {"vr": 7}}), "An object with vr and Value is expected"),
        (body({"1010": NAME}), "Tags of eight hexadecimal digits are expected"),
    ],
)
def test_what_is_refused(given: Any, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        parse(given)


def test_every_bad_attribute_is_named() -> None:
    with pytest.raises(BadAttributes) as raised:
        parse(body({"Modality": {"vr": "CS"}, "PatientName": NAME, "StudyDate": {"vr": "DA"}}))
    assert [tag for tag, _ in raised.value.problems] == [0x00080060, 0x00080020]

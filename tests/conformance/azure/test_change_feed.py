"""The change feed as programs written for the Azure DICOM service read it: windows, entries, refusals."""

import re
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests import data
from tests.messages import JSON, Sent, sent, store

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00")
MEMBERS = [
    "sequence", "partitionName", "studyInstanceUid", "seriesInstanceUid", "sopInstanceUid", "action", "timestamp",
    "state",
]  # fmt: skip
Entry = dict[str, Any]


def read(http: httpx2.Client, root: str, **parameters: Any) -> list[Entry]:
    answer = http.get(f"{root}/changefeed", params=parameters)
    assert answer.status_code == 200, answer.text
    found: list[Entry] = answer.json()
    return found


def latest(http: httpx2.Client, root: str, **parameters: Any) -> Entry:
    answer = http.get(f"{root}/changefeed/latest", params=parameters)
    assert answer.status_code == 200, answer.text
    found: Entry = answer.json()
    return found


def keep(http: httpx2.Client, *, method: str = "POST", **attributes: Any) -> Sent:
    made = sent(**attributes)
    assert store(http, "/v2", made.content, method=method).status_code == 200
    return made


def since(http: httpx2.Client, before: Entry) -> list[Entry]:
    return read(http, "/v1", offset=before["sequence"], limit=100)


@pytest.fixture
def before(http: httpx2.Client) -> Entry:
    """The newest entry there is when the test begins."""
    keep(http)
    return latest(http, "/v1")


def test_an_entry_has_these_members_in_this_case(http: httpx2.Client, root: str) -> None:
    made = keep(http)
    entry = latest(http, root)
    assert list(entry) == [*MEMBERS, "metadata"]
    assert entry["partitionName"] == "Microsoft.Default"
    assert (entry["action"], entry["state"]) == ("Create", "Current")
    assert entry["studyInstanceUid"] == made.dataset.StudyInstanceUID
    assert entry["seriesInstanceUid"] == made.dataset.SeriesInstanceUID
    assert entry["sopInstanceUid"] == made.dataset.SOPInstanceUID
    assert isinstance(entry["sequence"], int)
    assert TIMESTAMP.fullmatch(entry["timestamp"])


def test_it_is_json_whatever_is_accepted(http: httpx2.Client, root: str) -> None:
    keep(http)
    for path in ("/changefeed", "/changefeed/latest"):
        for headers in ({}, {"Accept": "image/png"}, {"Accept": "no media type"}):
            answer = http.get(root + path, headers=headers)
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("root", ["/v1.0-prerelease", "/v1", "/v2"])
def test_every_version_has_it(http: httpx2.Client, root: str) -> None:
    keep(http)
    assert read(http, root, limit=1)
    assert http.get(f"{root}/ChangeFeed/LATEST").headers["api-supported-versions"] == "1.0-prerelease, 1, 2"


def test_metadata_are_those_that_metadata_has(http: httpx2.Client, root: str) -> None:
    made = keep(http, PatientName="Doe^Jane")
    [metadata] = http.get(f"{root}{made.instance}/metadata", headers=JSON).json()
    assert latest(http, root)["metadata"] == metadata


def test_metadata_may_be_left_out(http: httpx2.Client, root: str) -> None:
    keep(http)
    assert list(latest(http, root, includeMetadata="false")) == MEMBERS
    assert all(list(entry) == MEMBERS for entry in read(http, root, includeMetadata="False"))


def test_create_delete_create_is_replaced_replaced_current(http: httpx2.Client, before: Entry) -> None:
    made = keep(http)
    assert [(entry["action"], entry["state"]) for entry in since(http, before)] == [("Create", "Current")]
    http.delete(f"/v2{made.study}")
    gone = since(http, before)
    assert [(entry["action"], entry["state"]) for entry in gone] == [("Create", "Deleted"), ("Delete", "Deleted")]
    assert not any("metadata" in entry for entry in gone)
    store(http, "/v2", made.content)
    again = since(http, before)
    assert [(entry["action"], entry["state"]) for entry in again] == [
        ("Create", "Replaced"),
        ("Delete", "Replaced"),
        ("Create", "Current"),
    ]
    assert all("metadata" in entry for entry in again)


def test_what_is_replaced_has_the_metadata_of_what_took_its_place(http: httpx2.Client, before: Entry) -> None:
    uids = {"StudyInstanceUID": data.uid(), "SeriesInstanceUID": data.uid(), "SOPInstanceUID": data.uid()}
    keep(http, **uids, PatientID="old")
    keep(http, **uids, PatientID="new", method="PUT")
    entries = since(http, before)
    assert [(entry["action"], entry["state"]) for entry in entries] == [("Create", "Replaced"), ("Update", "Current")]
    assert [entry["metadata"]["00100020"]["Value"] for entry in entries] == [["new"], ["new"]]


def test_an_entry_for_each_instance_that_is_deleted(http: httpx2.Client, before: Entry) -> None:
    study = data.uid()
    made = [sent(StudyInstanceUID=study) for _ in range(3)]
    store(http, "/v2", *(one.content for one in made))
    http.delete(f"/v2{made[0].study}")
    entries = since(http, before)
    assert [entry["action"] for entry in entries] == ["Create"] * 3 + ["Delete"] * 3
    uids = [one.dataset.SOPInstanceUID for one in made]
    assert [entry["sopInstanceUid"] for entry in entries] == uids * 2


# v1: windows of sequences


def test_v1_offset_is_the_sequence_to_begin_after(http: httpx2.Client, before: Entry) -> None:
    for _ in range(3):
        keep(http)
    first = before["sequence"]
    assert [entry["sequence"] for entry in read(http, "/v1", offset=first)] == [first + 1, first + 2, first + 3]
    assert [entry["sequence"] for entry in read(http, "/v1", offset=first, limit=2)] == [first + 1, first + 2]
    assert read(http, "/v1", offset=first + 3) == []


def test_v1_gives_ten_entries(http: httpx2.Client) -> None:
    study = data.uid()
    store(http, "/v2", *(sent(StudyInstanceUID=study).content for _ in range(11)))
    assert len(read(http, "/v1")) == len(read(http, "/v1.0-prerelease")) == 10


def test_v1_takes_no_notice_of_times(http: httpx2.Client) -> None:
    keep(http)
    assert read(http, "/v1", startTime="nonsense", endTime="1900-01-01") == read(http, "/v1")


# v2: windows of time


def later(entry: Entry, microseconds: int) -> str:
    return (datetime.fromisoformat(entry["timestamp"]) + timedelta(microseconds=microseconds)).isoformat()


def test_v2_start_is_in_the_window_and_end_is_not(http: httpx2.Client, before: Entry) -> None:
    keep(http)
    entry = latest(http, "/v2")
    stamp = entry["timestamp"]
    assert read(http, "/v2", startTime=stamp) == [entry]
    assert read(http, "/v2", startTime=stamp, endTime=later(entry, 1)) == [entry]
    assert read(http, "/v2", startTime=later(entry, 1)) == []
    until = read(http, "/v2", startTime=before["timestamp"], endTime=stamp)
    assert [one["sequence"] for one in until] == [before["sequence"]]


def test_v2_offset_is_how_many_are_left_out(http: httpx2.Client) -> None:
    study = data.uid()
    store(http, "/v2", *(sent(StudyInstanceUID=study).content for _ in range(4)))
    start = latest(http, "/v2")["timestamp"]
    whole = read(http, "/v2", startTime=start)
    assert len(whole) == 4
    assert read(http, "/v2", startTime=start, offset=1, limit=2) == whole[1:3]
    assert read(http, "/v2", startTime=start, offset=4) == []


def test_v2_is_in_the_order_of_time_and_then_of_sequence(http: httpx2.Client) -> None:
    keep(http)
    keys = [(entry["timestamp"], entry["sequence"]) for entry in read(http, "/v2")]
    assert keys == sorted(keys)


def test_v2_gives_a_hundred_entries_and_at_most_two_hundred(http: httpx2.Client) -> None:
    study = data.uid()
    store(http, "/v2", *(sent(StudyInstanceUID=study).content for _ in range(201)))
    start = latest(http, "/v2")["timestamp"]
    assert len(read(http, "/v2", startTime=start)) == 100
    assert len(read(http, "/v2", startTime=start, limit=200)) == 200


@pytest.mark.parametrize(
    "zone", ["2023-04-26T14:50:55.0596678-07:00", "2023-04-26T21:50:55Z", "2023-04-26T21:50:55.059%2B00:00"]
)
def test_v2_takes_any_time_zone(http: httpx2.Client, zone: str) -> None:
    assert http.get(f"/v2/changefeed?startTime={zone}").status_code == 200
    assert http.get(f"/v2/changefeed?endTime={zone}").json() == []


# Refusals


@pytest.mark.parametrize("version", ["/v1.0-prerelease", "/v1", "/v2"])
@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        *(("limit=" + value, "limit") for value in ("-1", "0", "blah")),
        *(("offset=" + value, "offset") for value in ("-1", "92233720368547758070", "9223372036854775808", "blah")),
        *(("includeMetadata=" + value, "includeMetadata") for value in ("0", "trueish", "boolean")),
    ],
)
def test_bad_values_are_refused_with_a_sentence(http: httpx2.Client, version: str, query: str, parameter: str) -> None:
    answer = http.get(f"{version}/changefeed?{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert answer.text.lower().startswith(f"the query parameter '{parameter.lower()}' is invalid. ")


@pytest.mark.parametrize(
    ("version", "limit", "said"),
    [
        ("v1", 101, "The query parameter 'limit' is invalid. The field limit must be between 1 and 100."),
        ("v2", 201, "The query parameter 'Limit' is invalid. The field Limit must be between 1 and 200."),
    ],
)
def test_a_limit_beyond_the_largest_is_refused(http: httpx2.Client, version: str, limit: int, said: str) -> None:
    assert http.get(f"/{version}/changefeed?limit={limit - 1}").status_code == 200
    answer = http.get(f"/{version}/changefeed?limit={limit}")
    assert (answer.status_code, answer.text) == (400, said)


@pytest.mark.parametrize("value", ["0", "trueish"])
def test_the_latest_refuses_too(http: httpx2.Client, root: str, value: str) -> None:
    assert http.get(f"{root}/changefeed/latest?includeMetadata={value}").status_code == 400


@pytest.mark.parametrize("name", ["startTime", "endTime"])
def test_v2_wants_a_time_zone(http: httpx2.Client, name: str) -> None:
    called = name[0].upper() + name[1:]
    for value in ("2023-04-26T14:50:55", "2023-04-26"):
        answer = http.get(f"/v2/changefeed?{name}={value}")
        sentence = f"The query parameter '{called}' is invalid. Date and time value must specify a time zone."
        assert (answer.status_code, answer.text) == (400, sentence)
    assert http.get(f"/v2/changefeed?{name}=yesterday").status_code == 400


@pytest.mark.parametrize("start", ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z"])
def test_v2_wants_the_start_before_the_end(http: httpx2.Client, start: str) -> None:
    answer = http.get(f"/v2/changefeed?startTime={start}&endTime=2024-01-01T01:00:00%2B01:00")
    assert answer.status_code == 400
    assert re.fullmatch(
        r"The start time '2024-01-01T0[01]:00:00\.0000000\+00:00' must occur strictly "
        r"before the end time '2024-01-01T00:00:00\.0000000\+00:00'\.",
        answer.text,
    )


def test_names_of_parameters_are_read_in_any_case(http: httpx2.Client) -> None:
    keep(http)
    entry = latest(http, "/v2", includemetadata="false")
    assert read(http, "/v2", starttime=entry["timestamp"], LIMIT=1, INCLUDEMETADATA="false") == [entry]


def test_what_is_no_parameter_of_it_is_passed_over(http: httpx2.Client, root: str) -> None:
    keep(http)
    assert read(http, root, since="blah", PatientID="x") == read(http, root)


def test_the_feed_is_of_all_partitions(http: httpx2.Client, root: str) -> None:
    assert http.get(f"{root}/partitions/x/changefeed").status_code == 400

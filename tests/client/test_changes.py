"""The change feed of both clients: what is asked, where it goes on, and that a follower misses nothing."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import islice
from typing import Any
from urllib.parse import parse_qs

import pytest

from filmroom import AsyncClient, BadRequest, BadResponse, Change, Client
from filmroom.cli import launch
from filmroom.client._changes import PAGE
from tests import data
from tests.client.recorder import MOMENT, Recorder, Reply, entry, json


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with launch.service(tmp_path_factory.mktemp("service")) as url:
        yield url


@pytest.fixture
def standard(connect: Callable[..., Any], service: Recorder) -> Any:
    """A client of a service whose root names no version."""
    return connect(service.url.replace("/pacs/v2", "/dicomweb"))


def sequences(feed: Iterator[Change]) -> list[int]:
    return [change.sequence for change in feed]


def asked(service: Recorder) -> list[str]:
    return [request.target for request in service.requests]


# What an entry is


def test_a_change_tells_what_the_entry_says(client: Any, service: Recorder) -> None:
    metadata = {"00100020": {"vr": "LO", "Value": ["4711"]}}
    service.replies = [json(entry(7, after=3, metadata=metadata))]
    change = client.latest_change()
    assert asked(service) == ["/pacs/v1/changefeed/latest?includeMetadata=true"]
    assert (change.sequence, change.action, change.state, change.partition) == (
        7,
        "Create",
        "Current",
        "Microsoft.Default",
    )
    assert (change.study, change.series, change.instance) == ("1.1", "1.2", "1.3")
    assert change.timestamp == MOMENT + timedelta(seconds=3)
    assert change.json == metadata
    assert change.metadata.PatientID == "4711"


def test_names_and_values_may_be_in_another_case(client: Any, service: Recorder) -> None:
    service.replies = [json({name[0].upper() + name[1:]: value for name, value in entry(7, action="create").items()})]
    assert client.latest_change().action == "Create"


def test_an_empty_feed_has_no_latest(client: Any, service: Recorder) -> None:
    service.replies = [Reply(204)]
    assert client.latest_change(include_metadata=False) is None
    assert list(client.change_feed()) == []


def test_a_deleted_instance_has_no_metadata(client: Any, service: Recorder) -> None:
    service.replies = [json(entry(7, action="Delete", state="Deleted"))]
    assert client.latest_change().metadata is None


TOO_EARLY = json([entry(1) | {"timestamp": "0001-01-01T00:00:00+14:00"}]).body  # in UTC there is no such time


@pytest.mark.parametrize("body", [b"[", b"7", b"[7]", b"[{}]", b'{"sequence": "x"}', b"<html></html>", TOO_EARLY])
def test_what_is_no_feed_is_told(client: Any, service: Recorder, body: bytes) -> None:
    service.replies = [Reply(200, {"Content-Type": "application/json"}, body)]
    with pytest.raises(BadResponse):
        client.latest_change()


# By windows of sequences: the Azure service


def test_windows_go_up_to_the_newest(client: Any, service: Recorder) -> None:
    service.replies = [
        json(entry(PAGE + 2)),
        json([entry(1), entry(PAGE)]),
        json([entry(PAGE + 2)]),
        json(entry(PAGE + 2)),
    ]
    assert sequences(client.change_feed()) == [1, PAGE, PAGE + 2]
    assert asked(service) == [
        "/pacs/v1/changefeed/latest?includeMetadata=false",
        "/pacs/v1/changefeed?offset=0&limit=100",
        "/pacs/v1/changefeed?offset=100&limit=100",
        "/pacs/v1/changefeed/latest?includeMetadata=false",
    ]


def test_a_gap_longer_than_a_window_is_passed(client: Any, service: Recorder) -> None:
    newest = json(entry(250))
    service.replies = [newest, json([]), json([]), json([entry(250)]), newest]
    assert sequences(client.change_feed(40)) == [250]
    offsets = [target.partition("offset=")[2] for target in asked(service) if "offset=" in target]
    assert offsets == ["40&limit=100", "140&limit=100", "240&limit=100"]


def test_what_came_after_the_newest_was_asked_for_is_not_read_twice(client: Any, service: Recorder) -> None:
    service.replies = [json(entry(1)), json([entry(1), entry(2)]), json(entry(3)), json([entry(3)]), json(entry(3))]
    assert sequences(client.change_feed()) == [1, 2, 3]
    assert asked(service)[3].endswith("?offset=2&limit=100")


def test_metadata_can_be_left_out(client: Any, service: Recorder) -> None:
    service.replies = [json(entry(1)), json([entry(1)]), json(entry(1))]
    assert sequences(client.change_feed(include_metadata=False)) == [1]
    assert asked(service)[1].endswith("&includeMetadata=false")


def test_every_version_is_read_at_v1(connect: Callable[..., Any], service: Recorder) -> None:
    service.replies = [Reply(204)]
    for root in ("v1.0-prerelease", "v1", "V2", "v2.0/"):
        connect(service.url.replace("/v2", f"/{root}"), partition="p").latest_change()
    assert asked(service) == ["/pacs/v1/changefeed/latest?includeMetadata=true"] * 4


# By `since`: Filmroom beside the Standard


def test_since_goes_on_until_a_page_is_empty(standard: Any, service: Recorder) -> None:
    service.replies = [json([entry(5), entry(9)]), json([entry(300)]), json([])]
    assert sequences(standard.change_feed(4)) == [5, 9, 300]
    assert asked(service) == [f"/dicomweb/changefeed?since={number}&limit=100" for number in (4, 9, 300)]


def test_a_service_that_knows_no_since_is_not_read_for_ever(standard: Any, service: Recorder) -> None:
    service.replies = [json([entry(1), entry(2)])]
    with pytest.raises(BadResponse, match="can't be followed"):
        list(standard.change_feed())


# Times


def test_a_start_is_looked_up_once(client: Any, service: Recorder) -> None:
    service.replies = [json(entry(9)), json([entry(8)]), json(entry(9)), json([entry(8), entry(9)]), json(entry(9))]
    start = MOMENT.astimezone(timezone(timedelta(hours=1)))
    assert sequences(client.change_feed(start=start)) == [8, 9]
    assert asked(service)[1] == (
        "/pacs/v2/changefeed?startTime=2024-01-01T12%3A00%3A00%2B00%3A00&limit=1&includeMetadata=false"
    )
    assert asked(service)[3] == "/pacs/v1/changefeed?offset=7&limit=100"


def test_a_day_begins_at_midnight_of_this_computer(client: Any, service: Recorder) -> None:
    service.replies = [json(entry(9)), json([entry(9)])]
    assert list(client.change_feed(start=date(2026, 11, 26))) == []
    midnight = datetime(2026, 11, 26).astimezone(UTC).isoformat()
    assert parse_qs(asked(service)[1].partition("?")[2])["startTime"] == [midnight]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"since": "2026-11-26"}, "since= is the sequence of a change, an int, not '2026-11-26'; a time is start="),
        ({"since": date(2026, 11, 26)}, "a time is start="),
        ({"start": "2026-11-26"}, "start= is a date or a datetime, not '2026-11-26'"),
        ({"end": 7}, "end= is a date or a datetime, not 7"),
    ],
)
def test_what_is_no_sequence_and_no_time_is_said(
    client: Any, service: Recorder, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        client.change_feed(**options)


def test_another_version_is_not_read_at_v1(connect: Callable[..., Any], service: Recorder) -> None:
    service.replies = [Reply(400, body=b"There is no version 3.")]
    with pytest.raises(BadRequest):
        list(connect(service.url.replace("/v2", "/v3")).change_feed())
    assert asked(service) == ["/pacs/v3/changefeed?since=0&limit=100"]


def test_a_start_that_is_yet_to_come_waits_for_what_is_new(standard: Any, service: Recorder) -> None:
    service.replies = [json(entry(9)), json([]), json([entry(10), entry(11, after=5)]), json([])]
    assert sequences(standard.change_feed(start=MOMENT + timedelta(seconds=5))) == [11]
    assert asked(service)[2] == "/dicomweb/changefeed?since=9&limit=100"


def test_an_end_is_not_in_the_feed(standard: Any, service: Recorder) -> None:
    service.replies = [json([entry(1), entry(2, after=9), entry(3)]), json([entry(4, after=9)])]
    assert sequences(standard.change_feed(end=MOMENT + timedelta(seconds=9))) == [1, 3]
    assert len(asked(service)) == 2


@pytest.mark.parametrize(
    "options", [{"since": -1}, {"since": 1, "start": MOMENT}, {"follow": True, "end": MOMENT}], ids=str
)
def test_what_makes_no_sense_is_said_at_once(client: Any, service: Recorder, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has no end|begins after"):
        client.change_feed(**options)
    assert service.requests == []


# Following


def test_who_follows_looks_again(standard: Any, service: Recorder) -> None:
    service.replies = [json([entry(1)]), json([]), json([]), json([entry(2)]), json([])]
    with closing(standard.change_feed(follow=True, interval=0)) as feed:
        assert sequences(islice(feed, 2)) == [1, 2]


def test_who_follows_at_v2_asks_for_the_newest(client: Any, service: Recorder) -> None:
    service.replies = [Reply(204), json(entry(1)), json([entry(1)]), json(entry(1)), json(entry(2)), json([entry(2)])]
    with closing(client.change_feed(follow=True, interval=0)) as feed:
        assert sequences(islice(feed, 2)) == [1, 2]


@pytest.mark.parametrize("root", ["dicomweb", "v1", "v2"])
def test_it_is_the_feed_of_the_real_service(running: str, connect: Callable[..., Any], root: str) -> None:
    client = connect(f"{running}/{root}")
    before = client.latest_change()
    made = [data.dataset() for _ in range(3)]
    with closing(client.change_feed(before.sequence if before else 0, follow=True, interval=0)) as feed:
        for one in made:
            client.store_instances(one)
            change = next(feed)
            assert (change.action, change.state, change.instance) == ("Create", "Current", one.SOPInstanceUID)
            assert change.metadata.PatientName == one.PatientName
        client.delete_study(made[0].StudyInstanceUID)
        assert (next(feed).action, client.latest_change().action) == ("Delete", "Delete")
    latest = client.latest_change()
    assert sequences(client.change_feed(start=latest.timestamp)) == [latest.sequence]
    assert sequences(client.change_feed(end=datetime(2020, 1, 1))) == []


def test_both_clients_have_the_same_keywords() -> None:
    assert Client.change_feed.__annotations__["options"] == AsyncClient.change_feed.__annotations__["options"]
    assert Client.latest_change.__doc__ == AsyncClient.latest_change.__doc__

"""`filmroom changes` prints the feed for people and for programs, and says how to go on."""

import _thread
from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from filmroom import Client
from filmroom.cli.changes import HEADING
from tests import data
from tests.cli.program import Program
from tests.client.recorder import Recorder, Reply, entry, json


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who would wait for changes presses Ctrl-C: one that came where Python drops it would be waited for for ever."""

    def pressed(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("filmroom.client._changes.time", SimpleNamespace(sleep=pressed))


@pytest.fixture
def since(service: str) -> str:
    """The sequence after which a test begins."""
    with Client(service) as client:
        client.store_instances(data.dataset())
        newest = client.latest_change()
    assert newest is not None
    return str(newest.sequence)


def lines(text: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in text.splitlines()]


def test_a_line_is_a_change_whose_uids_can_be_copied(run: Program, service: str, since: str) -> None:
    made = data.dataset()
    with Client(service) as client:
        client.store_instances(made)
        client.delete_study(made.StudyInstanceUID)
    ran = run("changes", "--since", since)
    heading, *printed = ran.out.splitlines()
    assert (ran.code, heading) == (0, HEADING)
    sequence, day, _, *rest = printed[0].split()
    assert int(sequence) > int(since)
    assert datetime.fromisoformat(day) > datetime(2020, 1, 1)
    assert rest == ["Create", "Deleted", made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID]
    assert [line.split()[3:5] for line in printed[1:]] == [["Delete", "Deleted"]]


def test_a_date_without_hyphens_is_no_sequence(run: Program, service: str, since: str) -> None:
    ran = run("changes", "--since", "20260131")
    assert (ran.code, "a date is written 2026-01-31" in ran.said) == (2, True)


def test_json_is_an_object_a_line_as_the_service_has_it(run: Program, service: str, since: str) -> None:
    made = data.dataset(PatientID="4711")
    with Client(service) as client:
        client.store_instances(made)
    [plain] = lines(run("changes", "--since", since, "--json").out)
    assert plain.pop("timestamp")
    assert plain == {
        "sequence": int(since) + 1,
        "partitionName": "Microsoft.Default",
        "studyInstanceUid": made.StudyInstanceUID,
        "seriesInstanceUid": made.SeriesInstanceUID,
        "sopInstanceUid": made.SOPInstanceUID,
        "action": "Create",
        "state": "Current",
    }
    [full] = lines(run("changes", "--since", since, "--json", "--metadata").out)
    assert full["metadata"]["00100020"]["Value"] == ["4711"]


def test_a_time_bounds_the_feed(run: Program, service: str, since: str) -> None:
    assert run("changes", "--until", "2020-01-01").out == ""
    assert run("changes", "--since", "2999-01-01").out == ""
    assert int(lines(run("changes", "--since", "2020-01-01T00:00Z", "--json").out)[-1]["sequence"]) >= int(since)
    assert run("changes", "--since", "now").out == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--since yesterday", "'yesterday' is none of: 2026-01-31, 2026-01-31T09:00, a sequence, or now"),
        ("--since -1", "'-1' is none of"),
        ("--until 7x", "'7x' is none of: 2026-01-31 or 2026-01-31T09:00"),
        ("--metadata", "a table has no room for Metadata; add --json"),
        ("--follow --until 2026-01-01", "--follow and --until exclude each other"),
        ("--since 2026-01-31T10:00 --until 2026-01-31T09:00", "2026-01-31T09:00 is before 2026-01-31T10:00"),
        ("--since 2026-01-31 --until 2026-01-29T00:00Z", "2026-01-29T00:00Z is before 2026-01-31"),
        ("--interval 3", "only --follow looks again"),
        ("--since 0001-01-01T00:00+14:00", "is none of"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(run: Program, recorder: Recorder, options: str, said: str) -> None:
    ran = run("changes", *options.split())
    assert (ran.code, recorder.targets) == (2, [])
    assert said in ran.said


def test_a_sequence_that_is_yet_to_come_is_said(run: Program, service: str, since: str) -> None:
    ran = run("changes", "--since", int(since) + 1)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"filmroom: there is no sequence {int(since) + 1} yet; the newest is {since}\n"
    assert run("changes", "--since", since).err == ""


def test_who_follows_is_told_so_at_once(run: Program, recorder: Recorder) -> None:
    newest = json(entry(7))
    recorder.replies = [newest, newest, json([])]
    ran = run("changes", "--follow", "--since", 9)
    assert ran.code == 130
    assert ran.err.splitlines()[0] == "filmroom: there is no sequence 9 yet; the newest is 7"


def test_another_version_has_no_feed(run: Program, service: str) -> None:
    ran = run("changes", "--url", service.replace("/dicomweb", "/v3"))
    assert (ran.code, ran.out, "does not support the API version '3'" in ran.err) == (3, "", True)


def _interrupting(then: bytes) -> Iterator[bytes]:
    """An answer during which somebody presses Ctrl-C."""
    _thread.interrupt_main()
    yield then


def test_ctrl_c_ends_quietly_and_says_how_to_go_on(run: Program, recorder: Recorder) -> None:
    answer = {"Content-Type": "application/json"}
    recorder.replies = [json(entry(7)), json([entry(6), entry(7)]), Reply(200, answer, _interrupting(b"[]"))]
    ran = run("changes", "--follow", "--since", "5", "--json")
    assert [line["sequence"] for line in lines(ran.out)] == [6, 7]
    assert ran.code == 130
    assert "filmroom: stopped; go on with --since 7" in ran.err.splitlines()


@pytest.mark.parametrize(("options", "said"), [((), "stopped"), (("--since", "5"), "stopped; go on with --since 5")])
def test_ctrl_c_before_the_first_change(run: Program, recorder: Recorder, options: tuple[str, ...], said: str) -> None:
    recorder.replies = [Reply(200, {"Content-Type": "application/json"}, _interrupting(b"[]"))]
    ran = run("changes", "--follow", *options)
    assert (ran.code, ran.out) == (130, "")
    assert f"filmroom: {said}" in ran.err.splitlines()


def test_a_service_that_fails_half_way_leaves_the_place(run: Program, recorder: Recorder) -> None:
    recorder.replies = [json(entry(7)), json([entry(6), entry(7)]), Reply(400, {}, b"Enough.")]
    ran = run("changes", "--follow", "--since", "5")
    assert ran.code == 3
    assert "go on with --since 7" in ran.err
    assert "Enough." in ran.err


def test_a_service_without_a_feed_is_told(run: Program, recorder: Recorder) -> None:
    recorder.replies = [Reply(404, {}, b"There is no such resource.")]
    ran = run("changes")
    assert (ran.code, ran.out) == (3, "")
    assert "There is no such resource." in ran.err
    assert "--since" not in ran.err

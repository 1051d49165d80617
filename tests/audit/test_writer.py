"""The writer writes what it is given, goes on without a disk, and loses nothing that it could hold."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filmroom import metrics
from filmroom.audit import alerts, chain, records, writer
from filmroom.audit.writer import Audit
from filmroom.errors import Unavailable
from tests.audit import given
from tests.service import wait_until


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Audit]:
    monkeypatch.setattr(writer, "REST", 0.01)
    made = Audit(given.open_trail(tmp_path), patients=lambda studies: dict.fromkeys(studies, "ID1"))
    yield made
    made.close()


def facts(**more: Any) -> dict[str, Any]:
    return {"time": time.time(), "action": "retrieve", "client": "192.0.2.1", "status": 200, **more}


def test_what_is_put_is_written_in_order_when_it_ends(audit: Audit, tmp_path: Path) -> None:
    for number in range(500):
        audit.put(facts(number=number))
    audit.close()
    assert [line["number"] for line in given.lines(tmp_path)] == list(range(500))
    assert given.check(tmp_path).broken is None


def test_who_waits_is_told_when_it_is_on_the_disk(audit: Audit, tmp_path: Path) -> None:
    audit.settled(facts()).result(30)
    assert len(given.lines(tmp_path)) == 1


def test_what_a_command_does_is_done_by_who_runs_it(audit: Audit, tmp_path: Path) -> None:
    audit.write("sweep", results={"filesRemoved": 3})
    audit.close()
    assert given.lines(tmp_path)[0]["who"] == records.user()


def test_whose_study_it_is_is_looked_up(audit: Audit, tmp_path: Path) -> None:
    audit.put(facts(study="1.2", partition_key=1))
    audit.put(facts(study="no UID", partition_key=1))
    audit.put(facts(study="1.3", partition_key=1, patient="given"))
    audit.close()
    assert [line.get("patient") for line in given.lines(tmp_path)] == ["ID1", None, "given"]
    assert "partition_key" not in given.lines(tmp_path)[0]


def test_whose_a_study_was_is_known_of_who_deleted_it(tmp_path: Path) -> None:
    audit = Audit(given.open_trail(tmp_path))
    audit.put(facts(study="1.2", partition_key=1))
    audit.put(facts(action="delete", study="1.2", partition_key=1, patient="ID1"))
    audit.close()
    assert [line["patient"] for line in given.lines(tmp_path)] == ["ID1", "ID1"]


def test_an_index_that_is_away_stops_nothing(tmp_path: Path) -> None:
    def away(studies: object) -> dict[tuple[int, str], str]:
        raise Unavailable("The index can't be used.")

    audit = Audit(given.open_trail(tmp_path), patients=away)
    audit.put(facts(study="1.2", partition_key=1))
    audit.close()
    assert "patient" not in given.lines(tmp_path)[0]


def test_a_request_of_several_studies_has_a_line_for_each(audit: Audit, tmp_path: Path) -> None:
    audit.put(facts(action="store", each=[{"study": "1.2"}, {"study": "1.3"}]))
    audit.close()
    assert [line["study"] for line in given.lines(tmp_path)] == ["1.2", "1.3"]


def test_a_full_disk_is_waited_for(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = True

    def fail(descriptor: int) -> None:
        if full:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Unavailable, match="No space left on device"):
        audit.settled(facts(number=1)).result(30)
    audit.put(facts(number=2))
    assert audit.trouble == "No space left on device"
    assert value("audit_failing") == 1
    wait_until(lambda: "audit trail can't be written" in "".join(capsys.readouterr()))
    full = False
    wait_until(lambda: audit.trouble is None)
    audit.close()
    assert value("audit_failing") == 0
    assert [line["number"] for line in given.lines(tmp_path)] == [1, 2]


def value(name: str) -> float:
    return metrics.REGISTRY.get_sample_value(f"filmroom_{name}") or 0.0


def test_what_no_queue_can_hold_is_counted(audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost, written = value("audit_lost_total"), value("audit_lines_total")
    monkeypatch.setattr(writer, "GATHER", 60.0)
    monkeypatch.setattr(writer, "MOST", 3)
    for number in range(5):
        audit.put(facts(number=number))
    audit.close()
    assert [line.get("number") for line in given.lines(tmp_path)] == [0, 1, 2, None]
    assert given.lines(tmp_path)[3]["records"] == 2
    assert (value("audit_lost_total") - lost, value("audit_lines_total") - written) == (2, 4)


def test_who_is_refused_again_and_again_is_an_alert(audit: Audit, tmp_path: Path) -> None:
    before = value("audit_alerts_total")
    for number in range(25):
        audit.put(facts(status=401 + 2 * (number % 2)))
    audit.put(facts(status=401, client="192.0.2.2"))
    audit.close()
    found = [line for line in given.lines(tmp_path) if line["action"] == chain.ALERT]
    assert [(line["client"], line["refused"]) for line in found] == [("192.0.2.1", 10), ("192.0.2.1", 15)]
    assert value("audit_alerts_total") - before == 2


def no_more(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_where_no_thread_can_be_started_records_are_kept_until_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = Audit(given.open_trail(tmp_path), required=True)
    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", no_more)
        audit.put(facts(number=1))
        with pytest.raises(Unavailable, match="no thread"):
            audit.settled(facts(number=2)).result()
        assert value("audit_failing") == 1
        assert audit.problem() == "no thread could be started"
        assert "".join(capsys.readouterr()).count("audit trail can't be written") == 1
    audit.settled(facts(number=3)).result(30)
    assert value("audit_failing") == 0
    audit.close()
    assert [line["number"] for line in given.lines(tmp_path)] == [1, 2, 3]


def test_another_reason_is_told_at_once(
    audit: Audit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", no_more)
        audit.put(facts())
    assert "no thread could be started" in "".join(capsys.readouterr())
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", _no_space)
        audit.put(facts())
        wait_until(lambda: "No space left on device" in "".join(capsys.readouterr()))
    audit.close()


def _no_space(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_who_asks_for_a_problem_starts_the_thread_for_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = Audit(given.open_trail(tmp_path))
    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", no_more)
        audit.put(facts())
    assert audit.problem() is None
    wait_until(lambda: len(given.lines(tmp_path)) == 1)
    audit.close()


def test_what_waits_for_a_thread_is_written_at_the_end_though_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = Audit(given.open_trail(tmp_path))
    monkeypatch.setattr(threading.Thread, "start", no_more)
    audit.put(facts())
    audit.close()
    assert len(given.lines(tmp_path)) == 1


class UnforeseenError(BaseException):
    pass


def test_a_thread_that_ended_unforeseen_writes_nothing_and_metrics_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise UnforeseenError

    trail = given.open_trail(tmp_path)
    monkeypatch.setattr(trail, "append", fail)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    audit = Audit(trail)
    audit.put(facts())
    wait_until(lambda: audit.problem() == "its thread has ended, and the log says why")
    assert value("audit_failing") == 1
    audit.close()
    metrics.audit_failing.set(0)


def test_what_is_refused_after_an_alert_is_counted_though_nothing_follows(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "WINDOW", 0.5)
    now = time.time()
    audit.put(facts(status=401, time=now, each=[{}] * 13))  # in one batch
    audit.settled(facts(status=401, time=now)).result(30)  # it is counted, and nobody is kept waiting
    wait_until(lambda: sum(line.get("refused", 0) for line in given.lines(tmp_path)) == 14)
    assert sum("refused" not in line for line in given.lines(tmp_path)) == 10


def test_text_that_utf_8_can_t_hold_is_written_all_the_same(audit: Audit, tmp_path: Path) -> None:
    audit.put(facts(who="\ud800"))
    audit.close()
    assert given.lines(tmp_path)[0]["who"] == r"'\ud800'"


def test_so_is_what_lies_deeper_and_what_json_has_no_number_for(audit: Audit, tmp_path: Path) -> None:
    audit.put(facts(roles=["reader", "\ud800"], results={"\ud801": 1 << 70}))
    audit.close()
    (found,) = given.lines(tmp_path)
    assert (found["roles"], found["results"]) == (["reader", r"'\ud800'"], {r"'\ud801'": str(1 << 70)})


def test_an_error_that_nobody_foresaw_costs_what_it_hit_and_nothing_more(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Unavailable, match="internal error"):
        audit.settled(facts(time="no time")).result(30)
    wait_until(lambda: audit.problem() is None)
    audit.settled(facts(number=2)).result(30)
    assert [line.get("records", line.get("number")) for line in given.lines(tmp_path)] == [1, 2]
    assert given.lines(tmp_path)[0]["action"] == chain.LOST
    assert "audit trail lost" in "".join(capsys.readouterr())


def test_without_a_trail_nothing_is_written(tmp_path: Path) -> None:
    audit = Audit()
    audit.put(facts())
    audit.close()
    assert not audit.on
    assert not any(tmp_path.iterdir())

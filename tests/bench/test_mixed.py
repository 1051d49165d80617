"""What readers wait while others write."""

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from bench import disk, document, mixed, mixture, tables
from bench.client import Answer, WrongAnswerError
from bench.data import KB_131, Instance
from bench.processes import Usage
from bench.servers import Setup, filmroom
from bench.service import Service

COST = Usage(seconds=1.0, cpu=2.0, machine_cpu=3.0, peak=50_000_000, peak_shared=None)


def found(high: float, *failures: str, count: int = mixed.LEAST) -> mixed.Mixed:
    return mixed.Mixed({"frame": [1.0] * count}, {"frame": [high] * count, "store": [9.0]}, failures, 7, COST, 10)


def test_a_short_run_compares_each_reading_with_itself_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "IN_MEMORY", set())  # wherever the tests run
    for name, value in (
        ("WRITERS", 1),
        ("READERS", 1),
        ("STUDIES", 2),
        ("FILES", 2),
        ("UNMEASURED", 0.5),
        ("LEAST", 1),
    ):
        monkeypatch.setattr(mixed, name, value)
    told = tmp_path / "found.json"
    arguments = ["--seconds", "4", "--workers", "1", "--folder", str(tmp_path), "--json", str(told)]
    assert mixed.main(arguments) in {0, tables.MISSED}
    run = json.loads(told.read_text())
    rows = {row["name"]: row for row in run["rows"]}
    assert rows["frame-0.99"]["goal"] == 1 / 5
    assert [len(tables.reached(rows[name])) for name in ("frame-0.99", "store-0.99", "errors")] == [1, 0, 1]
    [together, _] = rows["requests"]["servers"]
    assert together["cpu_ms"] > 0
    assert together["peak_mb"] > 20
    assert "a search found each of them" in capsys.readouterr().out
    assert "#### Whole run" in document.text("mixed", document.trimmed(run))


def test_whoever_ends_the_run_waits_for_no_client_and_leaves_none() -> None:
    with suppress(KeyboardInterrupt), mixed.processes() as pool:
        assert pool.submit(signal.getsignal, signal.SIGINT).result() is signal.SIG_IGN
        client = pool.submit(os.getpid).result()
        pool.submit(time.sleep, 600)
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(client, 0)


def test_a_reading_that_waits_more_than_five_times_as_long_misses_the_goal() -> None:
    ends = [tables.status(mixed.as_run("F", one)) for one in (found(4.9), found(5.1), found(2, "frame: no"))]
    assert ends == [0, tables.MISSED, tables.FAILED]


def test_a_process_without_its_service_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        mixed.main(["--pid", "1"])
    assert capsys.readouterr() == ("", "A --pid is that of a --url.\n")


def test_too_few_requests_have_no_99th_of_a_hundred() -> None:
    assert tables.status(mixed.as_run("F", found(2, count=mixed.LEAST - 1))) == tables.FAILED


def test_a_store_that_is_not_found_afterwards_is_a_failure(tmp_path: Path) -> None:
    with filmroom(tmp_path, Setup(1)) as server:
        at = Service("writer", server.url)
        stored = [Instance(KB_131, at.run, at.new_study(), 0, number) for number in range(2)]
        at.store_all(stored)
        assert mixed._lost(server.url, stored) == []
        lost = Instance(KB_131, at.run, stored[0].study, 0, 9)
        assert len(mixed._lost(server.url, [*stored, lost])) == 1


def test_a_list_of_nothing_is_wrong_where_something_is_known() -> None:
    at = Service("reader", "http://127.0.0.1:1")
    client = mixture.Client(at, Random(), 0, {"list": 1})
    client.studies.append([Instance(KB_131, at.run, 0, 0, 0)])
    with pytest.raises(WrongAnswerError):
        mixture.TASKS["list"](client).check(Answer(200, b"", bytearray(b"[]"), [(0, 2)]))

"""The change feed by sequence and by time, what has become of each entry, and that no reader misses one."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import orjson
import pytest
from sqlalchemy import event, func, insert, select

from filmroom.dicom.resources import DEFAULT_PARTITION
from filmroom.index import additions, changes, instances
from filmroom.index.changes import Change, State
from filmroom.index.database import Database
from filmroom.index.tables import change_feed
from filmroom.index.transaction import Transaction
from tests.index import given

LARGEST = 2**63 - 1

EVER = float("-inf"), float("inf")


def after(
    database: Database, sequence: int, up_to: int = LARGEST, limit: int = 100, *, metadata: bool = False
) -> list[Change]:
    with database.read() as tx:
        return changes.fetch_after(tx, sequence, up_to, limit, metadata=metadata)


def between(database: Database, start: float, end: float, offset: int = 0, limit: int = 100) -> list[Change]:
    with database.read() as tx:
        return changes.fetch_between(tx, start, end, offset, limit, metadata=False)


def latest(database: Database, *, by_time: bool, metadata: bool = False) -> Change | None:
    with database.read() as tx:
        return changes.fetch_latest(tx, by_time=by_time, metadata=metadata)


def sequences(found: list[Change]) -> list[int]:
    return [change.sequence for change in found]


def history(found: list[Change]) -> list[tuple[str, str]]:
    return [(change.action, change.state) for change in found]


def enter(database: Database, *entries: tuple[int, float]) -> None:
    """Entries as nobody makes them: with these sequences and timestamps."""
    uids = dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), "1")
    rest = {"action": "create", "partition": DEFAULT_PARTITION, "watermark": 1, **uids}
    with database.begin() as tx:
        tx.core.execute(insert(change_feed), [{"sequence": number, "timestamp": at, **rest} for number, at in entries])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock."""

    def put(seconds: float) -> None:
        monkeypatch.setattr(time, "time_ns", lambda: int(seconds * 1_000_000_000))

    return put


def test_an_empty_feed_has_nothing(database: Database) -> None:
    assert after(database, 0) == between(database, *EVER) == []
    assert latest(database, by_time=True) is latest(database, by_time=False) is None


def test_an_entry_names_its_instance_and_partition(database: Database) -> None:
    given.add(database, given.new("1.1", "1.2", "1.3"))
    [change] = after(database, 0)
    assert change.resource == given.named("1.1", "1.2", "1.3")
    assert (change.sequence, change.action, change.partition) == (1, "create", "Microsoft.Default")


def test_states_are_those_at_the_time_of_reading(database: Database) -> None:
    given.add(database, given.new("1.1", "1.2", "1.3"))
    assert history(after(database, 0)) == [("create", State.CURRENT)]
    given.remove(database, "1.1")
    assert history(after(database, 0)) == [("create", State.DELETED), ("delete", State.DELETED)]
    given.add(database, given.new("1.1", "1.2", "1.3"))
    assert history(after(database, 0)) == [
        ("create", State.REPLACED),
        ("delete", State.REPLACED),
        ("create", State.CURRENT),
    ]


def test_what_is_replaced_is_told_from_what_took_its_place(database: Database) -> None:
    given.add(database, given.new("1.1", "1.2", "1.3"))
    given.add(database, given.new("1.1", "1.2", "1.3", PatientID="other"), replace=True)
    assert history(after(database, 0)) == [("create", State.REPLACED), ("update", State.CURRENT)]


def test_versions_that_are_committed_together_have_an_entry_each(database: Database) -> None:
    given.add(database, given.new("1.1", "1.2", "1.3", PatientID="first"))
    versions = [given.new("1.1", "1.2", number, PatientID=name) for name in "abc" for number in ("1.3", "1.4")]
    given.add(database, *versions, replace=True)
    assert [(change.resource.instance, change.action, change.state) for change in after(database, 0)] == [
        ("1.3", "create", State.REPLACED),
        ("1.3", "update", State.REPLACED),
        ("1.4", "create", State.REPLACED),
        ("1.3", "update", State.REPLACED),
        ("1.4", "update", State.REPLACED),
        ("1.3", "update", State.CURRENT),
        ("1.4", "update", State.CURRENT),
    ]


def test_metadata_are_those_of_the_current_version(database: Database) -> None:
    given.add(database, given.new("1.1", "1.2", "1.3", PatientID="old"), given.new("1.1", "1.2", "1.4"))
    given.add(database, given.new("1.1", "1.2", "1.3", PatientID="new"), replace=True)
    given.remove(database, "1.1", "1.2", "1.4")
    texts = [change.metadata for change in after(database, 0, metadata=True)]
    assert [text and orjson.loads(text).get("00100020", {}).get("Value") for text in texts] == [
        ["new"],
        None,
        ["new"],
        None,
    ]


def test_metadata_are_read_only_if_they_are_wanted(database: Database) -> None:
    given.add(database, given.new("1.1", "1.2", "1.3"))
    assert [change.metadata for change in after(database, 0)] == [None]


def test_the_same_uids_in_another_partition_are_another_instance(database: Database) -> None:
    given.add(database, given.new("1.1", "1.2", "1.3"))
    given.remove(database, "1.1")
    with database.begin() as tx:
        tx.core.exec_driver_sql("INSERT INTO partition (key, name, created) VALUES (2, 'other', 0)")
    given.add(database, given.new("1.1", "1.2", "1.3", partition=2))
    assert [(change.partition, change.state) for change in after(database, 0)] == [
        ("Microsoft.Default", State.DELETED),
        ("Microsoft.Default", State.DELETED),
        ("other", State.CURRENT),
    ]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((0, LARGEST, 100), [2, 3, 7, 8]),
        ((2, LARGEST, 100), [3, 7, 8]),
        ((3, 6, 3), []),
        ((3, 7, 4), [7]),
        ((0, LARGEST, 2), [2, 3]),
        ((8, LARGEST, 100), []),
        ((LARGEST, LARGEST, 100), []),
    ],
)
def test_a_window_of_sequences_has_no_more_than_there_are(
    database: Database, window: tuple[int, int, int], expected: list[int]
) -> None:
    enter(database, (2, 5.0), (3, 5.0), (7, 5.0), (8, 5.0))
    assert sequences(after(database, *window)) == expected


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((*EVER,), [2, 1, 3, 4]),
        ((5.0, 6.0), [1, 3]),
        ((5.000001, 6.000001), [4]),
        ((*EVER, 1, 2), [1, 3]),
        ((*EVER, 4), []),
        ((*EVER, LARGEST), []),
    ],
)
def test_a_window_of_time_begins_with_its_start_and_ends_before_its_end(
    database: Database, window: tuple[Any, ...], expected: list[int]
) -> None:
    enter(database, (1, 5.0), (2, 4.0), (3, 5.0), (4, 6.0))
    assert sequences(between(database, *window)) == expected


def test_the_latest_by_time_need_not_be_the_latest_by_sequence(database: Database) -> None:
    enter(database, (1, 5.0), (2, 6.0), (3, 6.0), (4, 4.0))
    found = latest(database, by_time=True), latest(database, by_time=False)
    assert [change and change.sequence for change in found] == [3, 4]


def test_the_latest_has_metadata_as_well(database: Database) -> None:
    given.add(database, given.new("1.1", "1.2", "1.3"))
    change = latest(database, by_time=False, metadata=True)
    assert change is not None
    assert change.metadata is not None


def test_time_does_not_go_back_with_the_clock(database: Database, clock: Callable[[float], None]) -> None:
    clock(1000.25)
    given.add(database, given.new("1.1", "1.2", "1.3"))
    clock(10.0)
    given.add(database, given.new("1.1", "1.2", "1.4"))
    given.remove(database, "1.1")
    clock(1000.5)
    given.add(database, given.new("1.1", "1.2", "1.3"))
    assert [change.timestamp for change in after(database, 0)] == [1000.25, 1000.25, 1000.25, 1000.25, 1000.5]


def test_times_are_whole_microseconds(database: Database, clock: Callable[[float], None]) -> None:
    clock(1_700_000_000.123_456_7)
    given.add(database, given.new("1.1", "1.2", "1.3"))
    assert [change.timestamp for change in after(database, 0)] == [1_700_000_000_123_456 / 1_000_000]


def test_a_page_is_one_statement(database: Database) -> None:
    given.add(database, *(given.new("1.1", "1.2", f"1.3.{number}") for number in range(5)))
    asked: list[object] = []
    with database.read() as tx:
        event.listen(tx.core, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
        assert len(changes.fetch_after(tx, 0, LARGEST, 100, metadata=True)) == 5
    assert len(asked) == 1


@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize("statements", ["_BY_SEQUENCE", "_BY_TIME"])
def test_no_page_walks_through_a_table(tmp_path: Any, statements: str, metadata: bool) -> None:
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    values = {"after": 5, "up_to": 9, "start": 5.0, "end": 6.0, "passed": 0, "most": 10}
    with database.read() as tx:
        steps = given.plan(tx, getattr(changes, statements)[metadata, True], **values)
    database.close()
    walked = [step for step in steps if step.startswith("SCAN")]
    assert walked == ["SCAN page"], steps
    assert sum("study_uid" in step or "series_uid" in step or "instance_uid" in step for step in steps) == 3


class _Writers:
    """Threads that store and delete, each Studies of its own, and one that reads what is new until they are done."""

    def __init__(self, database: Database, threads: int, rounds: int) -> None:
        self.database, self.threads, self.rounds = database, threads, rounds
        self.done = threading.Event()

    def write(self, thread: int) -> None:
        for turn in range(self.rounds):
            study = f"1.{thread + 1}.{turn + 1}"
            with self.database.begin() as tx:
                added = [given.new(study, f"{study}.1", f"{study}.1.{number}") for number in (1, 2)]
                additions.add(tx, [additions.prepare(one) for one in added])
            with self.database.begin() as tx:
                instances.remove(tx, given.named(study))

    def follow(self) -> Iterator[Change]:
        last = 0
        while True:
            over = self.done.is_set()  # asked first: what was written until then is in the page
            page = after(self.database, last, limit=3)
            if not page and over:
                return
            yield from page
            last = page[-1].sequence if page else last

    def run(self) -> list[Change]:
        with ThreadPoolExecutor(self.threads + 1) as pool:
            seen = pool.submit(lambda: list(self.follow()))
            writing = [pool.submit(self.write, thread) for thread in range(self.threads)]
            try:
                for one in writing:
                    one.result()
            finally:
                self.done.set()
            return seen.result()


def test_who_follows_misses_nothing_that_is_written_meanwhile(database: Database) -> None:
    seen = _Writers(database, threads=4, rounds=8).run()
    with database.read() as tx:
        count = tx.core.scalar(select(func.count()).select_from(change_feed))
    assert len(seen) == count == 4 * 8 * 4
    assert sequences(seen) == sorted(set(sequences(seen)))
    times = [change.timestamp for change in after(database, 0, limit=1000)]
    assert times == sorted(times)


def test_what_is_undone_leaves_no_gap(database: Database) -> None:
    """Who follows the Azure service's v1 takes an empty window for the end of the feed."""

    def undone(work: Callable[[Transaction], object]) -> None:
        with suppress(ZeroDivisionError), database.begin() as tx:
            work(tx)
            raise ZeroDivisionError

    undone(lambda tx: additions.add(tx, [additions.prepare(given.new("1.1", "1.2", f"1.{n}")) for n in range(9)]))
    given.add(database, given.new("1.1", "1.2", "1.3"), given.new("1.1", "1.2", "1.4"))
    undone(lambda tx: instances.remove(tx, given.named("1.1")))
    given.remove(database, "1.1")
    assert sequences(after(database, 0)) == [1, 2, 3, 4]

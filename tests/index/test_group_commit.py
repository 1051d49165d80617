"""Group commit: threads that add at once share transactions, and each gets its own answer."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from unittest.mock import patch

import pytest

from filmroom.dicom.resources import Resource
from filmroom.errors import Unavailable
from filmroom.index import instances, watermarks
from filmroom.index.additions import ANY, NewInstance, Status
from filmroom.index.database import Database
from filmroom.index.group_commit import GroupCommit
from tests.index import given
from tests.service import wait_until


def _together(database: Database, requests: list[list[NewInstance]]) -> list[Future[list[Status]]]:
    """Add from one thread each. A writer holds the first up, so that the others gather behind it."""
    group = GroupCommit(database, lambda _: None)
    with ThreadPoolExecutor(len(requests)) as threads:
        with database.begin() as tx:
            watermarks.lock(tx)
            futures = [threads.submit(group.add, requests[0])]
            wait_until(lambda: group._turn.locked() and not group._waiting)
            for new in requests[1:]:
                futures.append(threads.submit(group.add, new))
                wait_until(lambda: len(group._waiting) == len(futures) - 1)
        return futures


def test_requests_that_gather_share_a_transaction(database: Database) -> None:
    with patch.object(database, "begin", wraps=database.begin) as begin:
        futures = _together(database, [[given.new("1.1", "1.2", f"1.3.{n}")] for n in range(6)])
    assert [future.result() for future in futures] == [[Status.ADDED]] * 6
    assert begin.call_count == 3  # the writer's, the first request's, all the others'


def test_each_request_gets_the_statuses_of_its_own_instances(database: Database) -> None:
    one, other = given.new("1.1", "1.2", "1.3"), given.new("1.1", "1.2", "1.3", PatientID="other")
    futures = _together(database, [[one], [other, given.new("1.1", "1.2", "1.4")]])
    assert [future.result() for future in futures] == [[Status.ADDED], [Status.EXISTS, Status.ADDED]]


def test_what_spoils_one_request_spares_the_others(database: Database) -> None:
    spoilt = replace(given.new("1.1", "1.2", "1.9"), length=None)  # type: ignore[arg-type]  # breaks NOT NULL
    futures = _together(database, [[given.new("1.1", "1.2", "1.3")], [spoilt], [given.new("1.1", "1.2", "1.4")]])
    with pytest.raises(given.BROKEN_RULE):
        futures[1].result()
    assert [futures[n].result() for n in (0, 2)] == [[Status.ADDED]] * 2
    with database.read() as tx:
        assert len(instances.fetch(tx, Resource("1.1"))) == 2


def test_a_mistake_of_ours_spares_the_others_too(database: Database) -> None:
    spoilt = given.new("1.1", "1.2", "1.9", partition="one")  # type: ignore[arg-type]  # can't be sorted with numbers
    futures = _together(database, [[given.new("1.1", "1.2", "1.3")], [spoilt], [given.new("1.1", "1.2", "1.4")]])
    with pytest.raises(given.BROKEN_RULE):
        futures[1].result()
    assert [futures[n].result() for n in (0, 2)] == [[Status.ADDED]] * 2


def test_that_the_index_can_not_be_used_is_told_to_all_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def locked(_: Database, work: object) -> None:
        tries.append(1)
        raise Unavailable("Another has been writing for too long.")

    monkeypatch.setattr(Database, "transact", locked)
    group = GroupCommit(database, lambda _: None)
    with ThreadPoolExecutor(5) as threads, group._turn:
        futures = [threads.submit(group.add, [given.new("1.1", "1.2", f"1.3.{n}")]) for n in range(5)]
        wait_until(lambda: len(group._waiting) == 5)
        group._turn.release()
        told = [str(future.exception()) for future in futures]
        group._turn.acquire()
    assert told == ["Another has been writing for too long."] * 5
    assert len(tries) == 1


def test_a_failed_request_leaves_no_row(database: Database) -> None:
    spoilt = replace(given.new("1.1", "1.2", "1.9"), length=None)  # type: ignore[arg-type]
    with pytest.raises(given.BROKEN_RULE):
        GroupCommit(database, lambda _: None).add([given.new("1.1", "1.2", "1.3"), spoilt])
    with database.read() as tx:
        assert instances.fetch(tx, Resource("1.1")) == []


def test_adding_and_replacing_share_a_transaction(database: Database) -> None:
    first, second = given.new("1.1", "1.2", "1.3"), given.new("1.1", "1.2", "1.3", PatientID="other")
    replacing = [replace(second, replaces=ANY)]
    futures = _together(database, [[given.new("1.1", "1.2", "1.9")], [first], replacing])
    assert [future.result() for future in futures] == [[Status.ADDED], [Status.ADDED], [Status.REPLACED]]
    with database.read() as tx:
        assert instances.fetch_deleted(tx, 1e12, 9) == [first.key]

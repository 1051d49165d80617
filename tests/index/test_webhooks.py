"""Rows of webhooks: one worker has each, and nobody else can write how far it is."""

import time

import pytest

from filmroom.index import webhooks
from filmroom.index.database import Database
from filmroom.index.webhooks import Progress

LEASE = 30.0


@pytest.fixture
def begun(database: Database) -> Database:
    """A webhook that has begun after sequence 5."""
    with database.begin() as tx:
        webhooks.add(tx, "ris", 5)
    return database


def fetch(database: Database) -> Progress:
    with database.read() as tx:
        found = webhooks.fetch(tx, "ris")
    assert found is not None
    return found


def claim(database: Database, owner: str, lease: float = LEASE) -> Progress | None:
    with database.begin() as tx:
        return webhooks.claim(tx, "ris", owner, lease)


def test_one_that_never_began_has_no_progress(database: Database) -> None:
    with database.begin() as tx:
        assert webhooks.fetch(tx, "ris") is None
        assert webhooks.claim(tx, "ris", "worker", LEASE) is None
        assert not webhooks.replace_position(tx, "ris", 1)


def test_it_begins_once(begun: Database) -> None:
    with begun.begin() as tx:
        webhooks.add(tx, "ris", 99)
    assert fetch(begun).position == 5


def test_one_worker_has_it_until_its_lease_ends(begun: Database) -> None:
    assert claim(begun, "first") == fetch(begun)
    assert claim(begun, "second") is None
    assert claim(begun, "first", lease=-1.0)
    assert claim(begun, "second")


def test_who_has_it_no_more_writes_no_position(begun: Database) -> None:
    claim(begun, "first", lease=-1.0)
    claim(begun, "second")
    with begun.begin() as tx:
        assert not webhooks.advance(tx, "ris", "first", 7, LEASE)
        assert not webhooks.fail(tx, "ris", "first", 7, "it answered 500", 1.0, disabled=False)
        assert webhooks.advance(tx, "ris", "second", 6, LEASE)
    assert fetch(begun).position == 6


def test_a_worker_that_leaves_is_followed_at_once(begun: Database) -> None:
    claim(begun, "first")
    with begun.begin() as tx:
        webhooks.release(tx, "ris", "first")
    assert claim(begun, "second")


def test_failures_are_counted_until_something_is_told(begun: Database) -> None:
    for _ in range(2):
        claim(begun, "worker")
        with begun.begin() as tx:
            webhooks.fail(tx, "ris", "worker", 5, "it answered 500", 60.0, disabled=False)
    found = fetch(begun)
    assert (found.failures, found.error) == (2, "it answered 500")
    claim(begun, "worker")
    with begun.begin() as tx:
        webhooks.advance(tx, "ris", "worker", 6, LEASE)
    assert (fetch(begun).failures, fetch(begun).error, fetch(begun).not_before) == (0, None, 0.0)


def test_after_a_failure_it_is_due_later_unless_the_clock_was_set_back(begun: Database) -> None:
    claim(begun, "worker")
    with begun.begin() as tx:
        webhooks.fail(tx, "ris", "worker", 5, "it answered 500", 60.0, disabled=False)
    found, now = fetch(begun), time.time()
    assert [found.due(at) for at in (now, now + 61.0, now - 7200.0)] == [False, True, True]


def test_one_that_is_disabled_is_never_due_until_a_person_says_so(begun: Database) -> None:
    claim(begun, "worker")
    with begun.begin() as tx:
        webhooks.fail(tx, "ris", "worker", 5, "it answered 410", 1.0, disabled=True)
    assert not fetch(begun).due(time.time() + 10.0)
    with begun.begin() as tx:
        assert webhooks.replace_position(tx, "ris", None)
    assert fetch(begun).due(time.time())
    assert fetch(begun).position == 5


def test_who_tells_it_finds_out_that_a_person_has_set_another_position(begun: Database) -> None:
    claim(begun, "worker")
    with begun.begin() as tx:
        webhooks.replace_position(tx, "ris", 2)
        assert not webhooks.advance(tx, "ris", "worker", 6, LEASE)
    assert fetch(begun).position == 2

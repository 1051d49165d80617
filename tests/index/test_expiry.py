"""When Studies expire: the last store to each decides, and only the row knows."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from filmroom.index import additions, instances, tables
from filmroom.index.additions import NewInstance, Status
from filmroom.index.database import Database
from tests.index import given

DAY = 86400.0


def lasting(new: NewInstance, seconds: float | None) -> NewInstance:
    return replace(new, lifetime=seconds)


def expires(database: Database, study: str = "1") -> float | None:
    with database.read() as tx:
        found = tx.core.execute(select(tables.study.c.expires).where(tables.study.c.StudyInstanceUID == study)).one()
    at: float | None = found[0]
    return at


def test_a_study_expires_by_its_last_store(database: Database) -> None:
    given.add(database, given.new("1", "1.1", "1.1.1"))
    assert expires(database) is None
    given.add(database, lasting(given.new("1", "1.1", "1.1.2"), DAY))
    assert expires(database) == pytest.approx(time.time() + DAY, abs=60)
    given.add(database, lasting(given.new("1", "1.2", "1.2.1"), 2 * DAY), given.new("2", "2.1", "2.1.1"))
    assert expires(database) == pytest.approx(time.time() + 2 * DAY, abs=60)
    assert expires(database, "2") is None


def test_a_last_store_without_a_time_cancels(database: Database) -> None:
    given.add(database, lasting(given.new("1", "1.1", "1.1.1"), DAY))
    given.add(database, given.new("1", "1.2", "1.2.1"))
    assert expires(database) is None


@pytest.mark.parametrize(("first", "second"), [(DAY, None), (None, DAY), (DAY, 3 * DAY), (3 * DAY, DAY)])
def test_of_several_in_one_commit_the_last_decides(
    database: Database, first: float | None, second: float | None
) -> None:
    given.add(database, lasting(given.new("1", "1.1", "1.1.1"), first), lasting(given.new("1", "1.1", "1.1.2"), second))
    at = expires(database)
    assert at is None if second is None else at == pytest.approx(time.time() + second, abs=60)


def test_what_is_not_stored_decides_nothing(database: Database) -> None:
    new = given.new("1", "1.1", "1.1.1")
    given.add(database, lasting(new, DAY))
    other = given.new("1", "1.1", "1.1.1", PatientName="Other")
    assert given.add(database, new, other) == [Status.IDENTICAL, Status.EXISTS]
    assert expires(database) is not None


def test_identical_bytes_that_count_as_stored_decide(database: Database) -> None:
    new = given.new("1", "1.1", "1.1.1")
    given.add(database, lasting(new, DAY))
    assert given.add(database, replace(new, renews=True)) == [Status.IDENTICAL]
    assert expires(database) is None
    assert given.add(database, replace(lasting(new, DAY), renews=True)) == [Status.IDENTICAL]
    assert expires(database) is not None


def test_a_clock_that_was_set_back_deletes_nothing_early(database: Database) -> None:
    """The time counts from the newest change, when that is later than what the clock says."""
    given.add(database, given.new("1", "1.1", "1.1.1"))
    ahead = time.time() + 10 * DAY
    with database.begin() as tx:
        tx.core.execute(update(tables.change_feed).values(timestamp=ahead))
    given.add(database, lasting(given.new("1", "1.1", "1.1.2"), DAY))
    assert expires(database) == pytest.approx(ahead + DAY)


def test_only_what_has_expired_is_found_and_removed(database: Database) -> None:
    given.add(database, lasting(given.new("1", "1.1", "1.1.1"), 1), lasting(given.new("2", "2.1", "2.1.1"), DAY))
    given.add(database, given.new("3", "3.1", "3.1.1"))
    with database.begin() as tx:
        assert instances.fetch_expired(tx, time.time() + 10, 10) == [given.named("1")]
        assert instances.fetch_expired(tx, time.time() + 2 * DAY, 10) == [given.named("1"), given.named("2")]
        assert instances.remove(tx, given.named("2"), expired_by=time.time()) == 0
        assert instances.remove(tx, given.named("3"), expired_by=time.time() + 2 * DAY) == 0
        assert instances.remove(tx, given.named("1"), expired_by=time.time() + 10) == 1
        assert instances.remove(tx, given.named("1"), expired_by=time.time() + 10) == 0


@given.only("sqlite")
def test_stores_without_a_time_write_nothing_of_it(database: Database) -> None:
    statements: list[str] = []
    with database.begin() as tx:
        driver = tx.driver
        driver.set_trace_callback(statements.append)
        additions.add(tx, [additions.prepare(given.new("1", "1.1", "1.1.1"))])
        driver.set_trace_callback(None)
    assert not [one for one in statements if one.startswith("UPDATE study") and "expires" in one]

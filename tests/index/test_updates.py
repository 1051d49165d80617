"""New versions in the place of old ones: rows, counts, the change feed, and when a Study expires."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from filmroom.index import additions, changes, instances, tables, updates, watermarks
from filmroom.index.database import Database
from filmroom.index.instances import StoredInstance
from filmroom.index.query_tags import Known
from filmroom.index.updates import Outcome, Update
from tests.index import given

DAY = 86400.0
ONE, TWO, NEW = ("1", "1.1", "1.1.1"), ("1", "1.1", "1.1.2"), ("2", "2.1", "2.1.1")
UPDATED, OVERTAKEN, OCCUPIED = Outcome


def stored(database: Database, *uids: str) -> list[StoredInstance]:
    with database.read() as tx:
        return instances.fetch(tx, given.named(*uids))


def made(old: StoredInstance, *uids: str, **values: Any) -> Update:
    """A new version of what is stored, under its own or other UIDs."""
    named = given.named(*uids) if uids else old.resource
    new = given.new(str(named.study), str(named.series), str(named.instance), **values)
    return Update(old, additions.prepare(replace(new, replaces=None if uids else old.key)))


def replaced(database: Database, *wanted: Update) -> list[Outcome]:
    return database.transact(lambda tx: updates.replace(tx, wanted, Known()))


def add(database: Database, *uids: tuple[str, str, str], lifetime: float | None = None) -> None:
    given.add(database, *(replace(given.new(*one), lifetime=lifetime) for one in uids))


def studies(database: Database) -> list[tuple[str, int, int]]:
    chosen = select(tables.study.c.StudyInstanceUID, tables.study.c.series, tables.study.c.instances)
    with database.read() as tx:
        return [tuple(row) for row in tx.core.execute(chosen.order_by(tables.study.c.StudyInstanceUID))]


def expires(database: Database, study: str) -> float | None:
    with database.read() as tx:
        this = tables.study.c.StudyInstanceUID == study
        found: float | None = tx.core.scalar(select(tables.study.c.expires).where(this))
    return found


def feed(database: Database) -> list[str]:
    with database.read() as tx:
        return [one.action for one in changes.fetch_after(tx, 0, 1000, 1000, metadata=False)]


def test_a_new_version_takes_the_place_of_the_old(database: Database) -> None:
    add(database, ONE, TWO)
    old = stored(database, *ONE)[0]
    assert replaced(database, made(old, PatientName="New")) == [UPDATED]
    [new] = stored(database, *ONE)
    assert (new.key != old.key, new.watermark > old.watermark) == (True, True)
    assert (studies(database), feed(database)) == ([("1", 1, 2)], ["create", "create", "update"])


@pytest.mark.parametrize("gone", [True, False])
def test_a_version_whose_predecessor_is_not_stored_any_more_is_dropped(database: Database, gone: bool) -> None:
    add(database, ONE)
    [old] = stored(database, *ONE)
    if gone:
        given.remove(database, "1")
    else:
        given.add(database, given.new(*ONE, PatientName="Put"), replace=True)
    between = stored(database, *ONE)
    assert replaced(database, made(old, PatientName="New")) == [OVERTAKEN]
    assert stored(database, *ONE) == between
    assert studies(database) == ([] if gone else [("1", 1, 1)])


def test_a_study_that_nothing_comes_into_is_not_made(database: Database) -> None:
    add(database, ONE)
    [old] = stored(database, *ONE)
    given.remove(database, "1")
    assert replaced(database, made(old, *NEW)) == [OVERTAKEN]
    assert studies(database) == []


def test_what_is_stored_under_the_new_uids_stays(database: Database) -> None:
    add(database, ONE, TWO, NEW)
    before = stored(database, *NEW)
    found = stored(database, "1")
    assert replaced(database, made(found[0], *NEW), made(found[1], "2", "2.1", "2.1.2")) == [OCCUPIED, UPDATED]
    assert stored(database, *NEW) == before
    assert studies(database) == [("1", 1, 1), ("2", 1, 2)]


@pytest.mark.parametrize("target", [("1", "1.2", "1.1.1"), ("1", "1.1", "1.1.9"), NEW])
def test_other_uids_are_a_delete_and_a_create(database: Database, target: tuple[str, str, str]) -> None:
    add(database, ONE)
    [old] = stored(database, *ONE)
    assert replaced(database, made(old, *target)) == [UPDATED]
    assert (stored(database, *ONE), len(stored(database, *target))) == ([], 1)
    assert (studies(database), feed(database)) == ([(target[0], 1, 1)], ["create", "delete", "create"])


def test_an_update_is_no_store_and_leaves_the_expiry(database: Database) -> None:
    add(database, ONE, lifetime=DAY)
    before = expires(database, "1")
    replaced(database, made(stored(database, *ONE)[0], PatientName="New"))
    assert (expires(database, "1"), before is None) == (before, False)


def test_the_expiry_moves_along_with_the_uid(database: Database) -> None:
    add(database, ONE, TWO, lifetime=DAY)
    before = expires(database, "1")
    first, second = stored(database, "1")
    replaced(database, made(first, *NEW))
    assert (expires(database, "1"), expires(database, "2")) == (before, before)
    replaced(database, made(second, "2", "2.1", "2.1.2"))
    assert (studies(database), expires(database, "2")) == ([("2", 1, 2)], before)


def test_a_study_whose_only_series_gets_another_uid_expires_as_before(database: Database) -> None:
    add(database, ONE, lifetime=DAY)
    before = expires(database, "1")
    replaced(database, made(stored(database, *ONE)[0], "1", "1.2", "1.1.1"))
    assert expires(database, "1") == before


def test_what_was_stored_to_the_new_study_decides_when_it_expires(database: Database) -> None:
    add(database, ONE, lifetime=DAY)
    add(database, NEW)
    replaced(database, made(stored(database, *ONE)[0], "2", "2.1", "2.1.2"))
    assert expires(database, "2") is None


def test_of_what_was_there_before_and_how_much(database: Database) -> None:
    add(database, ONE, TWO)
    with database.begin() as tx:
        last = watermarks.lock(tx) - 1
    add(database, ("1", "1.2", "1.2.1"))
    study = given.named("1")
    with database.read() as tx:
        found = [one.resource.instance for one in updates.fetch_before(tx, study, 0, last, 10)]
        first = updates.fetch_before(tx, study, 0, last, 1)[0].watermark
        rest = updates.fetch_before(tx, study, first, last, 10)
        assert (found, [one.resource.instance for one in rest]) == (["1.1.1", "1.1.2"], ["1.1.2"])
        assert (updates.count_before(tx, study, last), updates.serieses(tx, study)) == (2, {"1.1", "1.2"})


def test_the_attributes_that_are_left_out_are_known(database: Database) -> None:
    given.add(database, given.new(*ONE, hidden=["00100010"], PatientName="X"), given.new(*TWO))
    found = stored(database, "1")
    with database.read() as tx:
        assert updates.fetch_hidden(tx, found) == {found[0].watermark: frozenset({"00100010"})}


def test_many_new_versions_at_once(database: Database) -> None:
    add(database, *(("1", "1.1", f"1.1.{number}") for number in range(1, 1203)))
    assert set(replaced(database, *(made(one, PatientName="New") for one in stored(database, "1")))) == {UPDATED}
    with database.read() as tx:
        assert tx.core.scalar(select(func.count()).select_from(tables.original)) == 1202
        assert tx.core.scalar(select(func.count()).select_from(tables.deleted_blob)) == 0

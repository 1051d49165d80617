"""First versions of updated Instances: kept whatever comes after, until the Instance goes."""

import pytest
from sqlalchemy import select

from filmroom.dicom.frames import Frames
from filmroom.errors import NotFound
from filmroom.index import instances, originals, tables
from filmroom.index.database import Database
from filmroom.index.instances import StoredInstance
from tests.index import given
from tests.index.test_updates import NEW, ONE, TWO, made, replaced, stored


def first(database: Database, *uids: str) -> list[StoredInstance]:
    with database.read() as tx:
        return originals.fetch(tx, given.named(*uids))


def name(database: Database, *uids: str) -> str:
    with database.read() as tx:
        return str(given.value(originals.fetch_elements(tx, given.named(*uids)), "PatientName"))


def waiting(database: Database) -> set[str]:
    with database.read() as tx:
        return set(instances.fetch_deleted(tx, 1e12, 100))


def test_the_first_version_stays_whatever_comes_after(database: Database) -> None:
    given.add(database, given.new(*ONE, PatientName="First", frames=Frames(2, 0, 8, b"")))
    [old] = stored(database, *ONE)
    replaced(database, made(old, PatientName="Second"))
    [between] = stored(database, *ONE)
    replaced(database, made(between, PatientName="Third"))
    [kept] = first(database, *ONE)
    assert (kept.key, kept.frames, name(database, *ONE)) == (old.key, 2, "First")
    assert waiting(database) == {between.key}
    with database.read() as tx:
        assert tx.core.scalar(select(tables.original.c.version)) == old.watermark
        [newest] = instances.fetch(tx, given.named(*ONE))
        assert originals.fetch_keys(tx, [newest.watermark, 10**6]) == {newest.watermark: old.key}


def test_it_goes_by_the_watermark_of_the_newest(database: Database) -> None:
    given.add(database, given.new(*ONE))
    replaced(database, made(stored(database, *ONE)[0]))
    assert [one.watermark for one in first(database, *ONE)] == [one.watermark for one in stored(database, *ONE)]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_what_was_never_updated_comes_as_it_is(database: Database, level: int) -> None:
    given.add(database, given.new(*ONE, PatientName="First"), given.new(*TWO, PatientName="Only"))
    replaced(database, made(stored(database, *ONE)[0], PatientName="Second"))
    assert first(database, *TWO[:level])[0] == stored(database, *TWO[:level])[0]
    with database.read() as tx:
        found = dict(originals.fetch_metadata(tx, given.named("1")))
    assert [b"First" in text or b"Only" in text for text in found.values()] == [True, True]


def test_it_is_found_under_the_new_uids(database: Database) -> None:
    given.add(database, given.new(*ONE))
    [old] = stored(database, *ONE)
    replaced(database, made(old, *NEW))
    assert ([one.key for one in first(database, *NEW)], first(database, *ONE)) == ([old.key], [])
    assert waiting(database) == set()


def test_its_blob_is_named(database: Database) -> None:
    given.add(database, given.new(*ONE))
    [old] = stored(database, *ONE)
    replaced(database, made(old))
    with database.read() as tx:
        assert instances.nameless(tx, [old.key, "0" * 32]) == {"0" * 32}


@pytest.mark.parametrize("put", [True, False])
def test_a_delete_and_a_put_leave_it_to_the_sweep(database: Database, put: bool) -> None:
    given.add(database, given.new(*ONE))
    [old] = stored(database, *ONE)
    replaced(database, made(old))
    [newest] = stored(database, *ONE)
    if put:
        given.add(database, given.new(*ONE, PatientName="Put"), replace=True)
    else:
        given.remove(database, "1")
    assert waiting(database) == {old.key, newest.key}
    with database.read() as tx:
        assert list(tx.core.execute(select(tables.original))) == []


def test_of_what_is_not_there_nothing_is_found(database: Database) -> None:
    assert first(database, *ONE) == []
    with database.read() as tx, pytest.raises(NotFound):
        originals.fetch_elements(tx, given.named(*ONE))

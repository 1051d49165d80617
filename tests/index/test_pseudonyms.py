"""Pseudonyms of Studies are written down once, by the number of a key, and go with the Study."""

import pytest
from sqlalchemy import select

from filmroom.dicom.resources import Level, Resource
from filmroom.index import instances, partitions, pseudonyms
from filmroom.index.database import Database
from filmroom.index.tables import pseudonym
from tests.index import given

PROFILE, OTHER = 7, 2**63 - 1


@pytest.fixture
def filled(database: Database) -> Database:
    given.add(database, given.new("1", "1.1", "1.1.1"), given.new("1", "1.2", "1.2.1"), given.new("1", "1.1", "1.1.2"))
    given.add(database, given.new("2", "2.1", "2.1.1"))
    return database


def write(database: Database, profile: int = PROFILE, partition: int = 1) -> None:
    with database.begin() as tx:
        missing = pseudonyms.missing(tx, profile, partition, 0, 0, 100)
        pseudonyms.add(tx, profile, {key: f"p{uid}" for key, uid in missing.items()})


def fetch(database: Database, value: str, profile: int = PROFILE, partition: int = 1) -> str | None:
    with database.read() as tx:
        return pseudonyms.fetch(tx, profile, value, partition)


def test_a_study_is_found_by_the_pseudonym_of_a_profile(filled: Database) -> None:
    assert fetch(filled, "p1") is None
    write(filled)
    write(filled, OTHER)
    assert (fetch(filled, "p1"), fetch(filled, "p2"), fetch(filled, "p3"), fetch(filled, "1")) == ("1", "2", None, None)
    assert fetch(filled, "p1", OTHER) == "1"
    assert fetch(filled, "p1", 8) is None


def test_what_is_written_down_is_not_missing(filled: Database) -> None:
    with filled.begin() as tx:
        missing = pseudonyms.missing(tx, PROFILE, 1, 0, 0, 1)
        assert list(missing.values()) == ["1"]
        pseudonyms.add(tx, PROFILE, dict.fromkeys(missing, "p"))
        pseudonyms.add(tx, PROFILE, dict.fromkeys(missing, "p"))  # another was at it, too
        assert list(pseudonyms.missing(tx, PROFILE, 1, 0, 0, 100).values()) == ["2"]


def test_missing_ones_come_in_pages(filled: Database) -> None:
    with filled.read() as tx:
        [first] = pseudonyms.missing(tx, PROFILE, 1, 0, 0, 1)
        assert list(pseudonyms.missing(tx, PROFILE, 1, 0, first, 1).values()) == ["2"]


def test_what_came_behind_a_watermark_is_looked_at_alone(filled: Database) -> None:
    with filled.read() as tx:
        [second] = instances.fetch(tx, Resource("2"))
        assert list(pseudonyms.missing(tx, PROFILE, 1, second.watermark - 1, 0, 100).values()) == ["2"]
        assert pseudonyms.missing(tx, PROFILE, 1, second.watermark, 0, 100) == {}


def test_one_uid_in_two_partitions_is_two_studies(filled: Database) -> None:
    with filled.begin() as tx:
        other = partitions.add(tx, "other", 0.0)
    given.add(filled, given.new("1", "1.1", "1.1.1", partition=other))
    write(filled)
    assert fetch(filled, "p1", partition=other) is None
    write(filled, partition=other)
    assert fetch(filled, "p1") == fetch(filled, "p1", partition=other) == "1"


def test_a_study_that_is_deleted_takes_its_pseudonyms_along(filled: Database) -> None:
    write(filled)
    with filled.begin() as tx:
        instances.remove(tx, Resource("1"))
        assert list(tx.core.scalars(select(pseudonym.c.value))) == ["p2"]


def test_uids_of_what_is_below(filled: Database) -> None:
    with filled.read() as tx:
        assert sorted(pseudonyms.fetch_uids(tx, Resource("1"), Level.SERIES)) == ["1.1", "1.2"]
        assert sorted(pseudonyms.fetch_uids(tx, Resource("1"), Level.INSTANCE)) == ["1.1.1", "1.1.2", "1.2.1"]
        assert sorted(pseudonyms.fetch_uids(tx, Resource("1", "1.1"), Level.INSTANCE)) == ["1.1.1", "1.1.2"]
        assert pseudonyms.fetch_uids(tx, Resource("3"), Level.SERIES) == []

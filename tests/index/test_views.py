"""What a view does not show is not there, whatever reads the index."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from filmroom.dicom.conditions import Condition, Equal, Key, Wildcard
from filmroom.dicom.frames import Frames
from filmroom.dicom.json_model import Bulk
from filmroom.dicom.levels import Level
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import Resource
from filmroom.dicom.views import View
from filmroom.errors import NotFound
from filmroom.index import instances, originals, patients, search, updates, viewable
from filmroom.index.database import Database
from filmroom.index.transaction import Transaction
from tests.index import given

IMAGE = Frames(1, 0, 8, b"")
NORTH, SOUTH = Resource("1", "1.1", "1.1.1"), Resource("2", "2.1", "2.1.1")


def key(keyword: str, condition: Condition) -> Key:
    return Key(given.tag(keyword), condition)


NORTHERN = (key("InstitutionName", Equal("north")),)
OF_NORTH = View((NORTHERN,))


@pytest.fixture
def filled(database: Database) -> Database:
    """A Study of a hospital in the north, and one of a hospital in the south; one patient has been in both."""
    for one, hospital in ((NORTH, "North"), (SOUTH, "South")):
        made = given.new(
            str(one.study),
            str(one.series),
            str(one.instance),
            frames=IMAGE,
            bulk={"7FE00010": Bulk("OW", 0, 1)},
            InstitutionName=hospital,
            PatientID="1",
        )
        given.add(database, made)
    return database


def query(resource: Resource) -> Any:
    return given.asked(Level.INSTANCE, resource)


READERS: dict[str, Callable[[Transaction, Resource], Any]] = {
    "fetch": instances.fetch,
    "fetch_after": lambda tx, one: instances.fetch_after(tx, one, 0, 10),
    "fetch_metadata": lambda tx, one: list(instances.fetch_metadata(tx, one)),
    "fetch_elements": instances.fetch_elements,
    "fetch_frames": instances.fetch_frames,
    "fetch_bulk": lambda tx, one: instances.fetch_bulk(tx, one, "7FE00010"),
    "fetch_bulks": instances.fetch_bulks,
    "version": instances.version,
    "originals.fetch": originals.fetch,
    "originals.fetch_metadata": lambda tx, one: list(originals.fetch_metadata(tx, one)),
    "originals.fetch_elements": originals.fetch_elements,
    "viewable.fetch": lambda tx, one: viewable.fetch(tx, replace(one, instance=None)),
    "viewable.fetch_representatives": viewable.fetch_representatives,
    "updates.fetch_before": lambda tx, one: updates.fetch_before(tx, one, 0, 10, 10),
    "updates.serieses": updates.serieses,
    "search": lambda tx, one: search.search(tx, query(one)),
    "search.places": lambda tx, one: search.places(tx, query(one)),
    "search.count": lambda tx, one: search.count(tx, query(one)),
    "remove": instances.remove,
}


def read(database: Database, reader: str, resource: Resource) -> Any:
    def attempt(tx: Transaction) -> Any:
        try:
            return READERS[reader](tx, resource)
        except NotFound:
            return None

    return database.transact(attempt)


@pytest.mark.parametrize("reader", READERS)
def test_what_is_not_seen_is_not_there(filled: Database, reader: str) -> None:
    assert not read(filled, reader, replace(SOUTH, view=OF_NORTH))
    assert read(filled, reader, replace(NORTH, view=OF_NORTH))
    assert read(filled, reader, SOUTH)


def seen(database: Database, view: View) -> list[str]:
    with database.read() as tx:
        found = search.search(tx, given.asked(Level.STUDY, Resource(view=view)))
    return sorted(str(one.resource.study) for one in found)


def test_a_view_of_nothing_shows_nothing(filled: Database) -> None:
    assert seen(filled, View(())) == []


def test_a_view_shows_what_one_of_its_searches_finds(filled: Database) -> None:
    north, south = (key("InstitutionName", Equal(name)) for name in ("north", "south"))
    assert seen(filled, View(((north,), (south,)))) == ["1", "2"]
    assert seen(filled, View(((north, south),))) == []


def test_keys_of_series_must_hold_for_one_of_them(filled: Database) -> None:
    given.add(filled, given.new("1", "1.2", "1.2.1", Modality="CT"))
    both = (key("InstitutionName", Equal("north")), key("Modality", Equal("ct")))
    assert seen(filled, View((both,))) == []
    assert seen(filled, View((both[1:],))) == ["1"]


def test_a_second_value_counts(filled: Database) -> None:
    given.add(filled, given.new("3", "3.1", "3.1.1", InstitutionName=("East", "North")))
    assert seen(filled, OF_NORTH) == ["1", "3"]


def test_the_view_of_one_study_shows_that(filled: Database) -> None:
    assert seen(filled, View(((key("StudyInstanceUID", Equal("2")),),))) == ["2"]


def test_query_tags_of_either_level_can_be_looked_at(filled: Database) -> None:
    station, comments = QueryTag(0, "00081010", "SH", Level.SERIES), QueryTag(0, "00104000", "LT", Level.STUDY)
    station, comments = given.declare(filled, station, comments)
    given.add(filled, given.new("3", "3.1", "3.1.1", StationName="CT1", PatientComments="trial 7"))
    of_series, of_study = Key(0, Equal("ct1"), station), Key(0, Wildcard("trial*"), comments)
    assert seen(filled, View(((of_series,),))) == seen(filled, View(((of_study,),))) == ["3"]
    assert seen(filled, View(((of_series, of_study), NORTHERN))) == ["1", "3"]


def test_a_patient_is_told_of_the_studies_that_are_seen(filled: Database) -> None:
    with filled.read() as tx:
        asked = given.asked(Level.STUDY, Resource(view=OF_NORTH))
        places = patients.places(tx, asked)
        [found] = patients.find(tx, asked, places)
    assert found["00201200"] == {"vr": "IS", "Value": [1]}

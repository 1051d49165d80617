"""The order of matches, and pages of it while others store and delete."""

import threading
from dataclasses import replace
from functools import cmp_to_key
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as examples
from hypothesis import strategies as st

from filmroom.dicom.order import By, Place
from filmroom.dicom.query import Query
from filmroom.dicom.resources import Level
from filmroom.index import search
from filmroom.index.database import Database
from tests.index import given
from tests.index.given import asked, new, tag


def by(*keywords: str) -> tuple[By, ...]:
    return tuple(By(tag(keyword.removeprefix("-")), keyword.startswith("-")) for keyword in keywords)


def page(database: Database, query: Query) -> tuple[list[str], Place | None]:
    with database.read() as tx:
        found = search.search(tx, query)
    return [str(match.resource.study) for match in found], found[-1].place if found else None


@pytest.fixture
def filled(database: Database) -> Database:
    """Studies with some of the same values, and one without any; of Study 2 something came last."""
    given.add(database, new("1", "1.1", "1.1.1", PatientName="Roe", StudyDate="20240101", SeriesNumber=10))
    given.add(database, new("2", "2.1", "2.1.1", PatientName="doe", StudyDate="20240101", SeriesNumber=9))
    given.add(database, new("3", "3.1", "3.1.1", PatientName="Doe", StudyDate="20230101", SeriesNumber=-1))
    given.add(database, new("4", "4.1", "4.1.1", PatientName=(), SeriesNumber=()))
    given.add(database, new("2", "2.1", "2.1.2", PatientName="doe", StudyDate="20240101", SeriesNumber=9))
    return database


@pytest.mark.parametrize(
    ("level", "order", "found"),
    [
        (Level.STUDY, ["PatientName"], ["3", "2", "1", "4"]),
        (Level.STUDY, ["-PatientName"], ["1", "3", "2", "4"]),
        (Level.STUDY, ["-StudyDate"], ["2", "1", "3", "4"]),
        (Level.STUDY, ["-StudyDate", "-PatientName"], ["1", "2", "3", "4"]),
        (Level.STUDY, ["-NumberOfStudyRelatedInstances"], ["2", "4", "3", "1"]),
        (Level.SERIES, ["SeriesNumber"], ["3", "2", "1", "4"]),
        (Level.SERIES, ["StudyDate", "SeriesNumber"], ["3", "2", "1", "4"]),
        (Level.INSTANCE, ["PatientName"], ["2", "3", "2", "1", "4"]),
    ],
)
def test_what_has_no_value_comes_last_and_what_is_equal_newest_first(
    filled: Database, level: Level, order: list[str], found: list[str]
) -> None:
    query = asked(level)
    query = replace(query, order=by(*order))
    assert page(filled, query)[0] == found
    paged: list[str] = []
    after: Place | None = None
    while (step := page(filled, replace(query, limit=1, after=after)))[0]:
        paged += step[0]
        after = step[1]
    assert paged == found


@pytest.mark.parametrize("order", [(), ("PatientName",)])
def test_the_rest_is_found_by_its_places(filled: Database, order: tuple[str, ...]) -> None:
    query = replace(asked(Level.STUDY, returned=["PatientName"]), order=by(*order))
    with filled.read() as tx:
        matches, places = search.search(tx, query), search.places(tx, query)
        assert [match.place for match in matches] == places
        found = search.find(tx, query, places)
        assert [(one.resource, one.place) for one in found] == [(one.resource, one.place) for one in matches]
        assert search.count(tx, replace(query, limit=1, after=places[1])) == 4
    given.remove(filled, "2")
    with filled.read() as tx:
        assert [match.resource.study for match in search.find(tx, query, places)] == [
            match.resource.study for match in matches if match.resource.study != "2"
        ]


def test_the_place_holds_though_its_match_is_gone_or_changed(filled: Database) -> None:
    query = replace(asked(Level.STUDY), order=by("PatientName"), limit=2)
    first, after = page(filled, query)
    assert first == ["3", "2"]
    given.add(filled, new("2", "2.1", "2.1.3", PatientName="Zoe"))
    given.remove(filled, "3")
    assert page(filled, replace(query, after=after))[0] == ["1", "2"]  # the name of 2 has changed: it comes later now


_numbers = count(1)
VALUES = st.none() | st.sampled_from(["A", "B", "C"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@examples(
    rows=st.lists(st.tuples(VALUES, VALUES), max_size=8),
    order=st.permutations(["PatientName", "StudyID"]),
    descending=st.tuples(st.booleans(), st.booleans()),
    limit=st.integers(1, 4),
)
def test_pages_are_the_order_of_a_slow_sort(
    shared: Database,
    rows: list[tuple[str | None, str | None]],
    order: list[str],
    descending: tuple[bool, bool],
    limit: int,
) -> None:
    example = next(_numbers)
    made = []
    for number, (name, identifier) in enumerate(rows):
        uid = f"1.{example}.{number}"
        values: dict[str, Any] = {"PatientName": name or (), "StudyID": identifier or (), "PatientID": f"P{example}"}
        given.add(shared, new(uid, uid + ".1", uid + ".1.1", **values))
        made.append((uid, {"PatientName": name, "StudyID": identifier}, number))

    def compare(one: Any, other: Any) -> int:
        for keyword, falling in zip(order, descending, strict=True):
            left, right = one[1][keyword], other[1][keyword]
            if left != right:
                if left is None or right is None:
                    return 1 if left is None else -1
                return (1 if left > right else -1) * (-1 if falling else 1)
        return int(other[2] - one[2])

    query = replace(
        asked(Level.STUDY, PatientID=f"P{example}", limit=limit),
        order=tuple(By(tag(keyword), falling) for keyword, falling in zip(order, descending, strict=True)),
    )
    paged, after = page(shared, query)
    while after is not None:
        following, after = page(shared, replace(query, after=after))
        paged += following
    assert paged == [uid for uid, *_ in sorted(made, key=cmp_to_key(compare))]


@pytest.mark.parametrize("order", [(), ("PatientName",), ("-StudyDate", "PatientName")])
def test_pages_neither_repeat_nor_leave_out_while_others_store_and_delete(
    database: Database, order: tuple[str, ...]
) -> None:
    for number in range(40):
        uid, date = f"1.{number}", f"202401{number % 9 + 10}"
        given.add(database, new(uid, uid + ".1", uid + ".1.1", PatientName=f"N{number % 7}", StudyDate=date))
    there = {f"1.{number}" for number in range(40) if number % 4}
    paging_ended = threading.Event()

    def write() -> None:
        for number in range(200):  # fewer than there are on the pages
            if paging_ended.is_set():
                return
            if number < 40 and number % 4 == 0:
                given.remove(database, f"1.{number}")
            uid = f"2.{number}"
            given.add(database, new(uid, uid + ".1", uid + ".1.1", PatientName=f"N{number % 7}"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        query = replace(asked(Level.STUDY, limit=3), order=by(*order))
        paged, after = page(database, query)
        for _ in range(100):
            if after is None or there <= {*paged}:
                break
            following, after = page(database, replace(query, after=after))
            paged += following
    finally:
        paging_ended.set()
        writer.join()
    found = [uid for uid in paged if uid in there]
    assert sorted(found) == sorted(there)
    assert len({*paged}) == len(paged)

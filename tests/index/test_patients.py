from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as examples
from hypothesis import strategies as st

from filmroom.dicom.order import By, Place
from filmroom.dicom.query import Query
from filmroom.dicom.resources import Level, Resource
from filmroom.index import patients
from filmroom.index.database import Database
from tests.index import given
from tests.index.given import asked, new, tag

COUNTS = ("NumberOfPatientRelatedStudies", "NumberOfPatientRelatedSeries", "NumberOfPatientRelatedInstances")


@pytest.fixture
def filled(database: Database) -> Database:
    """A with three Studies, B of two issuers, and a Study of nobody."""
    given.add(database, new("1", "1.1", "1.1.1", PatientID="A", PatientName="Doe^Ann", StudyDate="20240101"))
    given.add(database, new("2", "2.1", "2.1.1", PatientID="B", PatientName="Roe", Modality="CT"))
    given.add(database, new("3", "3.1", "3.1.1", PatientID="a", PatientName="Poe^Ann", StudyDate="20240103"))
    given.add(database, new("4", "4.1", "4.1.1", PatientID="B", IssuerOfPatientID="X", PatientName="Zoe"))
    given.add(database, new("5", "5.1", "5.1.1", PatientID=(), PatientName="Nobody"))
    given.add(database, new("1", "1.1", "1.1.2", PatientID="A"), new("1", "1.2", "1.2.1", PatientID="A"))
    return database


def page(database: Database, query: Query) -> tuple[list[str], Place | None]:
    with database.read() as tx:
        places = patients.places(tx, query)
        found = patients.find(tx, query, places)
    return [str(given.value(one, "PatientName")) for one in found], places[-1] if places else None


def test_a_patient_is_known_by_the_newest_study_and_counted_with_all(filled: Database) -> None:
    with filled.read() as tx:
        query = asked(Level.STUDY, StudyDate="20240101")
        (place,) = patients.places(tx, query)
        (found,) = patients.find(tx, query, [place])
    assert (given.value(found, "PatientID"), given.value(found, "PatientName")) == ("a", "Poe^Ann")
    assert [given.value(found, keyword) for keyword in COUNTS] == [2, 3, 4]
    assert list(found) == sorted(found)
    assert "00080020" not in found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (asked(Level.STUDY), ["Poe^Ann", "Zoe", "Roe"]),
        (asked(Level.STUDY, PatientID="b"), ["Zoe", "Roe"]),
        (asked(Level.STUDY, PatientID="B", IssuerOfPatientID="X"), ["Zoe"]),
        (asked(Level.STUDY, PatientName="Doe*"), ["Poe^Ann"]),
        (asked(Level.STUDY, ModalitiesInStudy="CT"), ["Roe"]),
        (asked(Level.STUDY, PatientID="C"), []),
    ],
)
def test_who_has_a_study_that_matches(filled: Database, query: Query, found: list[str]) -> None:
    assert page(filled, query)[0] == found
    with filled.read() as tx:
        assert patients.count(tx, replace(query, limit=1)) == len(found)


def test_other_partitions_have_their_own(filled: Database) -> None:
    assert page(filled, asked(Level.STUDY, Resource(partition=2))) == ([], None)


def test_who_is_gone_is_left_out(filled: Database) -> None:
    query = asked(Level.STUDY)
    with filled.read() as tx:
        places = patients.places(tx, query)
    given.remove(filled, "4")
    with filled.read() as tx:
        assert [given.value(one, "PatientName") for one in patients.find(tx, query, places)] == ["Poe^Ann", "Roe"]


_numbers = count(1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@examples(
    rows=st.lists(
        st.tuples(st.sampled_from("ABC"), st.sampled_from(["", "X", "Y"]), st.sampled_from("NM")), max_size=9
    ),
    order=st.sampled_from([(), (By(tag("PatientName")),), (By(tag("PatientName"), True),)]),
    limit=st.integers(1, 3),
)
def test_pages_are_all_in_order(
    shared: Database, rows: list[tuple[str, str, str]], order: tuple[By, ...], limit: int
) -> None:
    example = next(_numbers)
    names: dict[tuple[str, str], str] = {}
    for number, (identifier, issuer, name) in enumerate(rows):
        uid, own = f"1.{example}.{number}", f"{identifier}{example:06}"
        made = new(
            uid, uid + ".1", uid + ".1.1", PatientID=own, IssuerOfPatientID=issuer or (), PatientName=name, StudyID="1"
        )
        given.add(shared, made)
        known = (own.lower(), issuer.lower() or "~")
        names[known] = max(names.get(known, ""), name.lower())
    query = replace(asked(Level.STUDY, limit=limit, PatientID=f"?{example:06}"), order=order)
    paged: list[tuple[str | int | None, ...]] = []
    with shared.read() as tx:
        assert patients.count(tx, query) == len(names)
        while places := patients.places(tx, replace(query, after=paged[-1] if paged else None)):
            paged += places
    expected = sorted(names)
    if order:
        expected = sorted(expected, key=lambda known: names[known], reverse=order[0].descending)
    assert [(place[-2], place[-1] or "~") for place in paged] == expected

"""Keys of query tags: of one sequence by one Item, for what has no value, for several values."""

from typing import Any

import pytest

from filmroom.dicom import matching
from filmroom.dicom.conditions import AllOf, Condition, Empty, Equal, Key, OneOf, Range, Wildcard
from filmroom.dicom.query import Query
from filmroom.dicom.query_tags import BUILT_IN, QueryTag
from filmroom.dicom.resources import Level
from filmroom.errors import BadParameter
from filmroom.index import search
from filmroom.index.database import Database
from filmroom.index.forms import in_core
from filmroom.index.tag_conditions import MOST_IN_ITEM
from tests.index.given import EVERYTHING, add, declared, element, matches, new, only, plan

STEP, REQUESTED, REQUEST = BUILT_IN
ALERTS = QueryTag(0, "00102000", "LO", Level.STUDY)
A, B = Equal("a"), Equal("b")


def asked(*keys: tuple[QueryTag, Condition], level: Level = Level.SERIES) -> Query:
    made = tuple(Key(tag.tag, condition, tag) for tag, condition in keys)
    return Query(level, EVERYTHING, made, frozenset(), False, 100, 0)


def item(step: str | tuple[str, ...] = (), requested: str | tuple[str, ...] = ()) -> Any:
    """An Item of the Request Attributes Sequence."""
    return {
        "00400009": element("ScheduledProcedureStepID", *step),
        "00401001": element("RequestedProcedureID", *requested),
    }


def keep(database: Database, series: str, *items: Any) -> None:
    add(database, new("1", series, f"{series}.1", RequestAttributesSequence=items))


@pytest.fixture
def two(database: Database) -> Database:
    """A Series of which an Item has A and B, another of which one has A and the next B, and one without A."""
    keep(database, "1.1", item(), item("a", "b"))
    keep(database, "1.2", item("a", "c"), item("c", "b"))
    keep(database, "1.3", item((), "b"))
    return database


CONDITIONS = [Equal("a"), Wildcard("a*"), Wildcard("?"), Range("a", "a"), Range(None, "a"), OneOf(("a", "x"))]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_keys_of_one_sequence_are_met_by_one_item(two: Database, condition: Condition) -> None:
    assert matches(two, asked((STEP, condition))) == ["1.2", "1.1"]
    assert matches(two, asked((REQUESTED, B))) == ["1.3", "1.2", "1.1"]
    both = ["1.2", "1.1"] if condition == Wildcard("?") else ["1.1"]
    assert matches(two, asked((STEP, condition), (REQUESTED, B))) == both
    assert matches(two, asked((REQUESTED, B), (STEP, condition), level=Level.INSTANCE)) == [one + ".1" for one in both]


def test_keys_of_different_sequences_stand_for_themselves(database: Database) -> None:
    number = {"00080050": element("AccessionNumber", "n")}
    requests = (item(), item("a"))
    add(database, new("1", "1.1", "1.1.1", RequestAttributesSequence=requests, ReferencedRequestSequence=number))
    assert matches(database, asked((STEP, A), (REQUEST, Equal("n")))) == ["1.1"]


def test_several_values_are_those_of_one_item(database: Database) -> None:
    keep(database, "1.1", item("a"), item("b"))
    keep(database, "1.2", item(("b", "a"), "c"))
    assert matches(database, asked((STEP, AllOf((A, B))))) == ["1.2"]
    assert matches(database, asked((STEP, AllOf((A, B))), (REQUESTED, Equal("c")))) == ["1.2"]
    assert matches(database, asked((STEP, AllOf((A, B))), (REQUESTED, Empty()))) == []


def test_several_values_outside_of_sequences(database: Database) -> None:
    (tag,) = declared(database, ALERTS)
    add(database, new("1", "1.1", "1.1.1", MedicalAlerts=("a", "b", "c")), new("2", "2.1", "2.1.1", MedicalAlerts="a"))
    several = AllOf((A, AllOf((B, Wildcard("?")))))
    assert matches(database, asked((tag, several), level=Level.STUDY)) == ["1"]


def test_as_many_values_as_may_be_asked_for(database: Database) -> None:
    (tag,) = declared(database, ALERTS)
    names = [f"{number:03}" for number in range(matching.MOST_SEVERAL)]
    add(database, new("1", "1.1", "1.1.1", MedicalAlerts=tuple(names)), new("2", "2.1", "2.1.1", MedicalAlerts="001"))
    every = AllOf(tuple(map(Equal, names)))
    assert matches(database, asked((tag, every), level=Level.STUDY)) == ["1"]


def test_an_item_is_not_asked_for_too_much(database: Database) -> None:
    names = tuple(f"{number}" for number in range(MOST_IN_ITEM))
    keep(database, "1.1", item(names))
    every = tuple(map(Equal, names))
    assert matches(database, asked((STEP, AllOf(every)))) == ["1.1"]
    with pytest.raises(BadParameter, match=f"{MOST_IN_ITEM} can be searched by"):
        matches(database, asked((STEP, AllOf(every)), (REQUESTED, A)))


def test_what_has_no_value(database: Database) -> None:
    (tag,) = declared(database, ALERTS)
    add(database, new("1", "1.1", "1.1.1", MedicalAlerts=" "), new("2", "2.1", "2.1.1", MedicalAlerts="a"))
    add(database, new("3", "3.1", "3.1.1"))
    assert matches(database, asked((tag, Empty()), level=Level.STUDY)) == ["3", "1"]
    assert matches(database, asked((tag, Empty()), level=Level.INSTANCE)) == ["3.1.1", "1.1.1"]


def test_what_has_no_value_inside_a_sequence(database: Database) -> None:
    """An absent sequence is as one Item without anything; else an Item is to have no value."""
    keep(database, "1.1", item("a"), item("a", "b"))
    keep(database, "1.2", item("c", "b"))
    keep(database, "1.3")
    keep(database, "1.4", item())
    add(database, new("1", "1.5", "1.5.1"))
    assert matches(database, asked((REQUESTED, Empty()))) == ["1.5", "1.4", "1.3", "1.1"]
    assert matches(database, asked((REQUESTED, Empty()), (STEP, Empty()))) == ["1.5", "1.4", "1.3"]
    assert matches(database, asked((REQUESTED, Empty()), (STEP, A))) == ["1.1"]
    assert matches(database, asked((STEP, Empty()), (REQUESTED, B))) == []


@only("sqlite")
@pytest.mark.parametrize("keys", [[(STEP, A)], [(STEP, A), (REQUESTED, B)], [(STEP, A), (REQUESTED, Empty())]])
def test_equalities_need_no_sort(database: Database, keys: list[tuple[QueryTag, Condition]]) -> None:
    with database.read() as tx:
        steps = plan(tx, in_core(search._page(asked(*keys))))
    assert not [step for step in steps if "SCAN" in step or "TEMP" in step]


@only("sqlite")
def test_what_has_no_value_is_looked_for_row_by_row(database: Database) -> None:
    with database.read() as tx:
        steps = plan(tx, in_core(search._page(asked((STEP, Empty())))))
    assert not [step for step in steps if "SCAN" in step or "TEMP" in step]

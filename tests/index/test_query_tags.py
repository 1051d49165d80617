"""Attributes that are made searchable, in the index: what stores add, what is found, what is indexed afterwards."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from filmroom.dicom import json_model, matching
from filmroom.dicom.conditions import Condition, Empty, Equal, Key, Range, Words
from filmroom.dicom.query import Query
from filmroom.dicom.query_tags import BUILT_IN, MOST_VALUES, QueryTag, Status
from filmroom.dicom.resources import Level
from filmroom.index import query_tags, reindexing, search, tables, watermarks
from filmroom.index.additions import NewInstance
from filmroom.index.database import Database
from filmroom.index.forms import in_core
from filmroom.index.tables import TAG_VALUES, query_tag_error
from tests.index.given import EVERYTHING, add, declare, declared, element, index, matches, new, only, plan, remove
from tests.service import wait_until

STEP, REQUESTED, REQUEST = BUILT_IN
ALERTS = QueryTag(0, "00102000", "LO", Level.STUDY)
AGE = QueryTag(0, "00101010", "AS", Level.STUDY)
PROTOCOL = QueryTag(0, "00181030", "LO", Level.SERIES)
ACQUISITION = QueryTag(0, "00200012", "IS", Level.INSTANCE)
OPERATOR = QueryTag(0, "00081070", "PN", Level.INSTANCE)
DESCRIPTION = QueryTag(0, "00400275.00400007", "LO", Level.SERIES)
REASON = ("ReasonForTheRequestedProcedure", "pain")
PRIVATE = QueryTag(0, "00111003", "LO", Level.INSTANCE, creator="MAKER")


def by(tag: QueryTag, value: str | Condition, level: Level | None = None) -> Query:
    condition = Equal(matching.fold(tag.vr, value)) if isinstance(value, str) else value
    key = Key(tag.tag, condition, tag)
    return Query(level or tag.level, EVERYTHING, (key,), frozenset(), False, 100, 0)


def step(identifier: str) -> Any:
    return {"00400009": element("ScheduledProcedureStepID", identifier)}


def rows(database: Database) -> int:
    with database.read() as tx:
        return sum(tx.core.scalar(select(func.count()).select_from(table)) or 0 for table in TAG_VALUES.values())


def test_a_required_key_inside_a_sequence_is_found_by(database: Database) -> None:
    add(database, new("1", "1.1", "1.1.1", RequestAttributesSequence=(step("A 1"), step("A2"))))
    add(database, new("2", "2.1", "2.1.1", RequestAttributesSequence=step("B")))
    assert matches(database, by(STEP, "a 1")) == matches(database, by(STEP, "A2")) == ["1.1"]
    assert matches(database, by(STEP, "a2", Level.INSTANCE)) == ["1.1.1"]
    assert matches(database, by(STEP, "C")) == []


def test_a_store_indexes_what_is_declared(database: Database) -> None:
    (tag,) = declared(database, PROTOCOL)
    add(database, new("1", "1.1", "1.1.1", ProtocolName="Head"), new("1", "1.2", "1.2.1", ProtocolName="Knee"))
    assert matches(database, by(tag, "HEAD")) == ["1.1"]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_what_was_stored_before_is_indexed_in_batches(database: Database, limit: int) -> None:
    for number in range(1, 6):
        add(database, new("1", "1.1", f"1.1.{number}", AcquisitionNumber=number % 2))
    (tag,) = declare(database, ACQUISITION)
    assert matches(database, by(tag, "1")) == []
    index(database, tag, limit=limit)
    assert matches(database, by(tag, "0001")) == ["1.1.5", "1.1.3", "1.1.1"]


def test_indexing_ends_and_the_tag_is_ready(database: Database) -> None:
    (tag,) = declare(database, ACQUISITION)
    assert tag.status is Status.ADDING
    index(database, tag)
    with database.read() as tx:
        found = query_tags.fetch(tx, tag.path)
    assert found is not None
    assert found.tag.status is Status.READY


def test_what_is_stored_meanwhile_counts_once(database: Database) -> None:
    add(database, new("1", "1.1", "1.1.1", AcquisitionNumber=1, MedicalAlerts="old"))
    tags = declare(database, ACQUISITION, ALERTS)
    add(database, new("1", "1.1", "1.1.2", AcquisitionNumber=1, MedicalAlerts="new"))
    index(database, *tags)
    assert matches(database, by(tags[0], "1")) == ["1.1.2", "1.1.1"]
    assert matches(database, by(tags[1], "new")) == ["1"]
    assert matches(database, by(tags[1], "old")) == []


def test_a_batch_that_is_read_by_two_is_written_once(database: Database) -> None:
    add(database, new("1", "1.1", "1.1.1", AcquisitionNumber=1))
    (tag,) = declare(database, ACQUISITION)
    with database.read() as tx:
        pending = reindexing.fetch_pending(tx, [tag.key])
        batch = reindexing.read(tx, pending, 10)
    for _ in range(2):
        with database.begin() as tx:
            reindexing.write(tx, pending, batch)
    assert rows(database) == 1


def test_what_goes_while_it_is_indexed_leaves_nothing(database: Database) -> None:
    add(database, new("1", "1.1", "1.1.1", AcquisitionNumber=1, OperatorsName="x" * 70))
    tags = declare(database, ACQUISITION, OPERATOR)
    with database.read() as tx:
        pending = reindexing.fetch_pending(tx, [tag.key for tag in tags])
        batch = reindexing.read(tx, pending, 10)
    remove(database, "1")
    with database.begin() as tx:
        reindexing.write(tx, pending, batch)
    assert rows(database) == 0


@only("postgresql")
def test_the_re_index_waits_for_studies_before_it_has_the_watermarks(database: Database) -> None:
    """Who removes a Study has its row, and wants the watermarks next: neither may wait for the other."""
    add(database, new("1", "1.1", "1.1.1", MedicalAlerts="old"))
    (tag,) = declare(database, ALERTS)
    with database.read() as tx:
        pending = reindexing.fetch_pending(tx, [tag.key])
        batch = reindexing.read(tx, pending, 10)

    def write() -> None:
        with database.begin() as tx:
            reindexing.write(tx, pending, batch)

    def somebody_waits() -> bool:
        with database.read() as tx:
            return bool(tx.core.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

    with ThreadPoolExecutor(1) as thread:
        with database.begin() as tx:
            tx.core.execute(select(tables.study.c.key).with_for_update())
            written = thread.submit(write)
            wait_until(somebody_waits)
            watermarks.lock(tx)
        written.result()
    assert rows(database) == 1


def test_of_a_study_the_newest_value_counts_and_an_empty_one_does_not(database: Database) -> None:
    add(database, new("1", "1.1", "1.1.1", MedicalAlerts="first"))
    add(database, new("1", "1.1", "1.1.2", MedicalAlerts="second"))
    add(database, new("1", "1.1", "1.1.3"))
    (tag,) = declared(database, ALERTS)
    assert matches(database, by(tag, "second")) == ["1"]
    add(database, new("1", "1.1", "1.1.4", MedicalAlerts=()))
    assert matches(database, by(tag, "second")) == ["1"]
    add(database, new("1", "1.1", "1.1.5", MedicalAlerts="third"))
    assert matches(database, by(tag, "second")) == []
    assert matches(database, by(tag, "third")) == ["1"]


def test_values_go_with_their_rows(database: Database) -> None:
    declared(database, ACQUISITION, ALERTS)
    add(database, new("1", "1.1", "1.1.1", AcquisitionNumber=1, MedicalAlerts="a"))
    add(database, new("1", "1.1", "1.1.2", AcquisitionNumber=1, MedicalAlerts="a"))
    remove(database, "1", "1.1", "1.1.1")
    assert rows(database) == 2
    remove(database, "1")
    assert rows(database) == 0


def test_a_replaced_instance_has_its_new_values_only(database: Database) -> None:
    (tag,) = declared(database, ACQUISITION)
    add(database, new("1", "1.1", "1.1.1", AcquisitionNumber=1))
    add(database, new("1", "1.1", "1.1.1", AcquisitionNumber=2), replace=True)
    assert matches(database, by(tag, "1")) == []
    assert matches(database, by(tag, "2")) == ["1.1.1"]


def test_all_values_count_and_a_match_comes_once(database: Database) -> None:
    (tag,) = declared(database, OPERATOR)
    add(database, new("1", "1.1", "1.1.1", OperatorsName=("Doe^John", "Doe^Jane", "Doe^John")))
    assert matches(database, by(tag, "doe^jane")) == ["1.1.1"]
    assert matches(database, by(tag, Range("doe", "doez"))) == ["1.1.1"]
    assert matches(database, by(tag, Words(("ja", "d")))) == []
    assert matches(database, by(tag, Words(("do", "ja")))) == ["1.1.1"]


def test_a_name_is_found_as_a_whole_and_by_its_groups(database: Database) -> None:
    (tag,) = declared(database, OPERATOR)
    add(database, new("1", "1.1", "1.1.1", OperatorsName="Yamada^Tarou=山田^太郎"))
    for name in ("yamada^tarou", "=山田^太郎", "Yamada^Tarou=山田^太郎"):
        assert matches(database, by(tag, name)) == ["1.1.1"]


def test_a_private_attribute_is_found_in_any_block(database: Database) -> None:
    (tag,) = declared(database, PRIVATE)
    other = {"00110010": {"vr": "LO", "Value": ["OTHER"]}, "00111003": {"vr": "LO", "Value": ["a"]}}
    own = {"00110010": {"vr": "LO", "Value": ["OTHER"]}, "00110020": {"vr": "LO", "Value": ["MAKER "]}}
    own["00112003"] = {"vr": "LO", "Value": ["a"]}
    for number, held in enumerate((other, own), 1):
        made = new("1", "1.1", f"1.1.{number}")
        add(database, with_elements(made, held))
    assert matches(database, by(tag, "A")) == ["1.1.2"]


def with_elements(made: NewInstance, held: dict[str, Any]) -> NewInstance:
    return replace(made, metadata=json_model.format(orjson.loads(made.metadata) | held))


def test_a_value_of_another_vr_is_an_error_and_no_value(database: Database) -> None:
    made = with_elements(new("1", "1.1", "1.1.1"), {"00101010": {"vr": "LO", "Value": ["034Y"]}})
    add(database, made)
    (tag,) = declared(database, AGE)
    with database.read() as tx:
        errors = query_tags.fetch_errors(tx, tag, 10, 0)
    assert [row[-1] for row in errors] == [
        "The extended query tag 'PatientAge' is expected to have VR 'AS' but has 'LO' in file."
    ]
    assert rows(database) == 0


def test_a_value_that_is_not_valid_disables_the_tag(database: Database) -> None:
    add(database, new("1", "1.1", "1.1.1", PatientAge="34"), new("1", "1.1", "1.1.2", PatientAge="034Y"))
    (tag,) = declared(database, AGE)
    with database.read() as tx:
        found = query_tags.fetch(tx, tag.path)
        assert query_tags.with_errors(tx, [tag]) == [tag.path]
        (error,) = query_tags.fetch_errors(tx, tag, 10, 0)
    assert found is not None
    assert (found.errors, found.tag.enabled, found.tag.status) == (1, False, Status.READY)
    assert [*error[:3], error[-1]] == ["1", "1.1", "1.1.1", "Value length is not 4."]
    remove(database, "1", "1.1", "1.1.1")
    with database.read() as tx:
        assert tx.core.scalar(select(func.count()).select_from(query_tag_error)) == 0


def test_what_is_hidden_is_neither_indexed_nor_an_error(database: Database) -> None:
    add(database, new("1", "1.1", "1.1.1", PatientAge="34", hidden=["00101010"]))
    (tag,) = declared(database, AGE)
    assert matches(database, by(tag, "34")) == []
    with database.read() as tx:
        assert query_tags.fetch_errors(tx, tag, 10, 0) == []


def test_values_are_removed_in_batches(database: Database) -> None:
    (tag,) = declared(database, ACQUISITION)
    add(database, *(new("1", "1.1", f"1.1.{number}", AcquisitionNumber=number) for number in range(1, 6)))
    removed: list[int] = []
    while not removed or removed[-1]:
        with database.begin() as tx:
            removed.append(query_tags.remove_values(tx, tag, 2))
    assert removed == [2, 2, 1, 0]
    with database.begin() as tx:
        query_tags.remove(tx, tag)
        assert query_tags.fetch_all(tx) == []


def test_a_key_is_never_given_again(database: Database) -> None:
    (first,) = declare(database, ACQUISITION)
    with database.begin() as tx:
        query_tags.remove(tx, first)
    (second,) = declare(database, ALERTS)
    assert second.key > first.key


@pytest.mark.parametrize("tag", [ALERTS, PROTOCOL, ACQUISITION])
def test_an_equality_needs_no_sort(database: Database, tag: QueryTag) -> None:
    with database.read() as tx:
        if tx.dialect.name != "sqlite":
            pytest.skip("SQLite says what it would do")
        steps = plan(tx, in_core(search._page(by(tag, "1"))))
    assert not [step for step in steps if "SCAN" in step or "TEMP" in step]


def request(step: str | None, requested: str | None) -> Any:
    """An Item of the Request Attributes Sequence."""
    made = {} if step is None else {"00400009": element("ScheduledProcedureStepID", step)}
    return made if requested is None else made | {"00401001": element("RequestedProcedureID", requested)}


def by_all(*keys: tuple[QueryTag, str | Condition]) -> Query:
    queries = [by(tag, value) for tag, value in keys]
    return replace(queries[0], keys=tuple(key for query in queries for key in query.keys))


def test_no_row_of_a_sequence_is_left_of_an_older_instance(database: Database) -> None:
    add(database, new("1", "1.1", "1.1.1", RequestAttributesSequence=request("A", "B")))
    add(database, new("1", "1.1", "1.1.2", RequestAttributesSequence=request("A", None)))
    assert matches(database, by(STEP, "a")) == ["1.1"]
    assert matches(database, by(REQUESTED, "b")) == []
    add(database, new("1", "1.1", "1.1.3", RequestAttributesSequence=request(None, None)))
    assert matches(database, by(STEP, "a")) == ["1.1"]


def test_a_tag_that_is_declared_later_takes_its_sequence_from_the_newest(database: Database) -> None:
    add(database, new("1", "1.1", "1.1.1", RequestAttributesSequence=request("A", "B")))
    described = {"00400007": element("ScheduledProcedureStepDescription", "x")}
    add(database, new("1", "1.1", "1.1.2", RequestAttributesSequence=described))
    assert matches(database, by(STEP, "a")) == ["1.1"]
    (tag,) = declared(database, DESCRIPTION)
    assert matches(database, by(tag, "x")) == ["1.1"]
    assert matches(database, by(STEP, "a")) == []


def test_items_beyond_the_last_bit_share_it(database: Database) -> None:
    last: list[tuple[str | None, str | None]] = [("A", "C"), ("B", None), (None, "D")]
    items = (*[request(None, None)] * (query_tags.LAST_ITEM - 1), *(request(*one) for one in last))
    add(database, new("1", "1.1", "1.1.1", RequestAttributesSequence=items))
    found = {
        pair: matches(database, by_all((STEP, pair[0]), (REQUESTED, pair[1]))) for pair in ("AC", "AD", "BC", "BD")
    }
    assert found == {"AC": ["1.1"], "AD": [], "BC": [], "BD": ["1.1"]}


def test_values_of_a_sequence_are_taken_as_far_as_they_are_compared(database: Database) -> None:
    many = [request(str(number), None) for number in range(MOST_VALUES + 1)]
    add(database, new("1", "1.1", "1.1.1", RequestAttributesSequence=(*many, request("0", "B"))))
    assert matches(database, by(STEP, str(MOST_VALUES - 1))) == ["1.1"]
    assert matches(database, by(STEP, str(MOST_VALUES))) == []
    assert matches(database, by(STEP, Empty())) == []


def test_a_batch_is_not_written_if_a_tag_beside_it_has_changed(database: Database) -> None:
    (beside,) = declared(database, DESCRIPTION)
    described = {"00400007": element("ScheduledProcedureStepDescription", "x"), "00401002": element(*REASON)}
    add(database, new("1", "1.1", "1.1.1", RequestAttributesSequence=described))
    (tag,) = declare(database, replace(DESCRIPTION, path="00400275.00401002"))
    with database.read() as tx:
        pending = reindexing.fetch_pending(tx, [tag.key])
        batch = reindexing.read(tx, pending, 10)
    with database.begin() as tx:
        query_tags.assign(tx, [beside.key], status=Status.DELETING)
        while query_tags.remove_values(tx, beside, 10):
            pass
    there = rows(database)
    with database.begin() as tx:
        reindexing.write(tx, pending, batch)
    assert rows(database) == there
    index(database, tag)
    assert matches(database, by(tag, REASON[1])) == ["1.1"]


VALUES = st.sampled_from(["a", "B", "b ", ("a", "c"), ()])
STORES = st.lists(
    st.tuples(st.sampled_from("12"), st.sampled_from("12"), VALUES, st.sampled_from([1, 2, ()])), max_size=8
)


ITEM = st.tuples(*[st.sampled_from([None, "a", "b"])] * 2)
SEQUENCES = st.lists(st.tuples(st.sampled_from("12"), st.lists(ITEM, max_size=2)), min_size=1, max_size=6)


def identified(patient: str | None, issuer: str | None) -> Any:
    """An Item of the Other Patient IDs Sequence."""
    made = {} if patient is None else {"00100020": element("PatientID", patient)}
    return made if issuer is None else made | {"00100021": element("IssuerOfPatientID", issuer)}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stores=SEQUENCES, limit=st.sampled_from([1, 2, 100]))
def test_tags_of_a_sequence_find_the_same_whenever_each_was_declared(
    database: Database, stores: list[Any], limit: int
) -> None:
    wanted = [QueryTag(0, f"00101002.{path}", "LO", Level.STUDY) for path in ("00100020", "00100021")]
    asked = [Equal("a"), Equal("b"), Range(None, "a"), Empty()]
    found = []
    for before in (wanted, wanted[:1], []):
        tags = {tag.path: tag for tag in declared(database, *before)} if before else {}
        for number, (study, items) in enumerate(stores, 1):
            sequence = tuple(identified(*item) for item in items)
            add(database, new(study, f"{study}.1", f"{study}.1.{number}", OtherPatientIDsSequence=sequence))
        for late in (tag for tag in wanted if tag not in before):
            (tag,) = declare(database, late)
            index(database, tag, limit=limit)
            tags[tag.path] = tag
        one, other = (tags[tag.path] for tag in wanted)
        pairs: list[Any] = [((one, value), (other, with_it)) for value in asked for with_it in asked]
        keys = [*pairs, *(((tag, value),) for tag in (one, other) for value in asked)]
        found.append([matches(database, by_all(*key)) for key in keys])
        for study in ("1", "2"):
            remove(database, study)
        with database.begin() as tx:
            for tag in tags.values():
                query_tags.remove(tx, tag)
        assert rows(database) == 0
    assert found[0] == found[1] == found[2]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stores=STORES, limit=st.sampled_from([1, 3, 100]))
def test_a_tag_finds_the_same_whether_it_was_declared_before_or_after(
    database: Database, stores: list[Any], limit: int
) -> None:
    wanted = (ALERTS, PROTOCOL, ACQUISITION)
    found = []
    for before in (True, False):
        tags = declared(database, *wanted) if before else []
        for number, (study, series, value, acquisition) in enumerate(stores, 1):
            values = {"MedicalAlerts": value, "ProtocolName": value, "AcquisitionNumber": acquisition}
            add(database, new(study, f"{study}.{series}", f"{study}.{series}.{number}", **values))
        if not before:
            tags = declare(database, *wanted)
            index(database, *tags, limit=limit)
        found.append([matches(database, by(tag, value)) for tag in tags for value in ("a", "b", "c", "1", "2")])
        for study in ("1", "2"):
            remove(database, study)
        with database.begin() as tx:
            for tag in tags:
                query_tags.remove(tx, tag)
        assert rows(database) == 0
    assert found[0] == found[1]

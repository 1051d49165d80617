import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Row, select

from filmroom.blobs import new_keys
from filmroom.dicom.frames import Frames
from filmroom.dicom.json_model import Bulk
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import NotFound
from filmroom.index import instances, watermarks
from filmroom.index.additions import NewInstance, Status
from filmroom.index.database import Database
from filmroom.index.instances import StoredInstance
from filmroom.index.tables import change_feed
from tests.index import given

ADDED, REPLACED, IDENTICAL, EXISTS = Status


def fetched(database: Database, *uids: str) -> list[StoredInstance]:
    with database.read() as tx:
        return instances.fetch(tx, given.named(*uids))


@given.only("sqlite")
@pytest.mark.parametrize("uids", [("1",), ("1", "2"), ("1", "2", "3")])
def test_what_is_removed_is_found_by_indexes_alone(database: Database, uids: Sequence[str]) -> None:
    given.add(database, given.new("1", "2", "3"))
    statements: list[str] = []
    with database.begin() as tx:
        connection = tx.driver
        connection.set_trace_callback(statements.append)
        instances.remove(tx, given.named(*uids))
        connection.set_trace_callback(None)
        deleting = [one for one in statements if one.startswith("DELETE")]
        steps = [row[3] for one in deleting for row in connection.execute(f"EXPLAIN QUERY PLAN {one}")]
    assert deleting
    assert not [step for step in steps if step.startswith("SCAN")]


def version(database: Database, *uids: str) -> tuple[int, int] | None:
    with database.read() as tx:
        found = instances.version(tx, given.named(*uids))
    return found and (found.watermark, found.instances)


def deleted(database: Database) -> set[str]:
    with database.read() as tx:
        return set(instances.fetch_deleted(tx, 1e12, 100))


def feed(database: Database) -> list[tuple[str, str, int]]:
    with database.read() as tx:
        rows: Sequence[Row[Any]] = tx.core.execute(select(change_feed).order_by(change_feed.c.sequence)).all()
    return [(row.action, row.SOPInstanceUID, row.watermark) for row in rows]


def test_what_is_added_is_fetched_by_each_of_its_names(database: Database) -> None:
    new = given.new("1", "2", "3", frames=Frames(5, 0, 8, b""))
    assert given.add(database, new) == [ADDED]
    [stored] = fetched(database, "1")
    assert fetched(database, "1", "2") == fetched(database, "1", "2", "3") == [stored]
    assert (stored.resource, stored.watermark, stored.key) == (new.resource, 1, new.key)
    assert (stored.length, stored.digest, stored.frames) == (new.length, new.digest, 5)
    assert (stored.transfer_syntax, stored.sop_class) == (new.transfer_syntax, new.sop_class)
    assert stored.created > 1.7e9


def test_nothing_is_fetched_by_other_names(database: Database) -> None:
    given.add(database, given.new("1", "2", "3"))
    for uids in (("2",), ("1", "3"), ("1", "2", "4"), ("2", "2", "3")):
        assert fetched(database, *uids) == []
        assert version(database, *uids) is None


def test_fetched_are_in_the_order_of_watermarks(database: Database) -> None:
    given.add(database, given.new("1", "2", "9"), given.new("1", "1", "5"))
    given.add(database, given.new("1", "2", "1"))
    assert [stored.resource.instance for stored in fetched(database, "1")] == ["9", "5", "1"]
    assert [stored.watermark for stored in fetched(database, "1")] == [1, 2, 3]


@pytest.mark.parametrize("uids", [(), ("1",), ("1", "1.2"), ("1", "1.2", "1.2.1")])
def test_what_is_newer_than_a_watermark_is_fetched_page_by_page(database: Database, uids: tuple[str, ...]) -> None:
    given.add(database, *(given.new(*one) for one in (("1", "1.2", "1.2.1"), ("1", "1.2", "1.2.2"), ("2", "2.2", "2"))))
    expected = [one.watermark for study in "12" for one in fetched(database, *(uids or study))]
    expected = sorted(set(expected))
    resource = given.named(*uids) if uids else Resource()
    with database.read() as tx:
        page, after = [], 0
        while some := instances.fetch_after(tx, resource, after, 1):
            page += [one.watermark for one in some]
            after = page[-1]
        assert page == expected
        assert instances.fetch_after(tx, replace(resource, partition=5), 0, 9) == []


def test_nothing_is_added_by_an_empty_call(database: Database) -> None:
    assert given.add(database) == []
    assert given.add(database, replace=True) == []


def test_one_instance_uid_may_be_in_many_series(database: Database) -> None:
    assert (
        given.add(database, given.new("1", "2", "3"), given.new("1", "4", "3"), given.new("5", "2", "3")) == [ADDED] * 3
    )
    assert given.matches(database, given.asked(Level.INSTANCE, SOPInstanceUID="3")) == ["3"] * 3


@pytest.mark.parametrize("at_once", [True, False])
def test_a_second_of_the_same_uids_is_told_by_its_digest(database: Database, at_once: bool) -> None:
    first, other = given.new("1", "2", "3", PatientID="A"), given.new("1", "2", "3", PatientID="B")
    calls = [[first, first, other]] if at_once else [[first], [first], [other]]
    assert [status for call in calls for status in given.add(database, *call)] == [ADDED, IDENTICAL, EXISTS]
    assert [stored.key for stored in fetched(database, "1")] == [first.key]
    assert given.matches(database, given.asked(Level.STUDY, PatientID="B")) == []
    assert deleted(database) == set()


@pytest.mark.parametrize("at_once", [True, False])
def test_the_last_replaces_the_others(database: Database, at_once: bool) -> None:
    new = [given.new("1", "2", "3", PatientID=name) for name in "AAB"]
    calls = [new] if at_once else [[each] for each in new]
    statuses = [status for call in calls for status in given.add(database, *call, replace=True)]
    assert statuses == [ADDED, REPLACED, REPLACED]
    assert [stored.key for stored in fetched(database, "1")] == [new[2].key]
    assert given.matches(database, given.asked(Level.STUDY, PatientID="B")) == ["1"]
    assert deleted(database) == {new[0].key, new[1].key}


def test_an_instance_takes_the_place_of_the_lost_blob_that_it_names(database: Database) -> None:
    lost = given.new("1", "2", "3")
    given.add(database, lost)
    again = [replace(given.new("1", "2", "3"), replaces=key) for key in ("another", lost.key, lost.key)]
    assert given.add(database, *again) == [IDENTICAL, REPLACED, IDENTICAL]
    assert [stored.key for stored in fetched(database, "1")] == [again[1].key]
    assert deleted(database) == {lost.key}


def test_statuses_line_up_with_a_mixed_request(database: Database) -> None:
    old = [given.new("1", "2", str(number)) for number in range(3)]
    given.add(database, *old)
    news = [given.new("1", "2", "5"), old[1], given.new("1", "2", "2", PatientID="x"), given.new("0", "0", "2")]
    assert given.add(database, *news) == [ADDED, IDENTICAL, EXISTS, ADDED]
    assert given.add(database, *news[2:], given.new("1", "2", "6"), replace=True) == [REPLACED, REPLACED, ADDED]


def test_more_than_one_batch_is_added_and_looked_up(database: Database) -> None:
    news = [given.new("1", f"1.{number % 3}", f"2.{number}") for number in range(1100)]
    assert given.add(database, *news) == [ADDED] * 1100
    assert given.add(database, *reversed(news)) == [IDENTICAL] * 1100
    assert version(database, "1") == (1100, 1100)


def test_watermarks_are_never_used_again(database: Database) -> None:
    for expected in (1, 2, 3):
        given.add(database, given.new("1", "2", "3"))
        assert version(database, "1") == (expected, 1)
        assert given.remove(database, "1") == 1


def test_the_version_tells_every_change(database: Database) -> None:
    def versions() -> list[tuple[int, int] | None]:
        return [version(database, *uids) for uids in (("1",), ("1", "1.1"), ("1", "1.1", "1"))]

    given.add(database, given.new("1", "1.1", "1"), given.new("1", "1.1", "2"), given.new("1", "1.2", "3"))
    assert versions() == [(3, 3), (2, 2), (1, 1)]
    given.add(database, given.new("1", "1.1", "1"), replace=True)
    assert versions() == [(4, 3), (4, 2), (4, 1)]
    given.remove(database, "1", "1.1", "1")
    assert versions() == [(3, 2), (2, 1), None]


@pytest.mark.parametrize(
    ("uids", "gone"), [(("1",), "abcd"), (("1", "1.1"), "abc"), (("1", "1.1", "a"), "a"), (("1", "1.2", "a"), "")]
)
def test_what_is_removed_leaves_its_blobs_to_the_sweep(database: Database, uids: tuple[str, ...], gone: str) -> None:
    names = {"a": ("1", "1.1"), "b": ("1", "1.1"), "c": ("1", "1.1"), "d": ("1", "1.2"), "e": ("2", "2.1")}
    news = {name: given.new(*place, name) for name, place in names.items()}
    given.add(database, *news.values())
    assert given.remove(database, *uids) == len(gone)
    assert deleted(database) == {news[name].key for name in gone}
    assert sorted(given.matches(database, given.asked(Level.INSTANCE))) == sorted(news.keys() - set(gone))
    assert given.remove(database, *uids) == 0


def test_removed_data_is_gone(database: Database) -> None:
    given.add(database, given.new("1", "2", "3"))
    given.remove(database, "1")
    with database.read() as tx:
        assert tx.core.exec_driver_sql("SELECT count(*) FROM instance_data").scalar() == 0


def test_what_was_removed_can_be_added_again(database: Database) -> None:
    given.add(database, given.new("1", "2", "3"))
    given.remove(database, "1", "2", "3")
    assert given.add(database, given.new("1", "2", "3")) == [ADDED]


def test_the_change_feed_has_every_change_in_order(database: Database) -> None:
    given.add(database, given.new("1", "2", "a"), given.new("1", "2", "b"))
    given.add(database, given.new("1", "2", "a"))
    given.add(database, given.new("1", "2", "a"), given.new("1", "2", "c"), replace=True)
    given.remove(database, "1")
    assert feed(database) == [
        *(("create", "a", 1), ("create", "b", 2), ("update", "a", 3), ("create", "c", 4)),
        *(("delete", "b", 2), ("delete", "a", 3), ("delete", "c", 4)),
    ]


def test_the_text_of_metadata_comes_back_as_it_was(database: Database) -> None:
    news = [
        given.new("1", f"2.{number % 2}", f"3.{number}", hidden=["00204000"], ImageComments="ü" * number)
        for number in range(150)
    ]
    given.add(database, *news)
    with database.read() as tx:
        assert list(instances.fetch_metadata(tx, Resource("1"))) == [(new.resource, new.metadata) for new in news]
        assert [of.instance for of, _ in instances.fetch_metadata(tx, Resource("1", "2.0"))][:2] == ["3.0", "3.2"]
        assert list(instances.fetch_metadata(tx, news[3].resource)) == [(news[3].resource, news[3].metadata)]
        assert list(instances.fetch_metadata(tx, Resource("2"))) == []


@pytest.mark.parametrize("frames", [Frames(1, 10**10, 2**40, b""), Frames(3, 128, 0, os.urandom(48))])
def test_the_places_of_frames_come_back(database: Database, frames: Frames) -> None:
    new = given.new("1", "2", "3", frames=frames)
    given.add(database, new)
    with database.read() as tx:
        stored, found = instances.fetch_frames(tx, new.resource)
    assert found == frames
    assert stored.key == new.key


def test_places_of_bulk_values_come_back(database: Database) -> None:
    new = given.new("1", "2", "3", bulk={"7FE00010": Bulk("OW", 2**33, 512), "00480105/1/00282000": Bulk("OB", 7, 80)})
    given.add(database, new)
    with database.read() as tx:
        for path, place in new.bulk.items():
            stored, found = instances.fetch_bulk(tx, new.resource, path)
            assert (stored.key, found) == (new.key, place)
        with pytest.raises(NotFound, match="bulk value"):
            instances.fetch_bulk(tx, new.resource, "00480105")
        with pytest.raises(NotFound, match="instance"):
            instances.fetch_bulk(tx, Resource("1", "2", "4"), "7FE00010")


def test_frames_that_are_not_there_are_not_found(database: Database) -> None:
    given.add(database, given.new("1", "2", "3"))
    with database.read() as tx:
        with pytest.raises(NotFound, match="frame"):
            instances.fetch_frames(tx, Resource("1", "2", "3"))
        with pytest.raises(NotFound, match="instance"):
            instances.fetch_frames(tx, Resource("1", "2", "4"))


def test_blobs_with_a_row_are_told_from_others(database: Database) -> None:
    news = [given.new("1", "2", str(number)) for number in range(600)]
    given.add(database, *news)
    given.remove(database, "1", "2", "0")
    with database.read() as tx:
        unknown = new_keys(3)
        assert instances.nameless(tx, [new.key for new in news] + unknown) == {*unknown}
        assert instances.nameless(tx, []) == set()


def test_deleted_blobs_are_named_until_they_are_forgotten(database: Database) -> None:
    news = [given.new("1", "2", str(number)) for number in range(4)]
    given.add(database, *news)
    for number in (2, 0):
        given.remove(database, "1", "2", str(number))
    with database.begin() as tx:
        assert instances.fetch_deleted(tx, 0, 10) == []
        assert instances.fetch_deleted(tx, 1e12, 1) == [news[2].key]
        instances.forget_deleted(tx, [news[2].key])
        assert instances.fetch_deleted(tx, 1e12, 10) == [news[0].key]


PLACES = [(study, series, instance) for study in "12" for series in "ab" for instance in "xyz"]
PATIENTS = st.sampled_from([(), "P1", "P2"])
MODALITIES = st.sampled_from([(), "CT", "MR"])


class IndexAsADictionary(RuleBasedStateMachine):
    """The index, and beside it a dictionary that is kept the slow and simple way."""

    index: ClassVar[Database]

    def __init__(self) -> None:
        super().__init__()
        self.database = self.index
        self.stored: dict[tuple[str, str, str], tuple[int, NewInstance]] = {}
        self.latest: dict[tuple[str, ...], dict[str, str]] = {}  # of each Study and Series
        with self.database.begin() as tx:
            self.last = watermarks.take(tx, 1)

    def teardown(self) -> None:
        """Empty the database for the next run."""
        for study in "12":
            given.remove(self.database, study)

    @rule(
        asked=st.lists(st.tuples(st.sampled_from(PLACES), PATIENTS, MODALITIES), max_size=4),
        replace=st.booleans(),
    )
    def add(self, asked: list[tuple[tuple[str, str, str], Any, Any]], replace: bool) -> None:
        news = [given.new(*place, PatientID=patient, Modality=modality) for place, patient, modality in asked]
        expected, kept = [], dict[tuple[str, str, str], tuple[int, NewInstance]]()
        for (place, _, _), new in zip(asked, news, strict=True):
            standing = kept.get(place) or self.stored.get(place)
            known = standing[1] if standing else None
            if known is None or replace:
                self.last += 1  # each version has a watermark, also one that is replaced at once
                kept.pop(place, None)
                kept[place] = self.last, new
            expected.append(
                ADDED if known is None else REPLACED if replace else IDENTICAL if known.digest == new.digest else EXISTS
            )
        assert given.add(self.database, *news, replace=replace) == expected
        self.stored.update(kept)
        for place, (_, new) in kept.items():
            self._learn(place[:1], "PatientID", new)
            self._learn(place[:2], "Modality", new)

    def _learn(self, of: tuple[str, ...], keyword: str, new: NewInstance) -> None:
        value = given.value(dict(new.elements), keyword)
        self.latest.setdefault(of, {}).update({keyword: value} if value else {})

    @rule(place=st.sampled_from(PLACES), depth=st.integers(1, 3))
    def remove(self, place: tuple[str, str, str], depth: int) -> None:
        gone = [stored for stored in self.stored if stored[:depth] == place[:depth]]
        assert given.remove(self.database, *place[:depth]) == len(gone)
        for each in gone:
            del self.stored[each]
        for of in list(self.latest):
            if not any(stored[: len(of)] == of for stored in self.stored):
                del self.latest[of]

    @invariant()
    def versions_are_the_same(self) -> None:
        names = {place[:depth] for depth in (1, 2, 3) for place in PLACES}
        with self.database.read() as tx:
            found = {name: instances.version(tx, given.named(*name)) for name in names}
        for name, there in found.items():
            marks = [mark for place, (mark, _) in self.stored.items() if place[: len(name)] == name]
            assert (there and there[:2]) == ((max(marks), len(marks)) if marks else None)

    @invariant()
    def searches_are_the_same(self) -> None:
        for patient in ("P1", "P2"):
            studies = {of[0] for of, values in self.latest.items() if values.get("PatientID") == patient}
            query = given.asked(Level.INSTANCE, PatientID=patient)
            marks = {place: mark for place, (mark, _) in self.stored.items() if place[0] in studies}
            assert given.matches(self.database, query) == [
                p[2] for p in sorted(marks, key=marks.__getitem__, reverse=True)
            ]
        for found in given.answers(self.database, given.asked(Level.STUDY, everything=True)):
            study = given.value(found, "StudyInstanceUID")
            of_study = [values for of, values in self.latest.items() if of[0] == study and len(of) == 2]
            modalities = {values["Modality"] for values in of_study if "Modality" in values}
            assert set(found["00080061"].get("Value", [])) == modalities
            assert given.value(found, "NumberOfStudyRelatedSeries") == len(of_study)

    @invariant()
    def blobs_are_the_same(self) -> None:
        keys = {stored.key for study in "12" for stored in fetched(self.database, study)}
        assert keys == {new.key for _, new in self.stored.values()}
        assert not keys & deleted(self.database)


def test_the_index_is_as_a_dictionary(database: Database) -> None:
    class OnThisDatabase(IndexAsADictionary):
        index = database

    few = settings(max_examples=15, stateful_step_count=15)
    run_state_machine_as_test(OnThisDatabase, settings=few)

import random
import string
from dataclasses import replace
from typing import Any

import pytest

from filmroom.dicom.conditions import Condition, Equal, Wildcard, Words
from filmroom.dicom.fields import Fields
from filmroom.dicom.query import Query
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import BadParameter
from filmroom.index import search
from filmroom.index.database import Database
from filmroom.index.forms import in_core
from filmroom.protocol import queries
from filmroom.protocol.dialects import DICOMWEB
from tests.index import given


@pytest.fixture
def filled(database: Database) -> Database:
    """Two Studies of one patient and one of another; Study 1 has two Series, of which 1.1 has two Instances."""
    new = given.new
    given.add(
        database, new("1", "1.1", "1.1.1", PatientID="A", PatientName="Doe^John", Modality="CT", InstanceNumber=1)
    )
    given.add(
        database, new("1", "1.1", "1.1.2", PatientID="A", PatientName="Doe^John", Modality="CT", InstanceNumber=2)
    )
    given.add(
        database, new("2", "2.1", "2.1.1", PatientID="B", PatientName="Roe^Jane", Modality="MR", InstanceNumber=1)
    )
    given.add(
        database, new("3", "3.1", "3.1.1", PatientID="A", PatientName="Doe^John", Modality="CT", InstanceNumber=1)
    )
    given.add(
        database, new("1", "1.2", "1.2.1", PatientID="A", PatientName="Doe^John", Modality="SR", InstanceNumber=1)
    )
    return database


@pytest.mark.parametrize(
    ("level", "found"),
    [
        (Level.STUDY, ["3", "2", "1"]),
        (Level.SERIES, ["1.2", "3.1", "2.1", "1.1"]),
        (Level.INSTANCE, ["1.2.1", "3.1.1", "2.1.1", "1.1.2", "1.1.1"]),
    ],
)
def test_all_are_found_newest_first(filled: Database, level: Level, found: list[str]) -> None:
    assert given.matches(filled, given.asked(level)) == found
    pages = [given.matches(filled, given.asked(level, limit=2, offset=offset)) for offset in range(0, 8, 2)]
    assert [uid for page in pages for uid in page] == found


def test_a_limit_of_none_finds_none(filled: Database) -> None:
    assert given.answers(filled, given.asked(Level.STUDY, limit=0)) == []
    assert given.answers(filled, given.asked(Level.STUDY, offset=2**63 - 1)) == []


@pytest.mark.parametrize(
    ("level", "scope", "found"),
    [
        (Level.SERIES, Resource("1"), ["1.2", "1.1"]),
        (Level.INSTANCE, Resource("1"), ["1.2.1", "1.1.2", "1.1.1"]),
        (Level.INSTANCE, Resource("1", "1.1"), ["1.1.2", "1.1.1"]),
        (Level.INSTANCE, Resource("2", "1.1"), []),
        (Level.INSTANCE, Resource("1", "1.1", "1.1.2"), ["1.1.2"]),
        (Level.SERIES, Resource("4"), []),
        (Level.STUDY, Resource("1"), ["1"]),
        (Level.STUDY, Resource(partition=2), []),
    ],
)
def test_a_scope_is_kept_to(filled: Database, level: Level, scope: Resource, found: list[str]) -> None:
    assert given.matches(filled, given.asked(level, scope)) == found


@pytest.mark.parametrize(
    ("level", "keys", "found"),
    [
        (Level.STUDY, {"PatientID": "a"}, ["3", "1"]),
        (Level.STUDY, {"PatientID": "A", "StudyInstanceUID": "1,2"}, ["1"]),
        (Level.STUDY, {"PatientName": "*jane*"}, ["2"]),
        (Level.STUDY, {"PatientName": "?oe^*"}, ["3", "2", "1"]),
        (Level.SERIES, {"PatientID": "A", "Modality": "ct"}, ["3.1", "1.1"]),
        (Level.SERIES, {"SeriesInstanceUID": "2.1"}, ["2.1"]),
        (Level.INSTANCE, {"PatientID": "B"}, ["2.1.1"]),
        (Level.INSTANCE, {"PatientID": "A", "Modality": "CT", "InstanceNumber": "01"}, ["3.1.1", "1.1.1"]),
        (Level.INSTANCE, {"SOPInstanceUID": "1.1.2\\3.1.1"}, ["3.1.1", "1.1.2"]),
        (Level.INSTANCE, {"AvailableTransferSyntaxUID": "1.2"}, []),
    ],
)
def test_keys_of_the_level_and_above_all_hold(
    filled: Database, level: Level, keys: dict[str, Any], found: list[str]
) -> None:
    assert given.matches(filled, given.asked(level, **keys)) == found


@pytest.mark.parametrize(
    ("level", "keys"), [(Level.STUDY, {"Modality": "CT"}), (Level.SERIES, {"SOPInstanceUID": "1"})]
)
def test_keys_of_lower_levels_are_refused(database: Database, level: Level, keys: dict[str, Any]) -> None:
    with pytest.raises(BadParameter, match="lower levels"):
        given.matches(database, given.asked(level, **keys))


def test_partitions_are_apart(database: Database) -> None:
    with database.begin() as tx:
        tx.core.exec_driver_sql("INSERT INTO partition (key, name, created) VALUES (2, 'other', 0)")
    given.add(
        database, given.new("1", "2", "3", PatientID="here"), given.new("1", "2", "3", partition=2, PatientID="there")
    )
    for level in Level:
        [found] = given.answers(database, given.asked(level, Resource(partition=2), returned=["PatientID"]))
        assert given.value(found, "PatientID") == "there"
    assert given.matches(database, given.asked(Level.STUDY, PatientID="there")) == []


def test_what_is_asked_for_comes_in_tag_order(filled: Database) -> None:
    returned = ["SOPInstanceUID", "PatientID", "Modality", "StudyInstanceUID", "NumberOfStudyRelatedInstances"]
    found = given.answers(filled, given.asked(Level.INSTANCE, returned=returned, SOPInstanceUID="1.1.2"))
    assert [list(elements) for elements in found] == [["00080018", "00080060", "00100020", "0020000D", "00201208"]]
    assert found[0]["00080060"] == {"vr": "CS", "Value": ["CT"]}


def test_what_is_not_there_is_left_out_and_what_is_empty_is_empty(database: Database) -> None:
    given.add(database, given.new("1", "2", "3", PatientID=()))
    query = given.asked(Level.STUDY, returned=["PatientID", "PatientName", "PatientComments", "RetrieveURL"])
    assert given.answers(database, query) == [{"00100020": {"vr": "LO"}}]


def test_everything_is_what_the_rows_hold_and_count(filled: Database) -> None:
    [found] = given.answers(filled, given.asked(Level.INSTANCE, everything=True, SOPInstanceUID="1.1.2"))
    assert found == given.elements(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.7",
        SOPInstanceUID="1.1.2",
        Modality="CT",
        ModalitiesInStudy=("CT", "SR"),
        SOPClassesInStudy="1.2.840.10008.5.1.4.1.1.7",
        AvailableTransferSyntaxUID=given.EXPLICIT,
        PatientName="Doe^John",
        PatientID="A",
        StudyInstanceUID="1",
        SeriesInstanceUID="1.1",
        InstanceNumber=2,
        NumberOfStudyRelatedSeries=2,
        NumberOfStudyRelatedInstances=3,
        NumberOfSeriesRelatedInstances=2,
    )
    assert list(found) == sorted(found)


def test_everything_can_have_more_beside_it(database: Database) -> None:
    given.add(database, given.new("1", "2", "3", PatientComments="none"))
    [found] = given.answers(database, given.asked(Level.STUDY, everything=True, returned=["PatientComments"]))
    assert found == given.elements(
        ModalitiesInStudy=(),
        SOPClassesInStudy="1.2.840.10008.5.1.4.1.1.7",
        PatientComments="none",
        StudyInstanceUID="1",
        NumberOfStudyRelatedSeries=1,
        NumberOfStudyRelatedInstances=1,
    )


def test_an_instance_without_sop_class_is_answered(database: Database) -> None:
    given.add(database, given.new("1", "2", "3", sop_class=""))
    [found] = given.answers(database, given.asked(Level.STUDY, returned=["SOPClassesInStudy"]))
    assert found == {"00080062": {"vr": "UI"}}


@pytest.mark.parametrize(
    ("level", "comment"), [(Level.STUDY, "newest"), (Level.SERIES, "older"), (Level.INSTANCE, "oldest")]
)
def test_what_no_row_holds_comes_from_the_newest_instance(database: Database, level: Level, comment: str) -> None:
    for number, said in enumerate(("oldest", "older")):
        given.add(database, given.new("1", "1.1", f"1.1.{number}", ImageComments=said))
    given.add(database, given.new("1", "1.2", "1.2.0", ImageComments="newest"))
    uids = {"StudyInstanceUID": "1", "SeriesInstanceUID": "1.1", "SOPInstanceUID": "1.1.0"}
    keys: dict[str, Any] = dict(list(uids.items())[:level])
    query = given.asked(level, returned=["ImageComments"], **keys)
    assert [given.value(found, "ImageComments") for found in given.answers(database, query)] == [comment]


def test_attributes_of_lower_levels_come_from_the_newest_instance(filled: Database) -> None:
    query = given.asked(
        Level.STUDY, returned=["Modality", "InstanceNumber", "AvailableTransferSyntaxUID"], StudyInstanceUID="1"
    )
    assert given.answers(filled, query) == [given.elements(Modality="SR", InstanceNumber=1)]


def test_binary_and_hidden_attributes_are_not_found_elsewhere(database: Database) -> None:
    said: dict[str, Any] = {"ImageComments": "wrong", "PatientComments": "right", "EncapsulatedDocument": ()}
    given.add(database, given.new("1", "2", "3", hidden=["00204000"], **said))
    query = given.asked(Level.STUDY, returned=said.keys())
    assert given.answers(database, query) == [given.elements(PatientComments="right")]


def test_metadata_that_stay_large_when_packed_are_not_read_by_searches(database: Database) -> None:
    """A batch of them would not fit into memory."""
    noise = ["".join(random.choices(string.ascii_letters, k=10_000)) for _ in range(50)]
    said: dict[str, Any] = {"PatientComments": "near", "ImageComments": tuple(noise)}
    given.add(database, given.new("1", "2", "3", **said))
    query = given.asked(Level.INSTANCE, returned=["PatientComments", "SOPInstanceUID"])
    assert given.answers(database, query) == [given.elements(SOPInstanceUID="3")]


def test_what_a_match_answers_with_is_made_when_it_is_asked_for(database: Database) -> None:
    given.add(database, given.new("1", "2", "3", ImageComments="near"))
    with database.read() as tx:
        [match] = search.search(tx, given.asked(Level.INSTANCE, returned=["ImageComments"]))
    assert match.found == given.elements(ImageComments="near")
    assert match.found is not match.found


def test_the_lower_level_knows_better(database: Database) -> None:
    given.add(database, given.new("1", "1.1", "1.1.1", SpecificCharacterSet="ISO_IR 100"))
    given.add(database, given.new("1", "1.2", "1.2.1", SpecificCharacterSet="ISO_IR 192"))
    for level, sets in ((Level.STUDY, ["ISO_IR 192"]), (Level.SERIES, ["ISO_IR 192", "ISO_IR 100"])):
        found = given.answers(database, given.asked(level, returned=["SpecificCharacterSet"]))
        assert [given.value(elements, "SpecificCharacterSet") for elements in found] == sets


SELECTIVE = {
    "PatientID": "study_patient_id",
    "PatientName": "study_patient_name",
    "AccessionNumber": "study_accession",
    "StudyDate": "study_date",
    "StudyInstanceUID": "study_uid",
    "SeriesInstanceUID": "series_uid_alone",
    "SOPInstanceUID": "instance_uid_alone",
}


def steps(database: Database, query: Query) -> list[str]:
    """How SQLite finds the page; what comes after it reads rows by their keys."""
    with database.read() as tx:
        return given.plan(tx, in_core(search._page(query)))


@given.only("sqlite")
@pytest.mark.parametrize(("keyword", "index"), SELECTIVE.items())
@pytest.mark.parametrize("level", Level)
def test_a_selective_key_uses_its_index(database: Database, keyword: str, index: str, level: Level) -> None:
    if not index.startswith(tuple(of.name.lower() for of in Level if of <= level)):
        return
    keys: dict[str, Any] = {keyword: Equal("20240101")}
    found = steps(database, given.asked(level, **keys))
    assert f"USING COVERING INDEX {index} (partition=? AND {keyword}=?" in found[0]


@given.only("sqlite")
@pytest.mark.parametrize("condition", [Wildcard("*oe*"), Words(("doe", "jo"))])
def test_names_that_no_index_finds_are_looked_for_newest_first_without_reading_rows(
    database: Database, condition: Condition
) -> None:
    assert steps(database, given.asked(Level.STUDY, PatientName=condition)) == [
        "SEARCH study USING COVERING INDEX study_names (partition=?)"
    ]


@given.only("sqlite")
def test_values_beside_the_columns_have_an_index_too(database: Database) -> None:
    query = given.asked(Level.STUDY, PatientName=Wildcard("doe*"))
    with database.read() as tx:
        found = given.plan(tx, in_core(search._page(query, query.keys)))
    assert [step for step in found if "study_patient_name (partition=? AND PatientName>? AND PatientName<?)" in step]
    assert [step for step in found if "study_further_value_is (tag=? AND value>? AND value<?)" in step]
    assert not [step for step in found if step.startswith("SCAN")]


@given.only("sqlite")
@pytest.mark.parametrize("zone", [[], [("TimezoneOffsetFromUTC", "+0100")]])
def test_dates_with_times_and_timezones_use_the_index_of_the_date(
    database: Database, zone: list[tuple[str, str]]
) -> None:
    keys = [("StudyDate", "20240101-20240131"), ("StudyTime", "10-11"), *zone]
    query, _ = queries.parse(DICOMWEB, Level.STUDY, Resource(), keys)
    assert "USING INDEX study_date (partition=? AND StudyDate>? AND StudyDate<?)" in steps(database, query)[0]


@given.only("sqlite")
@pytest.mark.parametrize(
    ("level", "keys"),
    [
        *((level, {}) for level in Level),
        (Level.STUDY, {"PatientID": "1"}),
        (Level.STUDY, {"ModalitiesInStudy": "CT"}),
        (Level.SERIES, {"Modality": "CT"}),
    ],
)
def test_the_newest_are_found_without_a_sort(database: Database, level: Level, keys: dict[str, Any]) -> None:
    assert not [step for step in steps(database, given.asked(level, **keys)) if "TEMP B-TREE" in step]


@given.only("sqlite")
def test_instances_of_a_study_are_found_without_a_sort(database: Database) -> None:
    found = steps(database, given.asked(Level.INSTANCE, Resource("1")))
    assert [step.split(" (")[0] for step in found] == [
        "SEARCH study USING COVERING INDEX study_uid",
        "SEARCH instance USING INDEX instance_study",
    ]


@pytest.mark.parametrize("level", Level)
def test_a_group_is_all_that_is_known_of_it(database: Database, level: Level) -> None:
    given.add(database, given.new("1", "2", "3", PatientID="A", PatientComments="calm", StudyDate="20240101"))
    [found] = given.answers(database, replace(given.asked(level), groups=frozenset({0x0010})))
    assert found == given.elements(PatientID="A", PatientComments="calm")


def test_a_group_has_what_is_counted(filled: Database) -> None:
    query = given.asked(Level.STUDY, StudyInstanceUID="1")
    [found] = given.answers(filled, replace(query, groups=frozenset({0x0020})))
    assert found.keys() >= {"00201206", "00201208", "0020000D"}


def test_of_a_sequence_only_what_is_asked_for(database: Database) -> None:
    item = given.elements(CodeValue="T-1", CodeMeaning="Knee")
    given.add(database, given.new("1", "2", "3", ProcedureCodeSequence=(item,), ReasonForStudy="pain"))
    query = given.asked(Level.STUDY, returned=["ProcedureCodeSequence", "ReasonForStudy"])
    inside: dict[int, Fields] = {given.tag("ProcedureCodeSequence"): {"00080100": None}, given.tag("PatientID"): {}}
    [found] = given.answers(database, replace(query, inside=inside))
    part = given.elements(CodeValue="T-1")
    assert found == given.elements(ProcedureCodeSequence=(part,), ReasonForStudy="pain")

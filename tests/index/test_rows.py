from typing import Any

import pytest

from filmroom.dicom.resources import Level
from filmroom.index import rows
from filmroom.index.database import Database
from tests.index import given

SETS = ("ModalitiesInStudy", "SOPClassesInStudy")
COUNTS = ("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "NumberOfSeriesRelatedInstances")


def sets(database: Database) -> list[list[str]]:
    """The modalities and the SOP Classes of the only Study."""
    [found] = given.answers(database, given.asked(Level.STUDY, returned=SETS))
    return [element.get("Value", []) for element in found.values()]


def counts(database: Database) -> list[dict[str, Any]]:
    found = given.answers(database, given.asked(Level.SERIES, returned=["SeriesInstanceUID", *COUNTS]))
    return [{given.value(of, "SeriesInstanceUID"): [given.value(of, name) for name in COUNTS]} for of in found]


def test_counts_follow_what_is_added_and_removed(database: Database) -> None:
    given.add(database, given.new("1", "1.1", "1.1.1"), given.new("1", "1.1", "1.1.2"), given.new("1", "1.2", "1.2.1"))
    assert counts(database) == [{"1.2": [2, 3, 1]}, {"1.1": [2, 3, 2]}]
    given.add(database, given.new("1", "1.2", "1.2.2"), given.new("1", "1.3", "1.3.1"))
    assert counts(database) == [{"1.3": [3, 5, 1]}, {"1.2": [3, 5, 2]}, {"1.1": [3, 5, 2]}]
    given.remove(database, "1", "1.1", "1.1.1")
    given.remove(database, "1", "1.2")
    assert counts(database) == [{"1.3": [2, 2, 1]}, {"1.1": [2, 2, 1]}]


def test_replacing_counts_nothing_twice(database: Database) -> None:
    given.add(database, given.new("1", "1.1", "1.1.1"))
    given.add(database, given.new("1", "1.1", "1.1.1"), given.new("1", "1.1", "1.1.1"), replace=True)
    assert counts(database) == [{"1.1": [1, 1, 1]}]


def test_rows_go_with_their_last_instance(database: Database) -> None:
    given.add(database, given.new("1", "1.1", "1.1.1"), given.new("1", "1.2", "1.2.1"))
    given.remove(database, "1", "1.1", "1.1.1")
    assert given.matches(database, given.asked(Level.SERIES)) == ["1.2"]
    given.remove(database, "1", "1.2", "1.2.1")
    assert given.matches(database, given.asked(Level.SERIES)) == []
    assert given.matches(database, given.asked(Level.STUDY)) == []


def test_modalities_and_sop_classes_are_gathered(database: Database) -> None:
    given.add(database, given.new("1", "1.1", "1.1.1", Modality="CT", sop_class="1.7"), given.new("1", "1.2", "1.2.1"))
    given.add(database, given.new("1", "1.3", "1.3.1", Modality="CT"), given.new("1", "1.4", "1.4.1", Modality="MR"))
    assert sets(database) == [["CT", "MR"], ["1.7", "1.2.840.10008.5.1.4.1.1.7"]]


def test_sets_shrink_with_what_is_removed(database: Database) -> None:
    new = given.new
    given.add(database, new("1", "1.1", "1.1.1", Modality="CT", sop_class="7"), new("1", "1.2", "1.2.1", Modality="CT"))
    given.add(database, new("1", "1.3", "1.3.1", Modality="MR", sop_class="7"))
    given.remove(database, "1", "1.1", "1.1.1")
    assert sets(database) == [["CT", "MR"], ["7", "1.2.840.10008.5.1.4.1.1.7"]]
    given.remove(database, "1", "1.3")
    assert sets(database) == [["CT"], ["1.2.840.10008.5.1.4.1.1.7"]]


def test_sets_shrink_with_what_is_replaced(database: Database) -> None:
    given.add(database, given.new("1", "1.1", "1.1.1", Modality="CT", sop_class="7"))
    given.add(database, given.new("1", "1.1", "1.1.1", Modality="MR", sop_class="8"), replace=True)
    assert sets(database) == [["MR"], ["8"]]


def test_a_modality_that_a_later_instance_corrects_is_gone(database: Database) -> None:
    given.add(database, given.new("1", "1.1", "1.1.1", Modality="OT"), given.new("1", "1.2", "1.2.1", Modality="US"))
    given.add(database, given.new("1", "1.1", "1.1.2", Modality="CT"))
    assert sets(database)[0] == ["US", "CT"]
    assert given.matches(database, given.asked(Level.STUDY, ModalitiesInStudy="OT")) == []


@pytest.mark.parametrize("level", Level)
def test_the_latest_value_that_is_not_empty_is_searched_and_answered(database: Database, level: Level) -> None:
    given.add(database, given.new("1", "1.1", "1.1.1", PatientName="Old^Name", PatientID=()))
    given.add(database, given.new("1", "1.1", "1.1.2", PatientName="Doe^Ann", PatientID="123"))
    given.add(database, given.new("1", "1.1", "1.1.3", PatientName=(), PatientID=("",)), given.new("1", "1.1", "1.1.4"))
    query = given.asked(level, returned=["PatientName", "PatientID"], PatientID="123", limit=1)
    assert given.answers(database, query) == [given.elements(PatientName="Doe^Ann", PatientID="123")]
    assert given.matches(database, given.asked(level, PatientName="Old^Name")) == []
    assert given.matches(database, given.asked(level, PatientName="ann", fuzzy=True)) != []


def test_rows_are_opened_in_one_order_whoever_asks(database: Database) -> None:
    with database.begin() as tx:
        studies = rows.open_studies(tx, {(1, "9"), (1, "10"), (1, "2")})
    assert [uid for _, uid in studies] == ["10", "2", "9"]
    assert [row.key for row in studies.values()] == sorted(row.key for row in studies.values())


def test_an_empty_set_has_no_values() -> None:
    assert rows.split("") == []
    assert rows.split("CT\\MR") == ["CT", "MR"]


FURTHER_VALUES = "SELECT (SELECT count(*) FROM study_further_value) + (SELECT count(*) FROM instance_further_value)"


def test_values_beside_the_columns_follow_their_row(database: Database) -> None:
    def count() -> object:
        with database.read() as tx:
            return tx.core.exec_driver_sql(FURTHER_VALUES).scalar()

    given.add(database, given.new("1", "2", "3", StudyID=("a", "b", "c"), InstanceNumber=("1", "2")))
    assert count() == 3
    given.add(database, given.new("1", "2", "4", StudyID=("a", "d")))
    assert count() == 2
    given.remove(database, "1", "2", "3")
    assert count() == 1
    given.remove(database, "1")
    assert count() == 0

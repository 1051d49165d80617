from filmroom.dicom.moments import DATES, TIMES
from filmroom.dicom.search_attributes import MATCHING_KEYS
from filmroom.index.table_parts import metadata
from filmroom.index.tables import (
    COLUMNS,
    MODALITIES_IN_STUDY,
    SOP_CLASSES_IN_STUDY,
    UTC,
    WORDS,
    instance,
    instance_data,
    links,
    study,
)
from tests.index import given


def test_every_matching_key_has_a_column_at_its_level() -> None:
    assert COLUMNS.keys() | {MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY} == MATCHING_KEYS.keys()
    for tag, column in COLUMNS.items():
        assert column.table.name == MATCHING_KEYS[tag].name.lower()


def test_person_names_have_words() -> None:
    assert WORDS.keys() == {given.tag("PatientName"), given.tag("ReferringPhysicianName")}


def test_dates_with_a_time_have_their_moment_in_utc() -> None:
    assert UTC.keys() == {*TIMES, *DATES, given.tag("AcquisitionDateTime")}
    assert UTC[given.tag("StudyTime")] is UTC[given.tag("StudyDate")] is study.c.StudyDateUTC


def test_every_index_says_how_many_rows_share_its_columns() -> None:
    for table in metadata.sorted_tables:
        for index in table.indexes:
            rows = index.info["rows"]
            assert len(rows) == len(index.columns) + 1, index.name
            assert list(rows) == sorted(rows, reverse=True), index.name
            assert not index.unique or rows[-1] == 1, index.name


def test_links_are_between_the_tables_asked_for() -> None:
    assert [str(on) for on in links([instance, study])] == ["instance.study_key = study.key"]
    assert len(links([instance, instance_data])) == 1
    assert links([study]) == []

import pytest

from filmroom.dicom import attributes, search_attributes
from filmroom.dicom.resources import Level
from filmroom.dicom.store_response import Summary
from filmroom.protocol.dialects import ALL, DICOMWEB, V1, V2, Dialect
from filmroom.protocol.negotiation import Kind


def test_roots_are_unique() -> None:
    assert [dialect.root for dialect in ALL] == ["/v1.0-prerelease", "/v1", "/v2", "/dicomweb"]
    assert [dialect.version for dialect in ALL] == ["1.0-prerelease", "1", "2", None]


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.name)
def test_every_dialect_is_whole(dialect: Dialect) -> None:
    assert {Kind.STUDY, Kind.INSTANCE, Kind.FRAMES, Kind.METADATA, Kind.SEARCH, Kind.STORE} <= dialect.offers.keys()
    assert dialect.store_statuses.keys() == set(Summary)
    assert dialect.returned.keys() == set(Level)
    assert dialect.default_limit <= dialect.largest_limit
    assert dialect.matching_keys.keys() <= search_attributes.MATCHING_KEYS.keys()


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.name)
def test_rows_hold_what_searches_return(dialect: Dialect) -> None:
    for sets in (dialect.returned, dialect.returned_all or {}):
        for level, tags in sets.items():
            held = search_attributes.HELD[level] | search_attributes.COMPUTED.keys() | dialect.synthesised
            assert tags <= held


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.name)
def test_every_returned_attribute_is_in_the_dictionary(dialect: Dialect) -> None:
    assert all(attributes.keyword(tag) for tags in dialect.returned.values() for tag in tags)


def test_a_warning_of_v1_is_no_status() -> None:
    assert V1.store_statuses[Summary.WARNED] == 200
    assert V2.store_statuses[Summary.WARNED] == DICOMWEB.store_statuses[Summary.WARNED] == 202


def test_the_store_response_of_the_standard_has_a_bare_type() -> None:
    assert DICOMWEB.response_type == "application/dicom+json"


def test_defaults_of_v2() -> None:
    names = {attributes.keyword(tag) for tags in V2.returned.values() for tag in tags}
    assert names == {
        "StudyInstanceUID", "StudyDate", "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "PatientName",
        "PatientID", "PatientBirthDate", "SeriesInstanceUID", "Modality", "PerformedProcedureStepStartDate",
        "ManufacturerModelName", "SOPInstanceUID",
    }  # fmt: skip

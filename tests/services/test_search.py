"""Search: what the service adds to the rows."""

import pytest
from pydicom.dataset import Dataset

from filmroom.archive import Archive
from filmroom.dicom.resources import Level, Resource
from filmroom.protocol import queries
from filmroom.protocol.dialects import DICOMWEB, V2, Dialect
from filmroom.services.search import search
from filmroom.services.store import part, store
from tests import data

URL = "http://pacs.example/dicomweb"
RETRIEVE_URL, AVAILABILITY = "00081190", "00080056"


@pytest.fixture
def made(either: Archive) -> Dataset:
    made = data.dataset()
    made.RetrieveURL = "http://elsewhere.example"
    store(either, DICOMWEB, Resource(), [part(data.file(made))], replace=False)
    return made


def found(archive: Archive, dialect: Dialect, level: Level, **parameters: str) -> list[dict[str, dict[str, object]]]:
    query, _ = queries.parse(dialect, level, Resource(), list(parameters.items()))
    return search(archive, dialect, query, URL)


@pytest.mark.parametrize("level", Level)
def test_retrieve_url_of_each_level(either: Archive, made: Dataset, level: Level) -> None:
    (match,) = found(either, DICOMWEB, level)
    uids = (made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID)
    assert match[RETRIEVE_URL] == {"vr": "UR", "Value": [URL + Resource(*uids[:level]).path]}


@pytest.mark.parametrize("field", ["all", "RetrieveURL", "PatientSex"])
def test_the_attributes_are_in_order(either: Archive, made: Dataset, field: str) -> None:
    (match,) = found(either, DICOMWEB, Level.INSTANCE, includefield=field)
    assert list(match) == sorted(match)
    assert match[AVAILABILITY] == {"vr": "CS", "Value": ["ONLINE"]}


def test_azure_makes_nothing_up(either: Archive, made: Dataset) -> None:
    (match,) = found(either, V2, Level.STUDY, includefield="RetrieveURL,InstanceAvailability,PatientSex")
    assert RETRIEVE_URL not in match
    assert AVAILABILITY not in match


def test_nothing_found(either: Archive, made: Dataset) -> None:
    assert found(either, DICOMWEB, Level.STUDY, PatientID="nobody") == []

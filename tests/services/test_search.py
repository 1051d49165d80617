"""Search: what the service adds to the rows."""

from dataclasses import replace

import pytest
from pydicom.dataset import Dataset

from filmroom.archive import Archive
from filmroom.dicom.resources import Level, Resource
from filmroom.protocol import queries
from filmroom.protocol.dialects import DICOMWEB, V2, Dialect
from filmroom.services import search as service
from filmroom.services.delete import delete
from filmroom.services.examination import part
from filmroom.services.search import search
from filmroom.services.store import store
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
    return list(search(archive, dialect, query, URL).matches)


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


@pytest.mark.parametrize("field", ["", "KVP"])
@pytest.mark.parametrize("order", ["", "StudyID"])
def test_what_many_match_is_read_in_batches(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, order: str, field: str
) -> None:
    for name in ("BATCH", "BATCH_WITH_METADATA"):
        monkeypatch.setattr(service, name, 2)
    for number in range(7):
        store(archive, DICOMWEB, Resource(), [part(data.file(data.dataset(StudyID=str(number))))], replace=False)
    in_order = list("0123456") if order else list("6543210")
    for limit in range(1, 9):
        query, _ = queries.parse(
            DICOMWEB, Level.STUDY, Resource(), [("limit", str(limit)), ("orderby", order), ("includefield", field)]
        )
        answer = search(archive, DICOMWEB, query, URL)
        assert (answer.end is None) == (limit >= 7)
        assert [match["00200010"]["Value"][0] for match in answer.matches] == in_order[:limit]
        if answer.end:
            rest = search(archive, DICOMWEB, replace(query, limit=7, after=answer.end), URL)
            assert [match["00200010"]["Value"][0] for match in rest.matches] == in_order[limit:]


def test_what_is_deleted_before_its_turn_is_left_out(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH", 1)
    made = [data.dataset() for _ in range(3)]
    for one in made:
        store(archive, DICOMWEB, Resource(), [part(data.file(one))], replace=False)
    query, _ = queries.parse(DICOMWEB, Level.STUDY, Resource(), [])
    answer = search(archive, DICOMWEB, query, URL)
    delete(archive, Resource(made[1].StudyInstanceUID))
    assert [match["0020000D"]["Value"][0] for match in answer.matches] == [
        made[2].StudyInstanceUID,
        made[0].StudyInstanceUID,
    ]

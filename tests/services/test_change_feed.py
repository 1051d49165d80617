"""The change feed: entries as each dialect gives them."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from filmroom.archive import Archive
from filmroom.audit.writer import Audit
from filmroom.dicom.resources import Resource
from filmroom.index import patients
from filmroom.protocol import change_feed as parameters
from filmroom.protocol.dialects import ALL, DICOMWEB, V1, V2, Dialect
from filmroom.services.change_feed import changes, latest
from filmroom.services.delete import delete
from filmroom.services.examination import part
from filmroom.services.store import store
from tests import data

URL = "http://pacs.example/dicomweb"


def read(archive: Archive, dialect: Dialect, *, metadata: bool = True, **asked: str) -> list[dict[str, Any]]:
    window = parameters.parse(dialect, asked.items())
    return [orjson.loads(text) for text in changes(archive, dialect, window, lambda _: URL, metadata=metadata)]


@pytest.fixture
def path(archive: Archive) -> str:
    """An Instance with a bulk value, stored."""
    made = data.image()
    store(archive, DICOMWEB, Resource(), [part(data.file(made))], replace=False)
    return Resource(made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID).path


@pytest.mark.parametrize("dialect", ALL)
def test_nothing_stored_is_no_change(archive: Archive, dialect: Dialect) -> None:
    assert read(archive, dialect) == []
    assert latest(archive, dialect, lambda _: URL, metadata=True) is None


@pytest.mark.parametrize("dialect", ALL)
def test_the_latest_is_the_last(archive: Archive, dialect: Dialect, path: str) -> None:
    found = latest(archive, dialect, lambda _: URL, metadata=True)
    assert found is not None
    assert [orjson.loads(found)] == read(archive, dialect)


def test_metadata_are_in_the_form_of_the_dialect(archive: Archive, path: str) -> None:
    [standard], [azure] = (read(archive, dialect) for dialect in (DICOMWEB, V2))
    assert standard["metadata"]["7FE00010"]["BulkDataURI"] == f"{URL}{path}/bulkdata/7FE00010"
    assert "7FE00010" not in azure["metadata"]
    assert azure["metadata"]["00100020"] == standard["metadata"]["00100020"]


def test_an_instance_that_is_gone_has_no_metadata(archive: Archive, path: str) -> None:
    delete(archive, Resource(path.split("/")[2]))
    assert [(entry["action"], entry["state"]) for entry in read(archive, V1)] == [
        ("Create", "Deleted"),
        ("Delete", "Deleted"),
    ]
    assert not any("metadata" in entry for entry in read(archive, V1))


def test_metadata_can_be_left_out(archive: Archive, path: str) -> None:
    assert "metadata" not in read(archive, V2, metadata=False)[0]


def test_without_an_audit_nobody_asks_whose_they_are(
    archive: Archive, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unaudited = replace(archive, audit=Audit())
    monkeypatch.setattr(patients, "identifiers", None)
    assert [entry["metadata"]["0020000D"]["Value"] for entry in read(unaudited, DICOMWEB)] == [[path.split("/")[2]]]

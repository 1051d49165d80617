"""Paths that name a data partition."""

from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from filmroom import metrics
from filmroom.archive import Archive
from filmroom.services import partitions
from filmroom.settings import Settings
from tests import data

DICOM = {"Content-Type": "application/dicom"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", codec_processes=1, partitions=True)


def names(http: TestClient) -> list[str]:
    return [one["partitionName"] for one in http.get("/dicomweb/partitions").json()]


def test_the_first_store_makes_it(http: TestClient) -> None:
    assert http.get("/dicomweb/partitions/clinic/studies").status_code == 404
    for _ in range(2):
        assert http.post("/dicomweb/partitions/clinic/studies", content=data.file(), headers=DICOM).status_code == 200
        assert names(http) == ["Microsoft.Default", "clinic"]
    assert len(http.get("/dicomweb/partitions/clinic/studies").json()) == 2


def test_one_that_another_process_made_is_found(http: TestClient, settings: Settings) -> None:
    assert http.get("/dicomweb/partitions/clinic/studies").status_code == 404
    with closing(Archive.open(settings)) as another:
        partitions.make(another, "clinic")
    assert http.get("/dicomweb/partitions/clinic/studies").json() == []


def looks(result: str) -> float:
    labels = {"cache": "partitions", "result": result}
    return metrics.REGISTRY.get_sample_value("filmroom_cache_requests_total", labels) or 0.0


def test_each_look_for_one_is_counted_once(http: TestClient) -> None:
    found, missed = looks("hit"), looks("miss")
    assert http.get("/dicomweb/partitions/clinic/studies").status_code == 404
    assert http.post("/dicomweb/partitions/clinic/studies", content=data.file(), headers=DICOM).status_code == 200
    assert (looks("hit") - found, looks("miss") - missed) == (0, 2)
    assert http.get("/dicomweb/partitions/clinic/studies").status_code == 200
    assert (looks("hit") - found, looks("miss") - missed) == (1, 2)


def test_a_path_has_to_name_one(http: TestClient) -> None:
    assert http.get("/dicomweb/studies").status_code == 400
    assert http.get("/dicomweb/partitions/a%20b/studies").status_code == 400
    assert http.get("/dicomweb/partitions/clinic/studies/1.2").status_code == 404
    assert names(http) == ["Microsoft.Default"]

"""Exports and imports over HTTP; the worker runs here, in the test."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from filmroom.archive import Archive
from filmroom.server.app import create
from filmroom.services.operations import Worker
from filmroom.settings import Settings
from tests import data
from tests.services.test_delete import keep


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "place"
    made.mkdir()
    return made


@pytest.fixture
def settings(tmp_path: Path, place: Path) -> Settings:
    allowed = (place.as_uri(),)
    return Settings(data=tmp_path / "data", codec_processes=1, export_to=allowed, import_from=allowed)


@pytest.fixture
def archive(settings: Settings, http: TestClient) -> Iterator[Archive]:
    opened = Archive.open(settings)
    yield opened
    opened.close()


def there(place: Path) -> dict[str, Any]:
    return {"type": "file", "settings": {"url": place.as_uri()}}


def test_import_and_export(http: TestClient, archive: Archive, place: Path) -> None:
    (place / "a").write_bytes(data.file())
    started = http.post("/dicomweb/import", json={"source": there(place)})
    assert (started.status_code, started.headers["Location"]) == (202, started.json()["href"])
    assert Worker(archive, "worker").run_next() is not None
    told = http.get(started.headers["Location"]).json()
    assert told["results"] == {"stored": 1, "storedAlready": 0, "failed": 0, "passedOver": 0}
    for root, succeeded in (("/v1", "completed"), ("/v2", "succeeded"), ("/dicomweb", "succeeded")):
        started = http.post(f"{root}/export", json={"destination": there(place)})
        assert started.status_code == 202
        assert Worker(archive, "worker").run_next() is not None
        told = http.get(started.headers["Location"]).json()
        assert (told["type"], told["status"], told["results"]["exported"]) == ("export", succeeded, 1)
        assert "secret" not in str(told)


def test_elsewhere_is_refused(http: TestClient, place: Path) -> None:
    elsewhere = there(place.parent)
    for path, body in (("export", {"destination": elsewhere}), ("import", {"source": elsewhere})):
        answer = http.post(f"/dicomweb/{path}", json=body)
        assert (answer.status_code, f"{path}_" in answer.text) == (400, True)


@pytest.mark.parametrize(("path", "status"), [("/v1.0-prerelease/export", 400), ("/v2/import", 404)])
def test_what_there_is_not(http: TestClient, place: Path, path: str, status: int) -> None:
    assert http.post(path, json={"source": there(place), "destination": there(place)}).status_code == status


@pytest.mark.parametrize("path", ["/v1/export", "/dicomweb/export", "/dicomweb/import"])
def test_without_a_setting_it_is_off(tmp_path: Path, path: str) -> None:
    app = create(Settings(data=tmp_path / "other", codec_processes=1))
    with TestClient(app, base_url="http://127.0.0.1:8080") as http:
        answer = http.post(path, json={})
    assert answer.status_code == 404
    if path.startswith("/dicomweb"):
        assert "setting" in answer.text
    else:  # as the Azure service answers
        assert (answer.content, answer.headers["api-supported-versions"]) == (b"", "1, 2")


@pytest.mark.parametrize("root", ["/v1", "/v2", "/dicomweb"])
def test_deidentified_at_any_root(http: TestClient, archive: Archive, place: Path, root: str) -> None:
    made = data.dataset()
    keep(archive, made)
    body = {"destination": there(place), "deidentify": "basic"}
    assert http.post(f"{root}/export", json=body).status_code == 202
    assert Worker(archive, "worker").run_next() is not None
    [path] = place.glob("*/results/*/*/*.dcm")
    assert made.StudyInstanceUID not in str(path)
    refused = http.post(f"{root}/export", json=body | {"deidentify": "strict"})
    assert (refused.status_code, "basic" in refused.text) == (400, True)

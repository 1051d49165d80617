"""The application as a whole: its life, and the page at its root."""

import threading
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from filmroom import __version__
from filmroom.archive import Archive
from filmroom.errors import Unavailable
from filmroom.server.app import create
from filmroom.settings import Settings
from tests import data
from tests.messages import sent, store

ROOT = "/dicomweb"


def test_the_root_says_what_is_here(http: TestClient) -> None:
    answer = http.get("/")
    assert answer.status_code == 200
    assert __version__ in answer.text
    assert all(path in answer.text for path in ("/dicomweb", "/v2", "/v1", "/health/check"))


def test_settings_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMROOM_DATA", str(tmp_path / "elsewhere"))
    with TestClient(create()):
        assert (tmp_path / "elsewhere" / "index.sqlite").exists()


def test_what_is_stored_outlives_the_application(settings: Settings) -> None:
    made = sent(data.image())
    with TestClient(create(settings), base_url="http://127.0.0.1:8080") as http:
        store(http, ROOT, made.content)
    with TestClient(create(settings), base_url="http://127.0.0.1:8080") as http:
        answer = http.get(ROOT + made.instance, headers={"Accept": "application/dicom; transfer-syntax=*"})
        assert answer.content == made.content


def test_its_threads_end_with_it(settings: Settings) -> None:
    before = {*threading.enumerate()}  # of other tests
    with TestClient(create(settings), base_url="http://127.0.0.1:8080") as http:
        store(http, ROOT, sent().content)
    left = {*threading.enumerate()} - before
    assert not [thread for thread in left if thread.name.startswith("service")]


def test_an_archive_that_cannot_be_opened_ends_it(settings: Settings) -> None:
    settings.data.mkdir()
    (settings.data / "index.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(Unavailable), TestClient(create(settings)):
        pass


def test_an_unforeseen_error_is_a_fixed_sentence(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("Doe^John")

    monkeypatch.setattr(Archive, "read", fail)
    made = sent(data.image())
    store(http, ROOT, made.content)
    answer = http.get(f"{ROOT}{made.instance}/frames/1")
    assert answer.status_code == 500
    assert answer.text.startswith("The server encountered an internal error.")
    assert "Doe" not in answer.text


def test_several_partitions_are_not_served_as_one(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", codec_processes=1, partitions=True)
    with TestClient(create(settings), base_url="http://127.0.0.1:8080") as http:
        headers = {"Accept": "application/dicom+json", "Content-Type": "application/dicom"}
        assert http.post("/v2/partitions/clinic/studies", content=data.file(), headers=headers).status_code == 200
    off = TestClient(create(Settings(data=tmp_path / "data", codec_processes=1)))
    with pytest.raises(Unavailable, match="2 data partitions"), off:
        pass

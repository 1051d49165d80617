"""`/health/check`."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from filmroom import metrics
from filmroom.archive import Archive
from filmroom.blobs.folder import Folder
from filmroom.blobs.objects import Objects
from filmroom.blobs.store import Content
from filmroom.server import health
from filmroom.server.app import create
from filmroom.settings import Settings
from tests.blobs.flaky import Flaky
from tests.blobs.test_objects import RawS3
from tests.service import DEADLINE, wait_until


def test_all_is_well(http: TestClient) -> None:
    answer = http.get("/health/check")
    assert answer.status_code == 200
    assert answer.json() == {
        "overallStatus": "Healthy",
        "details": [
            {"name": "index", "status": "Healthy", "description": "It answers."},
            {"name": "blobs", "status": "Healthy", "description": "It answers."},
            {"name": "spool", "status": "Healthy", "description": "It answers."},
            {"name": "audit", "status": "Healthy", "description": "It answers."},
        ],
    }


def test_health_alone_is_the_same(http: TestClient) -> None:
    assert http.get("/health").json() == http.get("/health/check").json()


def test_a_full_disk_is_503(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    answer = http.get("/health/check")
    assert (answer.status_code, answer.json()["overallStatus"]) == (503, "Unhealthy")
    unwell = [detail["name"] for detail in answer.json()["details"] if detail["status"] == "Unhealthy"]
    assert unwell == ["blobs"]
    monkeypatch.undo()
    wait_until(lambda: http.get("/health/check").status_code == 200)  # what was found is known for a second


def test_head_and_other_methods(http: TestClient) -> None:
    assert http.head("/health/check").content == b""
    answer = http.post("/health/check")
    assert (answer.status_code, sorted(answer.headers["Allow"].split(", "))) == (405, ["GET", "HEAD"])


@pytest.fixture
def on_a_bucket(tmp_path: Path, s3: str, proxy: Flaky) -> Iterator[TestClient]:
    """A service with one thread for requests, and a bucket that can be made to stand still."""
    bucket = RawS3(s3)
    options = bucket.options | {"endpoint": proxy.url}
    app = create(Settings(data=tmp_path / "data", threads=1, blobs=bucket.url, blobs_options=options))
    with TestClient(app, base_url="http://127.0.0.1:8080") as http:
        yield http
        proxy.let.set()


def told(http: TestClient) -> dict[str, str]:
    answer = http.get("/health/check").json()
    return {one["name"]: one["description"] for one in answer["details"] if one["status"] == "Unhealthy"}


def test_a_part_that_stands_still_is_told_and_takes_no_thread_of_requests(
    on_a_bucket: TestClient, proxy: Flaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    proxy.let.clear()
    wait_until(lambda: told(on_a_bucket) == {"blobs": "It does not answer."})
    answer = on_a_bucket.get("/health/check")
    assert (answer.status_code, answer.json()["overallStatus"]) == (503, "Unhealthy")
    assert on_a_bucket.get("/dicomweb/studies").status_code == 200
    proxy.let.set()
    monkeypatch.undo()  # a bucket that answers may take its time
    wait_until(lambda: told(on_a_bucket) == {})


def test_what_is_tried_already_is_not_tried_once_more(
    on_a_bucket: TestClient, proxy: Flaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.0)
    begun: list[str] = []
    put = Objects.put

    def counted(blobs: Objects, key: str, content: bytes) -> None:
        begun.append(key)
        put(blobs, key, content)

    monkeypatch.setattr(Objects, "put", counted)
    proxy.let.clear()
    assert "blobs" in told(on_a_bucket)
    wait_until(lambda: proxy.waiting)
    assert ["blobs" in told(on_a_bucket) for _ in range(5)] == [True] * 5
    assert (len(begun), proxy.waiting) == (1, 1)


def test_an_index_that_is_waited_for_too_long(
    http: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    with closing(Archive.open(settings)) as other:
        with other.index.begin():
            wait_until(lambda: told(http) == {"index": "It does not answer."})
        monkeypatch.undo()
        wait_until(lambda: told(http) == {})


def test_a_process_that_answers_is_live(http: TestClient) -> None:
    assert http.get("/health/live").json() == {"live": True}


def test_ready_is_who_can_read(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "READY_PATIENCE", DEADLINE)
    answer = http.get("/health/ready")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    assert [one["name"] for one in answer.json()["details"]] == ["process", "index", "blobs"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_who_is_about_to_end_is_live_but_not_ready(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ending", threading.Event())
    health.ending.set()
    answer = http.get("/health/ready")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert answer.json()["details"][0]["description"] == "It is about to end."
    assert http.get("/health/live").status_code == 200


def test_who_waits_for_a_bucket_is_not_ready(
    on_a_bucket: TestClient, proxy: Flaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "READY_PATIENCE", 0.05)
    proxy.let.clear()
    answer = on_a_bucket.get("/health/ready")
    assert (answer.status_code, answer.json()["details"][2]["description"]) == (503, "It does not answer.")
    assert on_a_bucket.get("/health/live").status_code == 200
    told = on_a_bucket.get("/metrics").text  # a scrape does not wait for it either
    assert "\nfilmroom_ready 0.0\n" in told
    proxy.let.set()
    monkeypatch.undo()
    wait_until(lambda: on_a_bucket.get("/health/ready").status_code == 200)


def test_a_flood_of_checks_writes_once(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    put = Folder.put

    def counted(blobs: Folder, key: str, content: Content) -> None:
        written.append(key)
        put(blobs, key, content)

    monkeypatch.setattr(Folder, "put", counted)
    monkeypatch.setattr(time, "monotonic", lambda: 1e6)  # no second passes
    assert {http.get("/health/check").status_code for _ in range(20)} == {200}
    assert len(written) == 1


def test_a_flood_of_questions_is_one_look(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def looks() -> float:
        return metrics.REGISTRY.get_sample_value("filmroom_index_transaction_seconds_count", {"kind": "read"}) or 0.0

    monkeypatch.setattr(time, "monotonic", lambda: 1e6)  # no second passes
    http.get("/health/ready")
    before = looks()
    assert {http.get("/health/ready").status_code for _ in range(20)} == {200}
    assert looks() == before

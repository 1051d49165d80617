"""`/health/check`."""

import errno
import os

import pytest
from starlette.testclient import TestClient


def test_all_is_well(http: TestClient) -> None:
    answer = http.get("/health/check")
    assert answer.status_code == 200
    assert answer.json() == {
        "overallStatus": "Healthy",
        "details": [
            {"name": "index", "status": "Healthy", "description": "It answers."},
            {"name": "blobs", "status": "Healthy", "description": "It answers."},
            {"name": "spool", "status": "Healthy", "description": "It answers."},
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
    assert [detail["status"] for detail in answer.json()["details"]] == ["Healthy", "Unhealthy", "Healthy"]
    monkeypatch.undo()
    assert http.get("/health/check").status_code == 200


def test_head_and_other_methods(http: TestClient) -> None:
    assert http.head("/health/check").content == b""
    answer = http.post("/health/check")
    assert (answer.status_code, sorted(answer.headers["Allow"].split(", "))) == (405, ["GET", "HEAD"])

"""PostgreSQL goes in the middle of everything and comes back: 503 meanwhile, and nothing acknowledged is lost.

`AWAY_SECONDS` makes it stay away for longer, such as for longer than any client or pool waits.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psycopg
import pytest

from tests import data, postgresql, service, truth
from tests.messages import Sent, sent, store, values
from tests.postgresql import Interrupted
from tests.service import Service, needs_proc, wait_until
from tests.test_cluster_faults import standing_still

pytestmark = needs_proc

ROOT = "/dicomweb"
PATIENCE = 30.0  # seconds that a client waits for an answer
AWAY = float(os.environ.get("AWAY_SECONDS", "2"))
SENDERS, READERS = 3, 2
TAG = "00181030"
WITHOUT = {"index": "Unhealthy", "blobs": "Healthy", "spool": "Healthy", "audit": "Healthy"}


@pytest.fixture
def database() -> Iterator[Interrupted]:
    with postgresql.interrupted() as server:
        yield server


@pytest.fixture
def running(tmp_path: Path, database: Interrupted) -> Iterator[Service]:
    with service.running(tmp_path / "data", "--workers", "2", index=database.url) as running:
        wait_until(running.is_healthy, every=0.1)  # it listens before it answers
        yield running


@pytest.fixture
def http(running: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=running.url, timeout=PATIENCE) as client:
        yield client


@dataclass
class Told:
    """What clients were told."""

    acknowledged: list[Sent] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    refused: int = 0  # with 503
    wrong: list[str] = field(default_factory=list)

    def note(self, answer: httpx2.Response) -> None:
        self.statuses.add(answer.status_code)
        if answer.status_code == 503:
            self.refused += 1
            if "Retry-After" not in answer.headers or "The index can't be used" not in answer.text:
                self.wrong.append(answer.text)
        elif answer.status_code >= 500:
            self.wrong.append(answer.text)


@contextmanager
def clients(url: str) -> Iterator[Told]:
    """Clients that store and search all the time, whatever they are told; who gets no answer fails the test."""
    told, done = Told(), threading.Event()

    def send() -> None:
        study = data.uid()
        with httpx2.Client(base_url=url, timeout=PATIENCE) as http:
            while not done.is_set():
                made = [sent(StudyInstanceUID=study, ProtocolName="Knee") for _ in range(2)]
                told.note(answer := store(http, ROOT, *(one.content for one in made)))
                if answer.status_code == 200:
                    told.acknowledged += made

    def read() -> None:
        with httpx2.Client(base_url=url, timeout=PATIENCE) as http:
            while not done.is_set():
                told.note(http.get(f"{ROOT}/studies", params={"ModalitiesInStudy": "CT"}))

    threads = [threading.Thread(target=send) for _ in range(SENDERS)]
    threads += [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        done.set()
        for thread in threads:
            thread.join()


def health(http: httpx2.Client) -> dict[str, str]:
    return {part["name"]: part["status"] for part in http.get("/health/check").json()["details"]}


def test_stores_and_searches_are_refused_until_it_is_back(
    running: Service, http: httpx2.Client, database: Interrupted
) -> None:
    with clients(running.url) as told:
        for seconds in (0.0, AWAY):
            known = len(told.acknowledged)
            wait_until(lambda known=known: len(told.acknowledged) > known + 10)  # type: ignore[misc]
            database.stop()
            back, known = time.monotonic() + seconds, told.refused
            wait_until(lambda known=known: told.refused > known + 10)  # type: ignore[misc]
            wait_until(lambda: health(http) == WITHOUT)  # what each worker has found is known to it for a second
            while time.monotonic() < back:
                assert http.get("/health/check").status_code == 503
            wait_until(lambda: health(http) == WITHOUT)
            database.start()
            wait_until(lambda: http.get("/health/check").status_code == 200)
        known = len(told.acknowledged)
        wait_until(lambda: len(told.acknowledged) > known + 10)
    assert told.wrong == []
    assert told.statuses == {200, 503}
    there = {values(match, truth.INSTANCE_UID)[0] for match in truth.found(http, "/instances")}
    assert {one.dataset.SOPInstanceUID for one in told.acknowledged} <= there
    truth.check(http)
    assert not running.mishaps()


def test_the_operations_worker_goes_on_where_it_was(
    running: Service, http: httpx2.Client, database: Interrupted
) -> None:
    made = [sent(ProtocolName="Knee") for _ in range(3)]
    assert store(http, ROOT, *(one.content for one in made)).status_code == 200
    wait_until(running.operations_worker)
    worker = running.operations_worker()
    with suppress(psycopg.OperationalError), standing_still(database.url, "instance_tag_value") as wanted:  # its end
        answer = http.post(f"{ROOT}/extendedquerytags", json=[{"path": TAG, "level": "Instance"}])
        operation = f"{ROOT}/operations/{answer.json()['id']}"
        wait_until(wanted)
        database.stop()
        assert http.get(operation).status_code == 503
    wait_until(lambda: '"unavailable"' in running.logged())
    database.start()
    wait_until(lambda: http.get(operation).status_code == 200)
    assert http.get(operation).json()["status"] == "succeeded"
    assert running.operations_worker() == worker
    assert len(list(truth.found(http, f"/instances?{TAG}=Knee"))) == 3
    assert not running.mishaps()

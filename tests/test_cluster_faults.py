"""Parts of a cluster that end in the middle: what was acknowledged is there, what was begun is finished by others."""

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest

from tests import cluster, data, service, truth
from tests.cluster import Cluster, operations_worker
from tests.conftest import Elsewhere
from tests.messages import JSON, Sent, sent, store, values
from tests.service import Service, needs_proc, wait_until

pytestmark = needs_proc

ROOT = "/dicomweb"
STORED = {"Accept": "application/dicom; transfer-syntax=*"}
SENDERS = 6
TAG = "00181030"
PATIENT_ID, UPDATED = "00100020", "Updated"


@pytest.fixture(scope="module")
def index(elsewhere: Elsewhere) -> Iterator[str]:
    with elsewhere("postgresql") as index:
        assert index
        yield index


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, index: str) -> Iterator[Cluster]:
    with cluster.running(tmp_path_factory.mktemp("faults"), {"FILMROOM_INDEX": index}) as running:
        yield running
        for url in running.urls:
            with httpx2.Client(base_url=url, timeout=60) as http:
                truth.check(http)


@pytest.fixture
def http(running: Cluster) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=running.urls[0], timeout=60) as client:
        yield client


# --- kill -9 of web workers while all store


class Sender(threading.Thread):
    """A client that stores until it is told to end; a connection that breaks is none of its concern."""

    def __init__(self, url: str, acknowledged: list[Sent], done: threading.Event) -> None:
        super().__init__()
        self.url, self.acknowledged, self.done = url, acknowledged, done
        self.broken = 0
        self.failed: list[str] = []

    def run(self) -> None:
        study = data.uid()
        with httpx2.Client(base_url=self.url, timeout=60) as http:
            while not self.done.is_set():
                made = [sent(StudyInstanceUID=study) for _ in range(3)]
                try:
                    answer = store(http, ROOT, *(one.content for one in made))
                except httpx2.TransportError:
                    self.broken += 1
                    continue
                if answer.status_code == 200:
                    self.acknowledged += made
                else:
                    self.failed.append(answer.text)


def test_web_workers_killed_in_the_midst_of_stores_cost_nothing_that_was_acknowledged(
    running: Cluster, http: httpx2.Client
) -> None:
    acknowledged: list[Sent] = []
    done = threading.Event()
    senders = [Sender(running.urls[number % 2], acknowledged, done) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    try:
        for turn in itertools.count():  # each service has another worker, that goes on
            if turn >= len(running.services) and any(sender.broken for sender in senders):
                break  # a worker that had no sender at that moment breaks nothing
            one = running.services[turn % len(running.services)]
            known = len(acknowledged)
            wait_until(lambda known=known: len(acknowledged) > known + 30)  # type: ignore[misc]
            wait_until(lambda one=one: len(one.accepting()) == 2)  # type: ignore[misc]
            os.kill(one.accepting()[0], signal.SIGKILL)
    finally:
        done.set()
        for sender in senders:
            sender.join()
    assert [text for sender in senders for text in sender.failed] == []
    there = {values(match, truth.INSTANCE_UID)[0] for match in truth.found(http, "/instances")}
    assert {one.dataset.SOPInstanceUID for one in acknowledged} <= there
    for made in acknowledged[-10:]:
        assert http.get(ROOT + made.instance, headers=STORED).content == made.content
    truth.check(http)


# --- kill -9 of the operations worker in the middle of each operation


@contextmanager
def standing_still(index: str, table: str) -> Iterator[Callable[[], bool]]:
    """Nobody writes to a table as long as the block lasts; gives whether somebody wants to."""
    with psycopg.connect(index) as holder, psycopg.connect(index, autocommit=True) as watcher:
        holder.execute(f"LOCK TABLE {table} IN SHARE MODE".encode())
        waiting = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass"
        yield lambda: watcher.execute(waiting.encode()).fetchone() != (0,)


def sweeping(http: httpx2.Client, place: Path) -> str:
    made = [sent() for _ in range(3)]
    for one in made:
        assert store(http, ROOT, one.content).status_code == 200
        assert http.delete(ROOT + one.study).status_code == 204
    return f"{ROOT}/operations/{http.post(ROOT + '/sweep').json()['id']}"


def reindexing(http: httpx2.Client, place: Path) -> str:
    made = [sent(ProtocolName="Knee") for _ in range(3)]
    assert store(http, ROOT, *(one.content for one in made)).status_code == 200
    answer = http.post(f"{ROOT}/extendedquerytags", json=[{"path": TAG, "level": "Instance"}])
    return f"{ROOT}/operations/{answer.json()['id']}"


def exporting(http: httpx2.Client, place: Path) -> str:
    """Of what is stored, and of what is not: that its batch has to write down."""
    made = [sent() for _ in range(3)]
    assert store(http, ROOT, *(one.content for one in made)).status_code == 200
    for one in made:  # what shall come out
        path = place / "wanted" / f"{one.dataset.SOPInstanceUID}.dcm"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(one.content)
    values = [*(one.dataset.StudyInstanceUID for one in made), data.uid()]
    body = {"source": {"type": "identifiers", "settings": {"values": values}}, "destination": there(place)}
    return f"{ROOT}/operations/{http.post(f'{ROOT}/export', json=body).json()['id']}"


def importing(http: httpx2.Client, place: Path) -> str:
    for number in range(3):
        (place / f"{number}").write_bytes(sent().content)
    answer = http.post(f"{ROOT}/import", json={"source": there(place)})
    return f"{ROOT}/operations/{answer.json()['id']}"


def there(place: Path) -> dict[str, object]:
    return {"type": "file", "settings": {"url": place.as_uri()}}


def updating(http: httpx2.Client, place: Path) -> str:
    study = data.uid()
    made = [sent(StudyInstanceUID=study, PatientID="ID1") for _ in range(3)]
    assert store(http, ROOT, *(one.content for one in made)).status_code == 200
    changes = {PATIENT_ID: {"vr": "LO", "Value": [UPDATED]}}
    answer = http.post(f"{ROOT}/studies/$bulkUpdate", json={"studyInstanceUids": [study], "changeDataset": changes})
    return f"{ROOT}/operations/{answer.json()['id']}"


# Who begins an operation, and the table that its batches write to.
OPERATIONS = {
    "sweep": (sweeping, "deleted_blob"),
    "reindex": (reindexing, "instance_tag_value"),
    "export": (exporting, "operation_failure"),
    "import": (importing, "instance"),
    "update": (updating, "instance"),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that exports may go to and imports come from."""
    made = tmp_path / "place"
    made.mkdir()
    return made


@pytest.fixture
def without_worker(tmp_path: Path, place: Path, elsewhere: Elsewhere) -> Iterator[tuple[Service, str]]:
    allowed = {"FILMROOM_EXPORT_TO": place.as_uri(), "FILMROOM_IMPORT_FROM": place.as_uri()}
    with (
        elsewhere("postgresql") as index,
        service.running(
            tmp_path / "data",
            "--no-operations-worker",
            given={"FILMROOM_INDEX": str(index), "FILMROOM_SWEEP_DELAY": "0"} | allowed,
        ) as running,
    ):
        yield running, str(index)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_operations_worker_killed_in_the_middle_another_finishes(
    without_worker: tuple[Service, str], place: Path, name: str
) -> None:
    running, index = without_worker
    begin, table = OPERATIONS[name]
    with httpx2.Client(base_url=running.url, timeout=60) as http, ExitStack() as stack:
        operation = begin(http, place)
        variables = {"FILMROOM_INDEX": index}
        with standing_still(index, table) as wanted:
            first = stack.enter_context(operations_worker(running.data, variables))
            wait_until(wanted)
            first.kill()
            first.wait()
            assert http.get(operation).status_code == 202
            assert running.operations_worker() is None  # of the service's own, which it was told not to have
        with psycopg.connect(index) as connection:  # as after the two minutes of a lease
            connection.execute("UPDATE operation SET leased_until = 0")
        stack.enter_context(operations_worker(running.data, variables))
        wait_until(lambda: http.get(operation).status_code == 200)
        assert http.get(operation).json()["status"] == "succeeded"
        check_done[name](running, http)
        truth.check(http)


def check_swept(running: Service, http: httpx2.Client) -> None:
    assert not [path for path in (running.data / "blobs").rglob("*") if len(path.name) == 32]


def check_reindexed(running: Service, http: httpx2.Client) -> None:
    assert len(list(truth.found(http, f"/instances?{TAG}=Knee"))) == 3


def check_exported(running: Service, http: httpx2.Client) -> None:
    place = running.data.parent / "place"
    wanted = {path.name: path.read_bytes() for path in (place / "wanted").iterdir()}
    assert {path.name: path.read_bytes() for path in place.glob("*/results/*/*/*")} == wanted
    (log,) = place.glob("*/errors.log")
    assert len(log.read_text().splitlines()) == 1
    assert not list(place.rglob(".*"))


def check_imported(running: Service, http: httpx2.Client) -> None:
    assert len(list(truth.found(http, "/instances"))) == 3


def check_updated(running: Service, http: httpx2.Client) -> None:
    """Once, and the first versions are kept."""
    assert len(list(truth.found(http, f"/instances?PatientID={UPDATED}"))) == 3
    entries = truth.feed(http)
    assert [entry["action"] for entry in entries] == ["Create"] * 3 + ["Update"] * 3
    original = {"Accept": JSON["Accept"], "msdicom-request-original": "true"}
    [study] = {entry["studyInstanceUid"] for entry in entries}
    for metadata, patients in (JSON, {UPDATED}), (original, {"ID1"}):
        found = http.get(f"{ROOT}/studies/{study}/metadata", headers=metadata).json()
        assert {values(one, PATIENT_ID)[0] for one in found} == patients


check_done = {
    "sweep": check_swept,
    "reindex": check_reindexed,
    "export": check_exported,
    "import": check_imported,
    "update": check_updated,
}

"""Two services on one PostgreSQL: whichever of them is asked, the answer is the same and not older than what was said.

With PostgreSQL by itself, and with a pooler of transactions before it that has few sessions for many connections.
`CLUSTER_SECONDS` and `CLUSTER_WRITERS` make the mixed load longer and heavier.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx2
import psycopg
import pytest

from tests import cluster, data, postgresql, truth
from tests.cluster import Cluster, at_once
from tests.conftest import Elsewhere
from tests.messages import JSON, Sent, sent, store, stored, values
from tests.pgbouncer import needs_pgbouncer
from tests.service import check_counts, needs_proc, wait_until

pytestmark = needs_proc

ROOT = "/dicomweb"
STORED = {"Accept": "application/dicom; transfer-syntax=*"}
SECONDS = float(os.environ.get("CLUSTER_SECONDS", "4"))
WRITERS = int(os.environ.get("CLUSTER_WRITERS", "6"))
PATIENT_ID = "00100020"


POOLED = pytest.param("pgbouncer", marks=needs_pgbouncer)
with_a_bucket = pytest.mark.parametrize("running", ["folder", "bucket", POOLED], indirect=True)


@pytest.fixture(scope="module", params=["folder", POOLED])
def running(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    elsewhere: Elsewhere,
) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with elsewhere("postgresql") as index:
        assert index
        asked = index
        if request.param == "pgbouncer":
            asked = request.getfixturevalue("pooler").url(postgresql.name(index))
        variables = {"FILMROOM_INDEX": asked, "FILMROOM_PUBLIC_URL": "http://images.example"}  # of both, as by a proxy
        if request.param == "bucket":
            variables |= request.getfixturevalue("bucket_of")("cluster")
        with cluster.running(folder, variables) as running:
            yield running
            check(running)
        with psycopg.connect(index) as connection:
            check_counts(connection)
    assert not running.mishaps()


def check(running: Cluster) -> list[dict[str, object]]:
    """All services tell one and the same story; gives the change feed."""
    feeds = []
    for url in running.urls:
        with httpx2.Client(base_url=url, timeout=60) as http:
            feeds.append(truth.check(http))
    assert all(feed == feeds[0] for feed in feeds)
    return feeds[0]


@pytest.fixture
def both(running: Cluster) -> Iterator[list[httpx2.Client]]:
    with ExitStack() as stack:
        yield [stack.enter_context(httpx2.Client(base_url=url, timeout=60)) for url in running.urls]


# --- Stores of all kinds and deletes of all levels, of few Instances, by many


@dataclass
class Load:
    """What clients have been told: stores by Instance, and whatever should not have been."""

    kept: Counter[truth.Path] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Writer(threading.Thread):
    """A client that stores, replaces and deletes, of either service, until the time is over."""

    def __init__(self, url: str, load: Load, uids: list[tuple[str, str, list[str]]], until: float, seed: int) -> None:
        super().__init__()
        self._url, self._load, self._uids, self._until = url, load, uids, until
        self._random = random.Random(seed)

    def run(self) -> None:
        with httpx2.Client(base_url=self._url, timeout=60) as http:
            while time.monotonic() < self._until:
                method = self._random.choices(["POST", "PUT", "DELETE"], [5, 3, 2])[0]
                if method == "DELETE":
                    self._remove(http)
                else:
                    self._store(http, method)

    def _store(self, http: httpx2.Client, method: str) -> None:
        made = []
        for study, series, instances in self._random.sample(self._uids, self._random.randint(1, 3)):
            uids = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
            modality = self._random.choice(["CT", "MR", "US", None])
            chosen = self._random.choice(instances)
            made.append(sent(**uids, SOPInstanceUID=chosen, PatientID=data.uid()[-16:], Modality=modality))
        answer = store(http, ROOT, *(one.content for one in made), method=method)
        if answer.status_code not in {200, 202, 409}:
            self._load.wrong.append(f"{method} {answer.status_code} {answer.text}")
            return
        told = Counter(stored(answer))
        for one in made:
            if told[one.dataset.SOPInstanceUID]:
                ends = (one.dataset.StudyInstanceUID, one.dataset.SeriesInstanceUID, one.dataset.SOPInstanceUID)
                self._load.kept[ends] += 1

    def _remove(self, http: httpx2.Client) -> None:
        study, series, instances = self._random.choice(self._uids)
        path = f"/studies/{study}"
        path += self._random.choice(["", f"/series/{series}", f"/series/{series}/instances/{instances[0]}"])
        answer = http.delete(ROOT + path)
        if answer.status_code not in {204, 404}:
            self._load.wrong.append(f"DELETE {answer.status_code} {answer.text}")


@with_a_bucket
def test_whatever_is_stored_replaced_and_deleted_at_once_nothing_is_lost(running: Cluster) -> None:
    studies = [data.uid() for _ in range(3)]
    uids = [(study, data.uid(), [data.uid() for _ in range(3)]) for study in studies for _ in range(2)]
    load, until = Load(), time.monotonic() + SECONDS
    writers = [Writer(running.urls[number % 2], load, uids, until, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert load.wrong == []
    entries = [entry for entry in check(running) if entry["studyInstanceUid"] in studies]
    told = Counter(truth.path_of(entry) for entry in entries if entry["action"] != "Delete")
    assert told == load.kept


# --- A version that was acknowledged by one service is what the other gives, and its ETag is its own


@with_a_bucket
def test_puts_by_one_service_are_what_the_other_gives(running: Cluster) -> None:
    """Readers ask with the ETag that they had last; versions are numbered by PatientID."""
    uids: dict[str, Any] = {f"{of}InstanceUID": data.uid() for of in ("Study", "Series", "SOP")}
    versions = [sent(data.image(PatientID=str(number), **uids)) for number in range(40)]
    acknowledged, done = [0], threading.Event()
    known: dict[tuple[str, str], dict[str, bytes]] = {}  # by each reader
    with httpx2.Client(base_url=running.urls[0], timeout=60) as http:
        assert store(http, ROOT, versions[0].content).status_code == 200
    paths = {
        f"{versions[0].study}/metadata": JSON,
        f"{versions[0].instance}/metadata": JSON,
        versions[0].instance: STORED,
    }

    def read(url: str, path: str, headers: dict[str, str]) -> dict[str, bytes]:
        contents = known[url, path] = {}
        etag = ""
        with httpx2.Client(base_url=url, timeout=60) as http:
            while not done.is_set():
                before = acknowledged[0]
                answer = http.get(ROOT + path, headers=headers | ({"If-None-Match": etag} if etag else {}))
                if answer.status_code == 200:
                    etag = answer.headers["ETag"]
                    assert contents.setdefault(etag, answer.content) == answer.content
                else:
                    assert (answer.status_code, answer.headers["ETag"]) == (304, etag)
                assert _version(contents[etag]) >= before
        return contents

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read, url, path, accept) for url in running.urls for path, accept in paths.items()]
        try:
            wait_until(lambda: len(known) == 2 * len(paths) and all([*known.values()]))
            _put(running, versions, acknowledged)
            wait_until(lambda: all(len(contents) > 1 for contents in known.values()))
        finally:
            done.set()
        read_by = [reader.result() for reader in readers]
    for of_a, of_b in zip(read_by[:3], read_by[3:], strict=True):
        assert all(of_a[etag] == of_b[etag] for etag in of_a.keys() & of_b.keys())
        assert len(set(of_a.values())) == len(of_a) > 1


def _put(running: Cluster, versions: list[Sent], acknowledged: list[int]) -> None:
    with ExitStack() as stack:
        both = [stack.enter_context(httpx2.Client(base_url=url, timeout=60)) for url in running.urls]
        for number, version in enumerate(versions[1:], 1):
            assert store(both[number % 2], ROOT, version.content, method="PUT").status_code == 200
            acknowledged[0] = number


def _version(content: bytes) -> int:
    """The PatientID in a file or in Metadata."""
    if content.startswith(b"["):
        return int(content.partition(b'"00100020":{"vr":"LO","Value":["')[2].partition(b'"')[0])
    return int(content.partition(b"\x10\x00\x20\x00LO")[2][2:].split(b"\x10\x00")[0].strip())


# --- Updates by the operations worker, asked for at one service while both give what they change


@with_a_bucket
def test_updates_are_whole_at_both_services(both: list[httpx2.Client]) -> None:
    """Whoever reads meanwhile sees all of an update or none of it, and each version has an ETag of its own."""
    study, updates = data.uid(), 3
    made = [sent(StudyInstanceUID=study, PatientID="0") for _ in range(20)]
    assert store(both[0], ROOT, *(one.content for one in made)).status_code == 200
    seen: dict[str, bytes] = {}
    assert {_patient(http, study, seen, len(made)) for http in both} == {"0"}
    for number in range(1, updates + 1):
        changes = {PATIENT_ID: {"vr": "LO", "Value": [str(number)]}}
        asked = {"studyInstanceUids": [study], "changeDataset": changes}
        begun = both[number % 2].post(f"{ROOT}/studies/$bulkUpdate", json=asked)
        operation = f"{ROOT}/operations/{begun.json()['id']}"
        while (state := both[0].get(operation)).status_code == 202:
            assert {_patient(http, study, seen, len(made)) for http in both} <= {str(number - 1), str(number)}
        assert state.json()["status"] == "succeeded"
        assert {_patient(http, study, seen, len(made)) for http in both} == {str(number)}
        for http in both:
            found = http.get(f"{ROOT}/studies", params={"StudyInstanceUID": study, "PatientID": str(number)}).json()
            assert [values(match, truth.INSTANCES) for match in found] == [[len(made)]]
    assert len(set(seen.values())) == len(seen) == updates + 1
    entries = Counter(entry["action"] for entry in truth.feed(both[1]) if entry["studyInstanceUid"] == study)
    assert entries == {"Create": len(made), "Update": len(made) * updates}


def _patient(http: httpx2.Client, study: str, seen: dict[str, bytes], count: int) -> str:
    """The one PatientID of all Instances of a Study, by their Metadata."""
    answer = http.get(f"{ROOT}/studies/{study}/metadata", headers=JSON)
    assert seen.setdefault(answer.headers["ETag"], answer.content) == answer.content
    found = answer.json()
    [patient] = {values(one, PATIENT_ID)[0] for one in found}
    assert len(found) == count
    return str(patient)


# --- Query tags, declared while all store


def test_query_tags_declared_meanwhile_find_everything(running: Cluster, both: list[httpx2.Client]) -> None:
    study, until = data.uid(), time.monotonic() + SECONDS
    kept: list[str] = []

    def write(url: str) -> None:
        with httpx2.Client(base_url=url, timeout=60) as http:
            while time.monotonic() < until or len(kept) <= 20:
                made = [sent(StudyInstanceUID=study, ProtocolName="Knee") for _ in range(3)]
                assert store(http, ROOT, *(one.content for one in made)).status_code == 200
                kept.extend(one.dataset.SOPInstanceUID for one in made)

    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write, running.urls[number % 2]) for number in range(WRITERS)]
        wait_until(lambda: len(kept) > 20)
        answer = both[0].post("/v2/extendedquerytags", json=[{"path": "00181030", "level": "Instance"}])
        assert answer.status_code == 202, answer.text
        for one in writing:
            one.result()
    operation = answer.json()["href"].removeprefix("http://images.example")
    wait_until(lambda: both[1].get(operation).status_code == 200)
    for http in both:
        found = list(truth.found(http, f"/studies/{study}/instances?00181030=Knee"))
        assert Counter(values(match, truth.INSTANCE_UID)[0] for match in found) == Counter(kept)


# --- Long operations, wherever they were asked for


def test_an_operation_asked_for_at_a_service_is_done_by_the_worker(both: list[httpx2.Client]) -> None:
    made = sent()
    assert store(both[0], ROOT, made.content).status_code == 200
    assert both[1].delete(ROOT + made.study).status_code == 204
    swept = both[0].post(f"{ROOT}/sweep").json()["id"]
    wait_until(lambda: both[1].get(f"{ROOT}/operations/{swept}").status_code == 200)
    assert both[1].get(f"{ROOT}/operations/{swept}").json()["status"] == "succeeded"


def test_deletes_at_both_services_remove_once(running: Cluster, both: list[httpx2.Client]) -> None:
    made = sent()
    assert store(both[0], ROOT, made.content).status_code == 200
    delete: Callable[[httpx2.Client], httpx2.Response] = lambda http: http.delete(ROOT + made.study)  # noqa: E731
    assert sorted(answer.status_code for answer in at_once(running, [delete] * 8)) == [204] + [404] * 7

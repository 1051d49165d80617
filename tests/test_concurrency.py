"""Several clients at once, on two processes, and on two services of two: nothing doubled, lost, or above 499."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests import cluster, data, service, truth
from tests.cluster import Served, at_once
from tests.conftest import Elsewhere
from tests.messages import JSON, Sent, failures, sent, store, stored, values
from tests.postgresql import EACH
from tests.service import check_counts, check_index

ROOT = "/dicomweb"
STORED = {"Accept": "application/dicom; transfer-syntax=*"}


with_a_bucket = pytest.mark.parametrize("running", [*EACH, "cluster", "bucket"], indirect=True)


@pytest.fixture(scope="module", params=[*EACH, "cluster"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("concurrency")
    with elsewhere("sqlite" if request.param == "sqlite" else "postgresql") as index, ExitStack() as stack:
        if request.param in {"cluster", "bucket"}:
            assert index
            variables = {"FILMROOM_INDEX": index}
            if request.param == "bucket":
                variables |= request.getfixturevalue("bucket_of")("concurrency")
            running: Served = stack.enter_context(cluster.running(folder, variables))
        else:
            running = stack.enter_context(service.running(folder / "data", "--workers", "2", index=index))
        yield running
        for url in running.urls:
            with httpx2.Client(base_url=url, timeout=60) as http:
                truth.check(http)
        check(folder / "data", index)
    assert not running.mishaps()


def check(folder: Path, index: str | None) -> None:
    if index is None:
        check_index(folder)
    else:
        with psycopg.connect(index) as connection:
            check_counts(connection)


@pytest.fixture
def http(running: Served) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=running.urls[0], timeout=60) as client:
        yield client


def storing(*contents: bytes, root: str = ROOT, method: str = "POST") -> Callable[[httpx2.Client], httpx2.Response]:
    return lambda http: store(http, root, *contents, method=method)


def search(http: httpx2.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get(ROOT + path).json()
    return found


@with_a_bucket
@pytest.mark.parametrize("turn", range(5))
def test_the_first_instances_of_one_study(running: Served, http: httpx2.Client, turn: int) -> None:
    study = data.uid()
    batches = [[sent(StudyInstanceUID=study) for _ in range(3)] for _ in range(8)]
    answers = at_once(running, [storing(*(one.content for one in batch)) for batch in batches])
    assert {answer.status_code for answer in answers} == {200}
    (match,) = search(http, f"/studies?StudyInstanceUID={study}")
    assert (values(match, "00201206"), values(match, "00201208")) == ([24], [24])
    found = {values(match, "00080018")[0] for match in search(http, f"/studies/{study}/instances")}
    assert found == {one.dataset.SOPInstanceUID for batch in batches for one in batch}


def test_the_first_instances_of_one_series(running: Served, http: httpx2.Client) -> None:
    study, series = data.uid(), data.uid()
    made = [sent(StudyInstanceUID=study, SeriesInstanceUID=series) for _ in range(16)]
    answers = at_once(running, [storing(one.content) for one in made])
    assert {answer.status_code for answer in answers} == {200}
    (match,) = search(http, f"/series?SeriesInstanceUID={series}")
    assert values(match, "00201209") == [16]
    assert len(http.get(f"{ROOT}/studies/{study}/metadata").json()) == 16


def test_the_same_studies_in_opposite_order(running: Served, http: httpx2.Client) -> None:
    studies = [data.uid() for _ in range(6)]
    batches = [[sent(StudyInstanceUID=study) for study in studies[:: 1 if turn % 2 else -1]] for turn in range(8)]
    answers = at_once(running, [storing(*(one.content for one in batch)) for batch in batches])
    assert {answer.status_code for answer in answers} == {200}
    for study in studies:
        assert len(search(http, f"/studies/{study}/instances")) == 8


def test_the_same_instance_by_identical_bytes(running: Served, http: httpx2.Client) -> None:
    made = sent()
    answers = at_once(running, [storing(made.content)] * 8)
    assert {answer.status_code for answer in answers} == {200}
    assert len(search(http, f"{made.study}/instances")) == 1
    assert http.get(ROOT + made.instance, headers=STORED).content == made.content


def test_the_same_instance_at_azure_is_stored_once(running: Served) -> None:
    made = sent()
    answers = at_once(running, [storing(made.content, root="/v2")] * 8)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert {code for answer in answers for code in failures(answer)} == {45070}


def versions(count: int) -> list[Sent]:
    """The same UIDs with different bytes."""
    uids = {name: data.uid() for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}
    return [sent(PatientID=f"ID{number}", **uids) for number in range(count)]


def test_other_bytes_under_the_same_uids_one_wins(running: Served, http: httpx2.Client) -> None:
    made = versions(8)
    answers = at_once(running, [storing(one.content) for one in made])
    (winner,) = [one for one, answer in zip(made, answers, strict=True) if stored(answer)]
    assert http.get(ROOT + winner.instance, headers=STORED).content == winner.content


@with_a_bucket
def test_puts_of_one_instance_leave_one_whole_version(running: Served, http: httpx2.Client) -> None:
    made = versions(8)
    answers = at_once(running, [storing(one.content, method="PUT") for one in made])
    assert {answer.status_code for answer in answers} == {200}
    content = http.get(ROOT + made[0].instance, headers=STORED).content
    (kept,) = [one for one in made if one.content == content]
    (metadata,) = http.get(f"{ROOT}{kept.study}/metadata").json()
    (match,) = search(http, f"/studies?StudyInstanceUID={kept.dataset.StudyInstanceUID}")
    assert values(metadata, "00100020") == values(match, "00100020") == [kept.dataset.PatientID]
    assert values(match, "00201208") == [1]


@with_a_bucket
def test_stores_and_deletes_of_one_study(running: Served, http: httpx2.Client) -> None:
    study = data.uid()
    made = [sent(StudyInstanceUID=study) for _ in range(8)]
    deletes = [lambda http: http.delete(f"{ROOT}/studies/{study}")] * 8
    answers = at_once(running, [storing(one.content) for one in made] + deletes)
    assert {answer.status_code for answer in answers[:8]} == {200}
    assert {answer.status_code for answer in answers[8:]} <= {204, 404}
    left = {values(match, "00080018")[0] for match in search(http, f"/studies/{study}/instances")}
    for one in made:
        there = http.get(ROOT + one.instance, headers=STORED)
        assert (there.status_code == 200) == (one.dataset.SOPInstanceUID in left)


@pytest.mark.parametrize("kind", EACH)
def test_services_that_start_on_a_new_archive_at_once(tmp_path: Path, elsewhere: Elsewhere, kind: str) -> None:
    start = threading.Barrier(3)

    def run(number: int) -> int:
        # The log of a service lies beside its data, so each comes by a way of its own.
        (tmp_path / str(number)).symlink_to(tmp_path / "data", target_is_directory=True)
        start.wait()
        with (
            service.running(tmp_path / str(number), index=index) as running,
            httpx2.Client(base_url=running.url, timeout=60) as http,
        ):
            return store(http, ROOT, sent().content).status_code

    (tmp_path / "data").mkdir()
    with elsewhere(kind) as index, ThreadPoolExecutor(3) as pool:
        assert list(pool.map(run, range(3))) == [200] * 3
        check(tmp_path / "data", index)


@with_a_bucket
def test_readers_see_whole_requests_while_others_write(running: Served, http: httpx2.Client) -> None:
    study, done = data.uid(), threading.Event()
    seen: list[int] = []

    def read() -> None:
        with httpx2.Client(base_url=running.urls[-1], timeout=60) as reader:
            while not done.is_set():
                answer = reader.get(f"{ROOT}/studies/{study}/metadata", headers=JSON)
                seen.append(len(answer.json()) if answer.status_code == 200 else 0)

    reading = threading.Thread(target=read)
    reading.start()
    batches = [[sent(StudyInstanceUID=study) for _ in range(5)] for _ in range(8)]
    at_once(running, [storing(*(one.content for one in batch)) for batch in batches])
    done.set()
    reading.join()
    assert all(count % 5 == 0 for count in seen)
    assert seen == sorted(seen)

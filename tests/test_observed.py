"""A service of several processes is seen as one, whichever of them is asked, and whoever dies."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import service
from tests.messages import sent, store
from tests.service import Service, needs_proc, wait_until

pytestmark = needs_proc
ROUTE = "/dicomweb/studies"
SEARCHES = ("filmroom_http_request_duration_seconds_count", "GET", ROUTE, "2xx")
BEGAN = "filmroom_process_start_time_seconds"
KNOWN_SWEEPS = ("filmroom_operations", "sweep", "succeeded")
SWEEPS = ("filmroom_operations_ended_total", "sweep", "succeeded")
SWEPT = "filmroom_swept_files_total"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    """Two web workers and an operations worker, all of which have begun."""
    with service.running(tmp_path / "data", "--workers", "2") as running:
        wait_until(lambda: len(running.accepting()) == 2)
        yield running


def get(running: Service, path: str) -> httpx2.Response:
    """By a connection of its own, which the kernel gives to any of the workers."""
    return httpx2.get(running.url + path, timeout=60)


def scraped(running: Service) -> dict[tuple[str, ...], float]:
    """Everything. What can't be found out in two seconds is left out of an answer, and is then asked for again."""
    told: dict[tuple[str, ...], float] = {}

    def all_told() -> bool:
        families = text_string_to_metric_families(get(running, "/metrics").text)
        told.clear()
        told.update({(one.name, *one.labels.values()): one.value for family in families for one in family.samples})
        return (BEGAN, "web-0") in told and KNOWN_SWEEPS in told

    wait_until(all_told, every=0.1)
    return told


def test_totals_are_of_all_processes(running: Service) -> None:
    for _ in range(30):
        get(running, ROUTE)
    with httpx2.Client(base_url=running.url, timeout=60) as http:
        made = [sent() for _ in range(3)]
        for one in made:
            store(http, "/dicomweb", one.content)
            http.delete("/dicomweb" + one.study)
        http.post("/dicomweb/sweep")
    wait_until(lambda: (told := scraped(running)).get(SWEEPS) == 1 and told.get(SEARCHES) == 30, every=0.2)
    for told in (scraped(running) for _ in range(6)):  # of both workers, whoever is asked
        assert told[SEARCHES] == 30
        assert told["filmroom_store_instances_total", "stored", ""] == 3
        assert told[KNOWN_SWEEPS] == told[SWEEPS] == 1
        assert {name[1] for name in told if name[0] == BEGAN} == {"web-0", "web-1", "operations"}
        assert told["filmroom_threads",] == 2 * 16


def test_nothing_is_lost_with_a_worker_that_dies(running: Service) -> None:
    for _ in range(10):
        get(running, ROUTE)
    wait_until(lambda: scraped(running).get(SEARCHES) == 10, every=0.1)  # each is counted once its answer is sent
    before = scraped(running)
    workers = running.accepting()
    os.kill(workers[0], signal.SIGKILL)
    wait_until(lambda: len({*running.accepting()} - {workers[0]}) == 2)
    for _ in range(10):
        get(running, ROUTE)
    wait_until(lambda: sum(name[0] == BEGAN and name[1] != "operations" for name in scraped(running)) == 2, every=0.1)
    wait_until(lambda: scraped(running).get(SEARCHES) == 20, every=0.1)
    told = scraped(running)
    assert (before[SEARCHES], told[SEARCHES]) == (10, 20)
    later = [name for name in told if name[0] == BEGAN and told[name] > before.get(name, 0.0)]
    assert len([name for name in later if name[1] != "operations"]) == 1


def folder_of(running: Service) -> Path:
    maps = Path(f"/proc/{running.web_workers()[0]}/maps").read_text()
    return next(Path(line.split()[-1]).parent for line in maps.splitlines() if "filmroom-metrics-" in line)


def test_the_folder_of_the_numbers_goes_with_the_service(running: Service) -> None:
    folder = folder_of(running)
    assert folder.exists()
    assert running.stop() == 0
    assert not folder.exists()


def test_without_the_folder_of_the_numbers_there_are_none_and_all_else_goes_on(running: Service) -> None:
    wait_until(lambda: (BEGAN, "operations") in scraped(running), every=0.1)
    shutil.rmtree(folder_of(running))
    workers = running.accepting()
    for pid in filter(None, (workers[0], running.operations_worker())):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len({*running.accepting()} - {workers[0]}) == 2)
    with httpx2.Client(base_url=running.url, timeout=60) as http:
        sweep = f"/dicomweb/operations/{http.post('/dicomweb/sweep').json()['id']}"
        wait_until(lambda: http.get(sweep).json()["status"] == "succeeded", every=0.1)
    for _ in range(6):  # of both workers
        answer = get(running, "/metrics")
        assert (answer.status_code, "Restart the service" in answer.text) == (503, True)
        assert get(running, "/health/check").status_code == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_who_is_to_end_says_so_before_it_does(tmp_path: Path, workers: str) -> None:
    with (
        service.running(tmp_path / "data", "--workers", workers, given={"FILMROOM_DRAIN": "600"}) as running,
        httpx2.Client(base_url=running.url, timeout=60) as http,
    ):
        wait_until(lambda: len(running.accepting()) == int(workers))
        wait_until(lambda: http.get("/health/ready").status_code == 200)
        running.process.terminate()
        wait_until(lambda: http.get("/health/ready").status_code == 503)
        wait_until(lambda: {get(running, "/health/ready").status_code for _ in range(30)} == {503})  # both know
        assert get(running, ROUTE).status_code == 200
        for pid in running.web_workers():
            os.kill(pid, signal.SIGTERM)  # who asks twice does not want to wait
        assert running.process.wait(service.DEADLINE) == 0
        assert not running.mishaps()

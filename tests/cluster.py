"""A cluster for the tests: two services of two web workers, and a worker for long operations, each a process."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx2

from tests import service
from tests.service import DEADLINE, Service, wait_until

DATA = ("data0", "data1", "data2")

Request = Callable[[httpx2.Client], httpx2.Response]


class Served(Protocol):
    """Where requests can be sent."""

    @property
    def urls(self) -> Sequence[str]: ...

    def mishaps(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Cluster:
    """Services that share index and blob store."""

    services: tuple[Service, ...]
    variables: Mapping[str, str]

    @property
    def urls(self) -> Sequence[str]:
        return [one.url for one in self.services]

    def mishaps(self) -> list[str]:
        return [line for one in self.services for line in one.mishaps()]


@contextmanager
def running(folder: Path, variables: Mapping[str, str], workers: int = 2) -> Iterator[Cluster]:
    """Services that know only the `variables` (FILMROOM_*) of where index and blobs are; all end with the block."""
    if "FILMROOM_BLOBS" not in variables:
        for name in DATA:  # each as on a machine of its own, but for the files
            (folder / name).mkdir(parents=True)
            (folder / name / "blobs").symlink_to(folder / "blobs", target_is_directory=True)
        (folder / "blobs").mkdir()
    with ExitStack() as stack:
        starting = [
            service.running(folder / name, "--workers", str(workers), "--no-operations-worker", given=variables)
            for name in DATA[:2]
        ]
        with ThreadPoolExecutor(len(starting)) as pool:  # at once, as after a loss of power
            services = tuple(pool.map(stack.enter_context, starting))
        for one in services:  # it listens before it answers
            wait_until(one.is_healthy, every=0.1)
        with operations_worker(folder / DATA[2], variables):
            yield Cluster(services, variables)


@contextmanager
def operations_worker(data: Path, variables: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker for long operations, that ends with the block if it has not by then."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FILMROOM_")}
    command = [sys.executable, "-m", "filmroom", "worker", "--data", str(data)]
    with (data.parent / "worker.log").open("a") as log:
        process = subprocess.Popen(command, stderr=log, env=environment | dict(variables))
    try:
        yield process
    finally:
        process.terminate()
        process.wait(DEADLINE)


def at_once(served: Served, requests: Sequence[Request]) -> list[httpx2.Response]:
    """The answers to requests that clients of their own send at the same moment, to each service in turn."""
    start = threading.Barrier(len(requests))

    def run(number: int, request: Request) -> httpx2.Response:
        with httpx2.Client(base_url=served.urls[number % len(served.urls)], timeout=60) as http:
            http.get("/health/check")  # a connection, so that nothing but the request is left to do
            start.wait()
            return request(http)

    with ThreadPoolExecutor(len(requests)) as pool:
        answers = list(pool.map(run, range(len(requests)), requests))
    assert [answer.text for answer in answers if answer.status_code >= 500] == []
    return answers

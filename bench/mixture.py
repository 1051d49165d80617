"""Clients that do one thing and another as they draw lots: store, read, search, delete. Every answer is checked."""

import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from bench import checks
from bench.__main__ import FAILURES
from bench.client import Answer, Connection, Task
from bench.data import KB_131, Instance
from bench.service import DICOM, JPEG, JSON, OCTETS, Service, address

FILES, STUDIES = 20, 12  # of a Study, and of a client that deletes
LIMIT = 100  # of a list
MOST_FAILURES = 20  # after which a client gives up
READINGS = {"frame": 25, "instance": 10, "metadata": 10, "search": 15, "rendered": 8, "list": 2}
Latencies = dict[str, list[float]]  # by the kind of request, in milliseconds


@dataclass(slots=True)
class Client:
    """One of them, with what it may read."""

    service: Service
    random: Random
    until: float
    weights: Mapping[str, int]
    studies: deque[list[Instance]] = field(default_factory=deque)
    deletes: bool = False  # the oldest Study when it has many

    def run(self) -> tuple[Latencies, list[str]]:
        """Ask until it is time, once at least; how long it took, and what was wrong."""
        latencies: Latencies = defaultdict(list)
        failures: list[str] = []
        connection = Connection(*address(self.service.url))
        while len(failures) < MOST_FAILURES and (time.monotonic() < self.until or not latencies):
            name = self._drawn()
            task = TASKS[name](self)
            try:
                began = time.perf_counter()
                answer = connection.ask(task.request)
                latencies[name].append((time.perf_counter() - began) * 1000)
                task.check(answer)
            except FAILURES as error:
                failures.append(f"{name}: {type(error).__name__}: {error}")
                connection.close()
        connection.close()
        return latencies, failures

    def _drawn(self) -> str:
        if self.deletes and len(self.studies) > STUDIES:
            return "delete"
        return self.random.choices(list(self.weights), list(self.weights.values()))[0] if self.studies else "store"

    @property
    def one(self) -> Instance:
        """Any that is stored."""
        return self.random.choice(self.random.choice(self.studies))


def together(results: Sequence[tuple[Latencies, list[str]]]) -> tuple[Latencies, list[str]]:
    """What clients saw, as if they were one; shortest first."""
    names = {name for latencies, _ in results for name in latencies}
    waited = {name: sorted(one for latencies, _ in results for one in latencies.get(name, ())) for name in names}
    return waited, [one for _, failures in results for one in failures]


def percentile(ordered: Sequence[float], part: float) -> float:
    """What so large a part stays below."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def _store(client: Client) -> Task:
    if not client.studies or len(client.studies[-1]) == FILES:
        client.studies.append([])
    last = client.studies[-1]
    number = last[0].study if last else client.service.new_study()
    last.append(Instance(KB_131, client.service.run, number, 0, len(last)))
    return client.service.store(last[-1])


def _frame(client: Client) -> Task:
    one = client.one
    return client.service.get(f"{one.path}/frames/1", OCTETS, lambda answer: checks.parts(answer, [one.frame(1)]))


def _instance(client: Client) -> Task:
    one = client.one
    return client.service.get(one.path, DICOM, lambda answer: checks.parts(answer, [tuple(one.pieces())]))


def _metadata(client: Client) -> Task:
    study = client.random.choice(client.studies)
    return client.service.get(f"{study[0].series_path}/metadata", JSON, lambda answer: checks.metadata(answer, study))


def _search(client: Client) -> Task:
    one = client.one
    return client.service.search(f"PatientID={one.patient}", lambda answer: checks.studies(answer, {one.uids[0]}, 1))


def _list(client: Client) -> Task:
    return client.service.search(f"limit={LIMIT}", _different)


def _different(answer: Answer) -> None:
    checks.expect_status(answer, 200)
    checks.studies(answer, None, min(LIMIT, len(json.loads(answer.body))))


def _rendered(client: Client) -> Task:
    one, center = client.one, client.random.randrange(4096)  # hardly ever asked for before
    size, path = (one.shape.rows, one.shape.columns), f"{one.path}/rendered?window={center},400,linear"
    return client.service.get(path, JPEG, lambda answer: checks.jpeg(answer, *size))


def _delete(client: Client) -> Task:
    return client.service.delete(client.studies.popleft()[0].series_path.partition("/series")[0])


TASKS: dict[str, Callable[[Client], Task]] = {
    "store": _store,
    "frame": _frame,
    "instance": _instance,
    "metadata": _metadata,
    "search": _search,
    "list": _list,
    "rendered": _rendered,
    "delete": _delete,
}

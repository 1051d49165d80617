"""Clients that do one thing and another as they draw lots: store, read, search, delete. Every answer is checked."""

import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from bench import checks
from bench.client import Answer, Connection, Task
from bench.data import KB_131, Instance
from bench.rounds import FAILURES
from bench.service import DICOM, JPEG, JSON, OCTETS, Service, address

FILES, STUDIES = 20, 12  # of a Study, and of a client that deletes
LIMIT = 100  # of a list
MOST_FAILURES = 20  # after which a client gives up
READINGS = {"frame": 25, "instance": 10, "metadata": 10, "search": 15, "rendered": 8, "list": 8}
Latencies = dict[str, list[float]]  # by the kind of request, in milliseconds


@dataclass(slots=True)
class Seen:
    """What a client saw: how long requests took, what was wrong, and which stores were acknowledged."""

    latencies: Latencies = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    stored: list[Instance] = field(default_factory=list)


@dataclass(slots=True)
class Client:
    """One of them, with what it may read."""

    service: Service
    random: Random
    until: float
    weights: Mapping[str, int]
    studies: deque[list[Instance]] = field(default_factory=deque)
    deletes: bool = False  # the oldest Study when it has many
    least: int = 1  # requests

    def run(self) -> Seen:
        """Ask until it is time, and each when the one before is answered: who waits long asks less meanwhile."""
        seen = Seen(defaultdict(list))
        asked = 0
        connection = Connection(*address(self.service.url))
        while len(seen.failures) < MOST_FAILURES and (time.monotonic() < self.until or asked < self.least):
            asked += 1
            name = self._drawn()
            task = TASKS[name](self)
            try:
                began = time.perf_counter()
                answer = connection.ask(task.request)
                seen.latencies[name].append((time.perf_counter() - began) * 1000)
                task.check(answer)
                if name == "store":
                    seen.stored.append(self.studies[-1][-1])
            except FAILURES as error:
                seen.failures.append(f"{name}: {type(error).__name__}: {error}")
                connection.close()
        connection.close()
        return seen

    def _drawn(self) -> str:
        if self.deletes and len(self.studies) > STUDIES:
            return "delete"
        return self.random.choices(list(self.weights), list(self.weights.values()))[0] if self.studies else "store"

    @property
    def one(self) -> Instance:
        """Any that is stored."""
        return self.random.choice(self.random.choice(self.studies))


def together(results: Sequence[Seen]) -> Seen:
    """What clients saw, as if they were one; shortest first."""
    names = {name for one in results for name in one.latencies}
    return Seen(
        {name: sorted(each for one in results for each in one.latencies.get(name, ())) for name in names},
        [failure for one in results for failure in one.failures],
        [stored for one in results for stored in one.stored],
    )


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
    least = min(LIMIT, len(client.studies))  # as many as are known at least

    def check(answer: Answer) -> None:
        checks.expect_status(answer, 200)
        checks.studies(answer, None, min(LIMIT, max(least, len(json.loads(answer.body)))))

    return client.service.search(f"limit={LIMIT}", check)


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

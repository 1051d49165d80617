"""Long operations: started by a web worker, done by the operations worker, batch by batch.

(1) `start` writes a row                   the answer names it; whoever asked may go
(2) a worker takes the oldest free row     under a lease, so that no two have the same
(3) its function runs in batches           each renews the lease in its own transaction (`task.py`)
(4) the end is written to the row          and the row forgotten after a while

A worker that dies leaves its row with (2), and the next begins there again: at the checkpoint of the last batch.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from filmroom import metrics, places, tracing
from filmroom.archive import Archive
from filmroom.dicom.wording import STANDARD, Wording
from filmroom.errors import Conflict, Error, NotFound, Unavailable
from filmroom.index import operations, partitions, watermarks
from filmroom.index.operations import LEASE as LEASE
from filmroom.index.operations import Count as Count
from filmroom.index.operations import Failure as Failure
from filmroom.index.operations import Operation as Operation
from filmroom.index.operations import State as State
from filmroom.index.transaction import Transaction
from filmroom.protocol.transfers import Asked
from filmroom.services import delete, exports, imports, query_tags, recorded, updates
from filmroom.services.views import EVERYTHING, Shown
from filmroom.task import Canceled, Failed, Stopping, Taken, Task

MOST_ATTEMPTS = 5  # without getting on, such as when it ends the worker each time
REST = 30.0  # seconds before one that met an unavailable index or blob store is tried again
LISTED = 100
Within = Collection[str] | None  # names of data partitions; None: all
_ANNOUNCED = frozenset({exports.EXPORT, imports.IMPORT, updates.UPDATE})  # written down when they begin, too
LOST = "lost"  # another worker has it by now
_UNFORESEEN = "An internal error ended it. The log of the operations worker says where."
_WORN_OUT = f"The operations worker ended {MOST_ATTEMPTS} times while it was at this, and got no further."


@dataclass(frozen=True, slots=True)
class Function:
    """What an operation does. `run` gives the results, as JSON has them."""

    run: Callable[[Task], Any]
    resources: Callable[[Mapping[str, Any]], list[str]] = lambda _: []  # paths of what it works on, by its arguments


def _sweep(task: Task) -> dict[str, int]:
    total: int = task.checkpoint or 0  # removed by workers that did not come to the end

    def count(tx: Transaction, removed: int) -> None:
        nonlocal total
        total += removed
        metrics.swept_files.inc(removed)
        task.save(tx, total)

    delete.sweep(task.archive, float(task.arguments["delay"]), batch=task.batch, removed=count)
    return {"filesRemoved": total}


def _reindex(task: Task) -> None:
    query_tags.reindex(
        task.archive, task.arguments["tags"], task.batch, lambda tx, percent: task.save(tx, None, percent)
    )


def _tags(arguments: Mapping[str, Any]) -> list[str]:
    return [f"/extendedquerytags/{path}" for path in arguments["paths"]]


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        delete.SWEEP: Function(_sweep),
        query_tags.REINDEX: Function(_reindex, _tags),
        exports.EXPORT: Function(exports.export),
        imports.IMPORT: Function(imports.import_from),
        updates.UPDATE: Function(updates.update),
    }
)


def start(archive: Archive, name: str, arguments: Mapping[str, Any]) -> str:
    """Have an operation done; gives its id, 32 hexadecimal digits."""
    if name not in FUNCTIONS:
        raise ValueError(f"There is no operation {name}.")
    with archive.index.begin() as tx:
        return operations.add(tx, name, arguments)


def start_export(
    archive: Archive, asked: Asked, allowed: Sequence[str], shown: Shown = EVERYTHING, by: str | None = None
) -> str:
    """Have files copied to one of the places that are allowed, of what is shown to who asks; gives the id.

    `by` is the id of who may ask for the operation again without seeing those of others.
    """
    places.permit(asked.url, allowed, "export_to")
    arguments = exports.arguments(archive, asked.url, asked.options, asked.resources, asked.deidentify, shown)
    return start(archive, exports.EXPORT, arguments | {"by": by} if by else arguments)


def start_import(archive: Archive, asked: Asked, allowed: Sequence[str], largest: int, partition: int) -> str:
    """Have the files of one of the places that are allowed stored; gives the id."""
    places.permit(asked.url, allowed, "import_from")
    return start(archive, imports.IMPORT, imports.arguments(archive, asked.url, largest, partition))


def start_due(archive: Archive, name: str, arguments: Mapping[str, Any], every: float) -> str | None:
    """Have an operation done that is to be done every so many seconds; its id, or None when it is not due.

    It is not while one is at work, or was started lately, whoever did so. The earlier ones with the same
    arguments that ended are forgotten then: nobody looks for them, and they would fill every list.
    """
    with archive.index.read() as tx:
        if not _due(tx, name, every):
            return None
    with archive.index.begin() as tx:
        watermarks.lock(tx)  # of several workers one starts it
        if not _due(tx, name, every):
            return None
        operations.remove_same(tx, name, arguments)
        return operations.add(tx, name, arguments)


def _due(tx: Transaction, name: str, every: float) -> bool:
    now = time.time()  # what was started later than now was started by a clock that was put back since
    return not operations.is_about(tx, name, now - every, now)


def status(
    archive: Archive, wanted: str, said: Wording = STANDARD, within: Within = None, by: str | None = None
) -> Operation:
    """What has become of an operation, if it works in one of the data partitions of these names, or was begun `by`
    whoever asks. None: in any, by nobody."""
    with archive.index.read() as tx:
        found = operations.fetch(tx, wanted)
        placed = None if found is None else _placed(tx, found)
    if placed is None or not (_is_within(placed, within) or (by and placed.arguments.get("by") == by)):
        raise NotFound(said.no_operation)
    return placed


def failures(
    archive: Archive, wanted: str, limit: int, offset: int, said: Wording = STANDARD, within: Within = None
) -> list[Failure]:
    """The items that an operation could not do, the first to fail first."""
    status(archive, wanted, said, within)
    with archive.index.read() as tx:
        return operations.fetch_failures(tx, wanted, limit, offset)


def newest(archive: Archive, within: Within = None) -> list[Operation]:
    """The operations started last, the newest first."""
    with archive.index.read() as tx:
        found = [_placed(tx, one) for one in operations.fetch_newest(tx, LISTED)]
    return [one for one in found if _is_within(one, within)]


def _is_within(operation: Operation, names: Within) -> bool:
    """One of all data partitions is shown to nobody who does not see all."""
    return names is None or operation.partition in names


def count(archive: Archive) -> list[Count]:
    """How many operations of each name are in each state."""
    with archive.index.read() as tx:
        return operations.count(tx)


def _placed(tx: Transaction, found: Operation) -> Operation:
    """With the name of the data partition that it works in, unless it is of all."""
    key = found.arguments.get("partition")
    return found if key is None else replace(found, partition=partitions.fetch_name(tx, key))


def cancel(archive: Archive, wanted: str, said: Wording = STANDARD, within: Within = None) -> Operation:
    """Have an operation end, after its current batch; what it has done stays. Gives what has become of it so far."""
    status(archive, wanted, said, within)
    with archive.index.begin() as tx:
        told = operations.cancel(tx, wanted)
    found = status(archive, wanted, said)
    if not told:
        raise Conflict(f"The operation has ended already: it is {found.state}.")
    return found


def resources(operation: Operation) -> list[str]:
    """The paths, under a root, of what an operation works on."""
    function = FUNCTIONS.get(operation.name)
    return function.resources(operation.arguments) if function else []


def forget(archive: Archive, days: float) -> int:
    """Remove what is known of operations that ended so long ago; gives how many."""
    with archive.index.begin() as tx:
        return operations.remove_ended(tx, time.time() - days * 24 * 3600)


def _write_down(archive: Archive, operation: Operation, phase: str, **facts: Any) -> None:
    """For the audit; of an update both what a Study was and what it became."""
    given = operation.arguments
    studies = given.get("touched") or [one[0] for one in given.get("resources", ()) if one[0]]
    recorded.write(archive, operation, phase, recorded.whose(archive, operation, studies), **facts)


@dataclass(frozen=True, slots=True)
class Run:
    """What became of an operation in the hands of a worker. `error` is for the log."""

    id: str
    name: str
    outcome: str
    error: Exception | None = None


@dataclass(slots=True)
class Worker:
    """Does operations, one after the other. Two that live never have the same `owner`."""

    archive: Archive
    owner: str
    functions: Mapping[str, Function] = field(default_factory=lambda: FUNCTIONS)
    stopping: Callable[[], bool] = lambda: False  # asked before each batch
    renewed: Callable[[], None] = lambda: None  # told after each

    def run_next(self) -> Run | None:
        """Take the oldest operation that nobody has, and do it; None if there is none."""
        operation = self._take()
        if operation is None:
            return None
        self.renewed()
        if operation.canceling:
            return self._finish(operation, State.CANCELED)
        if operation.attempts > MOST_ATTEMPTS:
            return self._finish(operation, State.FAILED, error=_WORN_OUT)
        return self.run(operation)

    def begin(self, name: str, arguments: Mapping[str, Any]) -> Operation:
        """Make an operation that no other worker takes; `run` does it."""
        with self.archive.index.begin() as tx:
            begun = operations.claim(tx, operations.add(tx, name, arguments), self.owner)
        assert begun is not None
        return begun

    def _take(self) -> Operation | None:
        while True:
            with self.archive.index.read() as tx:
                free = operations.fetch_next(tx, self.owner, self.functions.keys())
            if free is None:
                return None
            with self.archive.index.begin() as tx:
                taken = operations.claim(tx, free, self.owner)
            if taken is not None:
                return taken

    def run(self, operation: Operation) -> Run:
        """Do an operation that this worker has."""
        task = Task(self.archive, operation, self.owner, self.stopping, self.renewed)
        if operation.name in _ANNOUNCED:
            _write_down(self.archive, operation, "begin", attempt=operation.attempts)
        try:
            with tracing.span(f"operation {operation.name}"):
                results = self.functions[operation.name].run(task)
        except Stopping:
            return self._release(operation, "stopped")
        except Canceled:
            return self._finish(operation, State.CANCELED)
        except Taken:
            return Run(operation.id, operation.name, LOST)
        except Failed as error:
            return self._finish(operation, State.FAILED, error.results, error=str(error))
        except Unavailable as error:
            return self._release(operation, "unavailable", REST, error)
        except Error as error:
            return self._finish(operation, State.FAILED, error=str(error), cause=error)
        except Exception as error:  # noqa: BLE001 - one operation must not end the worker, nor begin for ever
            return self._finish(operation, State.FAILED, error=_UNFORESEEN, cause=error)
        return self._finish(operation, State.SUCCEEDED, results)

    def _release(self, operation: Operation, outcome: str, rest: float = 0.0, cause: Exception | None = None) -> Run:
        with self.archive.index.begin() as tx:
            operations.release(tx, operation.id, self.owner, rest)
        metrics.operations_ended.labels(operation.name, outcome).inc()
        return Run(operation.id, operation.name, outcome, cause)

    def _finish(
        self,
        operation: Operation,
        state: State,
        results: Any = None,
        error: str | None = None,
        cause: Exception | None = None,
    ) -> Run:
        with self.archive.index.begin() as tx:
            still = operations.finish(tx, operation.id, self.owner, state, results, error)
        if still:
            _write_down(self.archive, operation, "end", state=str(state), results=results)
        outcome = state if still else LOST
        metrics.operations_ended.labels(operation.name, outcome).inc()
        return Run(operation.id, operation.name, outcome, cause)

"""A long operation at work: what its function is handed, and how it writes.

The function does its work in batches, each a short transaction that proves first that this worker still has the
operation. It may be ended after any of them, by a signal or by a loss of power, and is called again from the
beginning; where to go on it knows by its checkpoint, and a batch done twice must do no harm.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from filmroom import metrics
from filmroom.archive import Archive
from filmroom.errors import Unavailable
from filmroom.index import operations
from filmroom.index.operations import Operation
from filmroom.index.transaction import Transaction

Batch = Callable[[], AbstractContextManager[Transaction]]  # begins the transaction of the next batch


class Ended(Exception):
    """The function must come to its end here. Raised by `Task.batch`, and for the worker alone to catch."""


class Stopping(Ended):
    """The worker was asked to end; another goes on."""


class Canceled(Ended):
    """Somebody asked for the end of the operation."""


class Taken(Ended):
    """Another worker has the operation: this one was silent for too long."""


class Failed(Exception):
    """Not all that was to be done could be; `results` say what was. Raised by the function, at its end."""

    def __init__(self, message: str, results: Any) -> None:
        super().__init__(message)
        self.results = results


@dataclass(slots=True)
class Task:
    """An operation in the hands of a worker."""

    archive: Archive
    operation: Operation
    owner: str
    stopping: Callable[[], bool] = lambda: False
    renewed: Callable[[], None] = lambda: None

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the operation was started with."""
        return self.operation.arguments

    @property
    def checkpoint(self) -> Any:
        """What was saved last, by this worker or one before; None at the first beginning."""
        return self.operation.checkpoint

    @contextmanager
    def batch(self) -> Iterator[Transaction]:
        """A transaction for the next batch. It must end well within a lease; that it begins renews the lease."""
        if self.stopping():
            raise Stopping
        audit = self.archive.audit
        if audit.required and (problem := audit.problem()) is not None:
            raise Unavailable(f"The audit trail can't be written: {problem}. Nothing is done without it.")
        with self.archive.index.begin() as tx:
            canceling = operations.renew(tx, self.operation.id, self.owner)
            if canceling is None:
                raise Taken
            if canceling:
                raise Canceled
            yield tx
        metrics.operation_batches.labels(self.operation.name).inc()
        self.renewed()

    def renew(self) -> None:
        """Keep the operation while a batch takes long; raises as `batch` does."""
        with self.batch():
            pass

    def save(self, tx: Transaction, checkpoint: Any, percent: int | None = None) -> None:
        """Remember, with the batch itself, where the next one begins (what JSON can hold), and how much is done."""
        operations.replace_checkpoint(tx, self.operation.id, checkpoint, percent)

    def failed(self, tx: Transaction, failures: Iterable[tuple[str, str]]) -> None:
        """Write down, with the batch itself, the items that could not be done: a path under a root or a name; why."""
        operations.add_failures(tx, self.operation.id, failures)

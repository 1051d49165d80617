"""The operations worker that `filmroom serve` runs beside its web workers: replaced when it dies, ended with them."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from filmroom.cli import processes

OPERATIONS = "operations"  # where it counts
HEAD_START = 1.0  # seconds: the web workers are waited for, and the operations are not
PATIENCE = 5.0  # seconds in which it ends its batch, before it is killed: that costs no more than the batch


def place(numbers: Path | None = None) -> "Place":
    """A place for one operations worker. It counts in the folder `numbers`."""
    due = time.monotonic() + HEAD_START
    return Place(called="operations worker", patience=PATIENCE, due=due, numbers=numbers)


@dataclass(slots=True, kw_only=True)
class Place(processes.Place):
    """Where one worker is, and the next when that has ended. What the dead one had under its name, the next has."""

    numbers: Path | None
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    began: float = 0.0

    def life(self) -> tuple[Callable[..., None], tuple[Any, ...], str]:
        """A worker of the same name."""
        self.began = time.monotonic()
        return _work, (self.owner, self.numbers), "filmroom worker"

    def has_started(self) -> bool:
        """Whether it had time to."""
        return time.monotonic() - self.began > processes.LONGEST_REST


def _work(supervisor: Connection, owner: str, numbers: Path | None) -> None:
    """The life of a worker, whose modules only itself needs where it is not forked."""
    import_module("filmroom.cli.worker").beside(supervisor, owner, numbers)

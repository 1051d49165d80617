"""Long operations that a command does by itself, on the machine where the data lies; the service may be running."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from filmroom.archive import Archive
from filmroom.cli import configuration
from filmroom.cli.exits import INTERRUPTED, NOT_ALL, REFUSED, stop
from filmroom.cli.progress import counter
from filmroom.cli.results import printable
from filmroom.cli.service import partition_option
from filmroom.cli.stopping import Stopping, by_interrupt
from filmroom.dicom.resources import DEFAULT_PARTITION
from filmroom.errors import Conflict, Error, Unavailable
from filmroom.services import operations, partitions
from filmroom.services.operations import Function, Operation, State, Worker
from filmroom.settings import Settings
from filmroom.task import Task

_PAGE = 1000  # failures read at once

Partition = Annotated[str | None, partition_option("Data partition, where the service has them.", "Microsoft.Default")]


def url(place: str) -> str:
    """The URL of a place that was typed: of a folder its path will do."""
    return place if "://" in place else Path(place).expanduser().absolute().as_uri()


def partition(archive: Archive, name: str | None) -> int | None:
    """The key of a data partition, if there is one of that name; without a name the default one."""
    return DEFAULT_PARTITION if name is None else partitions.find(archive, name)


def do(
    settings: Settings,
    name: str,
    arguments: Callable[[Archive], Mapping[str, Any]],
    doing: str,
    far: Callable[[Any], str],
    summary: Callable[[Any], str],
    quiet: bool,
) -> None:
    """Do an operation to its end and say what became of it: `far` of its checkpoint, `summary` of its results."""
    archive = configuration.opened(settings)
    try:
        with counter(doing, quiet) as shown:
            ended = _Here(archive, name, far, shown).run(arguments(archive))
        for one in _failures(archive, ended.id):
            typer.echo(printable(f"{one.item}: {one.message}"), err=True)
    except Error as error:
        stop(str(error), REFUSED)
    finally:
        archive.close()
    _conclude(ended, far, summary, quiet)


def _conclude(ended: Operation, far: Callable[[Any], str], summary: Callable[[Any], str], quiet: bool) -> None:
    if ended.state is State.CANCELED:
        stop(f"stopped; {far(ended.checkpoint) or 'nothing'} until then", INTERRUPTED)
    if ended.state is not State.SUCCEEDED:
        stop(ended.error or "The operation did not come to its end.", REFUSED)
    if not quiet:
        typer.echo(summary(ended.results))
    if ended.results.get("failed") or ended.results.get("skipped"):
        raise typer.Exit(NOT_ALL)


@dataclass(slots=True)
class _Here:
    archive: Archive
    name: str
    far: Callable[[Any], str]
    shown: Callable[[object], None]
    interrupted: Stopping = field(init=False)
    operation: Operation | None = field(default=None, init=False)

    def run(self, arguments: Mapping[str, Any]) -> Operation:
        function = operations.FUNCTIONS[self.name]
        worker = Worker(self.archive, uuid.uuid4().hex, {self.name: Function(_to_the_end(function))})
        worker.renewed = self._look
        with by_interrupt() as self.interrupted:
            self.operation = worker.begin(self.name, arguments)
            worker.run(self.operation)
        return operations.status(self.archive, self.operation.id)

    def _look(self) -> None:
        """After each batch: how far it is, and whether somebody wants its end."""
        assert self.operation is not None
        found = operations.status(self.archive, self.operation.id)
        percent = "" if found.percent is None else f", {found.percent} %"
        self.shown(f"{self.far(found.checkpoint)}{percent}")
        if self.interrupted() and not found.canceling:
            operations.cancel(self.archive, found.id)


def _to_the_end(function: Function) -> Callable[[Task], Any]:
    """What is unavailable is not waited for: a person looks at it, and can begin again."""

    def run(task: Task) -> Any:
        try:
            return function.run(task)
        except Unavailable as error:
            raise Conflict(str(error)) from error

    return run


def _failures(archive: Archive, wanted: str) -> Iterator[operations.Failure]:
    offset = 0
    while page := operations.failures(archive, wanted, _PAGE, offset):
        offset += len(page)
        yield from page

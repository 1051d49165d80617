"""How far a command is that takes long, for people who look at a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bar

from filmroom.client import Progress


class Files(Protocol):
    """How far something is that goes through files."""

    @property
    def files(self) -> int: ...
    @property
    def of(self) -> int: ...
    @property
    def bytes(self) -> int: ...


@contextmanager
def bar(doing: str, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A callback that moves a bar on standard error; None, and no bar, where that is no terminal or when `quiet`."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    columns = [TextColumn("{task.description} {task.fields[instances]}"), BarColumn(), DownloadColumn()]
    with Bar(
        *columns, TransferSpeedColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as shown:
        task = shown.add_task(doing, total=None, instances="")

        def move(progress: Progress) -> None:
            instances = (
                f"{progress.instances} of {progress.instances_total}"
                if progress.instances_total
                else progress.instances
            )
            shown.update(task, completed=progress.bytes, total=progress.bytes_total, instances=instances)

        yield move


@contextmanager
def files_bar(doing: str, quiet: bool) -> Iterator[Callable[[Files], None]]:
    """A callback that moves a bar of files on standard error, under the same conditions."""
    if quiet or not sys.stderr.isatty():
        yield lambda files: None
        return
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[size]}")]
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(doing, total=None, size="")

        def move(files: Files) -> None:
            shown.update(task, completed=files.files, total=files.of, size=f"{files.bytes / 1e6:.0f} MB")

        yield move


@contextmanager
def counter(doing: str, quiet: bool) -> Iterator[Callable[[object], None]]:
    """A callback that says a number, or how far it is, on a line of standard error, which goes away in the end."""
    if quiet or not sys.stderr.isatty():
        yield lambda number: None
        return
    try:
        yield lambda number: typer.echo(f"{doing}: {number}\r", nl=False, err=True)
    finally:
        typer.echo("\x1b[K", nl=False, err=True)

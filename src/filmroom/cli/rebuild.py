"""`filmroom rebuild`: the index made anew from the files, on the machine where they lie."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Annotated

import typer

from filmroom import durable
from filmroom.archive import BLOBS, PRIVATE, Archive, take_over
from filmroom.cli import configuration
from filmroom.cli.exits import INTERRUPTED, NOT_ALL, REFUSED, stop
from filmroom.cli.progress import files_bar
from filmroom.cli.readers import readers
from filmroom.cli.service import Quiet
from filmroom.cli.stopping import by_interrupt
from filmroom.errors import Error, Unavailable
from filmroom.services import operations
from filmroom.services import rebuild as service
from filmroom.services.operations import Function, Run, Worker
from filmroom.services.rebuild import Progress
from filmroom.settings import Settings

LOCK = "rebuild.lock"
POLL = 1.0  # seconds between looks whether the rebuild that somebody else has is free
NAMED = 1000  # files that could not be read


def rebuild(
    data: configuration.Data = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=64, metavar="NUMBER", show_default="cores", help="Processes that read files."),
    ] = None,
    quiet: Quiet = False,
    config: configuration.Config = None,
) -> None:
    """Make the index anew from the stored files, when the database is lost.

    Into an empty index only, and no service may be running: none starts until it is done. Ended in the middle, by
    whatever, it goes on when it is started again. What can't be read is named and left where it is.

    Instances that were deleted, but whose files no sweep had removed yet, come back. What only the database knew does
    not: extended query tags, the change feed, when studies expire.

    Exit codes: 0 done; 1 done, but some files could not be read; 2 a bad setting; 3 the index is not empty, or the data
    can't be used; 130 ended by Ctrl-C.

    Example: filmroom rebuild --data /srv/images
    """
    settings = _settings(data, config)
    try:
        with _alone(settings), closing(Archive.open(settings, rebuilding=True)) as archive:
            service.begin(archive)
            with files_bar("Rebuilding", quiet) as progress:
                ran = _run(archive, settings, processes or os.cpu_count() or 1, progress)
            _tell(archive, ran, quiet)
    except Error as error:
        stop(f"The index is not rebuilt: {error}", REFUSED)


def _settings(data: str | None, config: configuration.Config) -> Settings:
    settings = configuration.given({"data": data}, config)
    if settings.blobs is None and not (settings.data / BLOBS).is_dir():
        stop(f"There are no files in {settings.data.absolute()}: name the folder of the service with --data.", REFUSED)
    return settings


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One at a time in a data folder: so the next may take at once what one that died has left."""
    with ExitStack() as held:
        try:
            settings.data.mkdir(mode=PRIVATE, parents=True, exist_ok=True)  # the files may lie elsewhere
            held.enter_context(durable.locked(settings.data / LOCK, wait=False))
        except BlockingIOError:
            stop("Another filmroom rebuild is at work on this folder.", REFUSED)
        except OSError as error:
            reason = f"The data folder {settings.data.absolute()} can't be used: {error.strerror}."
            raise Unavailable(reason) from error
        yield


def _run(archive: Archive, settings: Settings, processes: int, progress: Callable[[Progress], None]) -> Run:
    taken = partial(take_over, settings, archive)
    with by_interrupt() as stopping, readers(settings, archive, processes) as read:
        worker = Worker(
            archive,
            owner=f"rebuild {uuid.getnode():x} {settings.data.absolute()}",
            functions={service.REBUILD: Function(partial(service.rebuild, read=read, progress=progress, added=taken))},
            stopping=stopping,
        )
        while (ran := worker.run_next()) is None:  # another machine has it, or had it a moment ago
            if stopping(POLL):
                stop("stopped before it began", INTERRUPTED)
    if ran.outcome == "stopped":
        stop("stopped; start it again, and it goes on", INTERRUPTED)
    return ran


def _tell(archive: Archive, ran: Run, quiet: bool) -> None:
    if ran.error is not None:
        raise ran.error
    found = operations.status(archive, ran.id)
    if found.results is None:
        raise Unavailable(f"it is {ran.outcome}: {found.error or 'start it again, and it goes on'}")
    for failure in operations.failures(archive, ran.id, NAMED, 0):
        typer.echo(f"{failure.item}: {failure.message}", err=True)
    if not quiet:
        typer.echo(
            "{instances} files of instances and first versions, {replaced} of replaced ones, {failed} not read.".format(
                **found.results
            )
        )
    if found.results["failed"]:
        raise typer.Exit(NOT_ALL)

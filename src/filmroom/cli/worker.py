"""`filmroom worker`: the operations worker, a process of its own. `filmroom serve` starts one beside the web workers.

It ends after the current batch when it gets SIGTERM, or by Ctrl-C, or when who started it is gone; kill -9 costs that
batch. What hangs for longer than a lease ends the process: its operation would be somebody else's by then.
"""

import faulthandler
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import structlog
import typer

from filmroom import metrics, tracing
from filmroom.archive import Archive, audit_sender
from filmroom.cli import configuration, deliveries
from filmroom.cli.beside import OPERATIONS
from filmroom.cli.chores import Chores
from filmroom.cli.exits import INTERRUPTED, stop
from filmroom.cli.stopping import Stopping
from filmroom.errors import Error, Unavailable
from filmroom.server import journal
from filmroom.services import operations
from filmroom.services.operations import LEASE, Run
from filmroom.settings import Settings

NICENESS = 10  # an answer to somebody who waits goes first
POLL = 1.0  # seconds between looks for an operation; each is a SELECT
REST = 5.0  # seconds before an index that could not be used is tried again

log = structlog.get_logger()


def worker(data: configuration.Data = None, config: configuration.Config = None) -> None:
    """Do the long operations of a service, until Ctrl-C.

    `filmroom serve` runs one by itself. More of them do more operations at once: on the same
    machine, or with PostgreSQL on any.

    Exit codes: 0 ended by SIGTERM; 2 a bad setting; 3 the data can't be used; 130 ended by Ctrl-C.

    Example: filmroom worker --data /srv/images
    """
    settings = configuration.of_service({"data": data}, config)
    stopping = Stopping()
    signal.signal(signal.SIGINT, stopping.note)
    said = f"filmroom: waiting for operations of {settings.data.absolute()}; Ctrl-C ends it"
    _live(settings, uuid.uuid4().hex, stopping, said)
    if stopping.by == signal.SIGINT:
        stop("stopped; what is not done yet, the next worker goes on with", INTERRUPTED)


def beside(supervisor: Connection, owner: str, numbers: Path | None) -> None:
    """The life of the one beside a service, until that ends it or is gone. It counts in the folder `numbers`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both
    try:
        settings = configuration.with_data(Settings())
        if numbers is not None:
            metrics.share(numbers, OPERATIONS)
        _live(settings, owner, Stopping(supervisor.fileno()))
    except typer.Exit as end:  # outside a command nobody else knows it
        raise SystemExit(end.exit_code) from None


def _live(settings: Settings, owner: str, stopping: Stopping, said: str | None = None) -> None:
    configuration.keep_private()
    os.nice(max(NICENESS - os.nice(0), 0))
    journal.configure(settings.log_format, settings.log_level)
    metrics.process_start_time_seconds.labels(OPERATIONS).set(time.time())
    signal.signal(signal.SIGTERM, stopping.note)
    archive = configuration.opened(settings)
    traced = tracing.start(settings.otlp_endpoint)
    if said is not None:
        typer.echo(said, err=True)
    try:
        with audit_sender(settings):
            work(archive, settings, owner, stopping)
    finally:
        archive.close()
        if traced is not None:
            traced()


def work(archive: Archive, settings: Settings, owner: str, stopping: Callable[[float], bool]) -> None:
    """Do operations until asked to end."""
    watched = partial(faulthandler.dump_traceback_later, LEASE, exit=True)
    over = threading.Event()
    webhooks = deliveries.receivers(settings)
    with ThreadPoolExecutor(1 + len(webhooks), "beside") as pool:  # an import may take days, in which Studies expire
        beside = [pool.submit(_see_to, Chores(archive, settings), lambda wait: over.is_set() or stopping(wait))]
        for webhook in webhooks:
            of = deliveries.source(settings, archive)
            told = (archive, webhook, of, owner, lambda wait: over.is_set() or stopping(wait))
            beside.append(pool.submit(deliveries.tell, *told))

        def ends() -> bool:
            """Asked to, or an error of what is beside that nobody foresaw ends this process as well."""
            return any(one.done() for one in beside) or stopping(0.0)

        worker = operations.Worker(archive, owner, stopping=ends, renewed=watched)
        try:
            while not ends():
                _next(worker, stopping)
        finally:
            over.set()
        for one in beside:
            one.result()


def _next(worker: operations.Worker, stopping: Callable[[float], bool]) -> None:
    try:
        ran = worker.run_next()
    except Unavailable as error:
        log.warning("unavailable", reason=str(error))
        stopping(REST)
        return
    finally:
        faulthandler.cancel_dump_traceback_later()
    if ran is None:
        stopping(POLL)
    else:
        _tell(ran)


def _see_to(chores: Chores, stopping: Callable[[float], bool]) -> None:
    over = False
    while not over:
        try:
            chores.do(lambda: stopping(0.0))
        except Unavailable as error:
            log.warning("unavailable", reason=str(error))
            over = stopping(REST)
        else:
            over = stopping(POLL)


def _tell(ran: Run) -> None:
    facts = {"id": ran.id, "operation": ran.name, "outcome": ran.outcome}
    if ran.error is None:
        log.info("operation", **facts)
    elif isinstance(ran.error, Error):
        log.warning("operation", **facts, reason=str(ran.error))
    else:  # neither its message nor its values: they may hold what a data set says of a patient
        log.error("unforeseen", **facts, error=type(ran.error).__name__, at=journal.frames(ran.error))

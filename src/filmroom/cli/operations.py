"""`filmroom operations`: the long operations of a service."""

import math
import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from filmroom.cli import typed
from filmroom.cli.exits import NOT_ALL, stop
from filmroom.cli.progress import counter
from filmroom.cli.results import printable, tell, tell_all, when
from filmroom.cli.service import DEFAULT_TIMEOUT, DEFAULT_URL, Timeout, Token, Url, connect, existing, stoppable
from filmroom.client import BadRequest, Client, Conflict, Operation, OperationError

# How the service puts it, with names of states, and how people do
_STATES = (
    ("it is succeeded", "it has succeeded"),
    ("it is failed", "it has failed"),
    ("it is canceled", "it was ended before"),
)


LOOK = 2.0  # seconds between two lines that say how far it is
IMPATIENCE = 10.0  # seconds after which somebody may ask whether there is a worker at all


class What(StrEnum):
    """What to do, by the word that is typed."""

    LIST = "list"
    SHOW = "show"
    WAIT = "wait"
    CANCEL = "cancel"
    ERRORS = "errors"


def operations(
    what: Annotated[What, typer.Argument(help="What to do.", metavar="list|show|wait|cancel|errors")] = What.LIST,
    operation: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="The id that the start of the operation gave.", show_default=False),
    ] = None,
    patience: Annotated[
        float | None,
        typer.Option("--for", min=0, metavar="SECONDS", help="How long to wait at most.", show_default="no limit"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what the service answered, for programs.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """List the long operations of a service, show how far one is, wait for its end, end it, or show what
    it could not do.

    Times are of this computer.

    Exit codes: 1 there is no such operation, it can't be ended any more, or the one that was waited for did not
    succeed; 2, 3 as for every command.

    Examples:

        filmroom operations
        filmroom operations wait 0123456789abcdef0123456789abcdef --for 600
    """
    typed.refuse(
        (what is not What.LIST and operation is None, "ID", f"name the id of the operation to {what}"),
        (what is What.LIST and operation is not None, "ID", "the list is of all operations; is `show` meant?"),
        (what is not What.WAIT and patience is not None, "--for", "only `wait` waits"),
    )
    with connect(url, token, timeout) as client:
        if operation is None:
            with existing("list of operations", client, beyond_azure=True):
                listed = client.operations()
            tell_all([one.json for one in listed], "operations", map(_line, listed), as_json=as_json)
            return
        with existing(f"operation {operation}", client, beyond_azure=what in {What.CANCEL, What.ERRORS}):
            if what is What.ERRORS:
                errors = list(all_errors(client, operation))
                tell_all([one.json for one in errors], "errors", map(error_line, errors), as_json=as_json)
                return
            found = _asked(client, what, operation, patience)
        tell(found.json if as_json else None, _facts(found))
        if what is What.WAIT and not found.succeeded:
            raise typer.Exit(NOT_ALL)


def _asked(client: Client, what: What, operation: str, patience: float | None) -> Operation:
    if what is What.WAIT:
        return wait(client, operation, patience)
    if what is What.CANCEL:
        try:
            return client.cancel_operation(operation)
        except (BadRequest, Conflict) as error:
            stop(_in_words(printable(error.message)), NOT_ALL)
    return client.operation(operation)


def _in_words(said: str) -> str:
    for states, words in _STATES:
        said = said.replace(states, words)
    return said


def wait(client: Client, operation: str, patience: float | None = None) -> Operation:
    """The operation when it has ended. Who is kept from waiting so long learns how to go on."""
    end = math.inf if patience is None else time.monotonic() + patience
    hint = time.monotonic() + IMPATIENCE
    with (
        stoppable(f"the operation goes on: filmroom operations wait {operation}"),
        counter("Waiting", quiet=False) as shown,
    ):
        while True:
            try:
                return client.wait_for_operation(operation, timeout=min(LOOK, max(end - time.monotonic(), 0)))
            except TimeoutError as error:
                if time.monotonic() >= end:
                    stop(str(error), NOT_ALL)
            found = client.operation(operation)
            shown(f"{found.status} {_percent(found)}".ljust(20))
            if found.status == "notStarted" and time.monotonic() >= hint:
                hint = math.inf
                typer.echo("filmroom: nobody has begun with it yet: is an operations worker running?", err=True)


def wait_or_tell(client: Client, operation: str, *, until_it_ends: bool) -> Operation | None:
    """What becomes of an operation that a command has started: it, when it succeeded; None if nobody waits."""
    if not until_it_ends:
        typer.echo(operation)
        typer.echo(f"filmroom: it is done in the background: filmroom operations wait {operation}", err=True)
        return None
    typer.echo(f"filmroom: operation {operation}", err=True)  # who loses the connection can ask for it again
    ended = wait(client, operation)
    for error in (ended.results or {}).get("errors", ()):
        typer.echo(f"filmroom: {printable(str(error))}", err=True)
    if not ended.succeeded:
        stop(f"the operation {operation} {ended.status}: {printable(ended.error or '')}", NOT_ALL)
    return ended


def all_errors(client: Client, operation: str) -> Iterator[OperationError]:
    """All that an operation could not do, page by page."""
    offset = 0
    while page := client.operation_errors(operation, limit=200, offset=offset):
        offset += len(page)
        yield from page


def error_line(error: OperationError) -> str:
    """One line for a person: what could not be done, and why."""
    return f"{error.item}: {error.message}"


def _percent(found: Operation) -> str:
    return "" if found.percent is None else f"{found.percent} %"


def _line(found: Operation) -> str:
    return f"{found.id}  {when(found.created)}  {found.status:<10}  {_percent(found):>5}  {found.type}"


def _facts(found: Operation) -> Iterator[str]:
    yield f"{found.type}: {found.status} {_percent(found)}".rstrip()
    yield f"started {when(found.created)}, last at work {when(found.updated)}"
    yield from found.resources
    for name, value in (found.results or {}).items():
        yield f"{name}: {value}"
    if found.error is not None:
        yield found.error

"""`filmroom operations`: the long operations of a service."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated

import orjson
import typer

from filmroom.cli.results import printable
from filmroom.cli.service import (
    DEFAULT_TIMEOUT,
    DEFAULT_URL,
    NOT_ALL,
    Timeout,
    Token,
    Url,
    connect,
    existing,
    stop,
)
from filmroom.client import Client, Conflict, Operation


class What(StrEnum):
    """What to do, by the word that is typed."""

    LIST = "list"
    SHOW = "show"
    WAIT = "wait"
    CANCEL = "cancel"


def operations(
    what: Annotated[What, typer.Argument(help="What to do.", metavar="list|show|wait|cancel")] = What.LIST,
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
    """List the long operations of a service, show how far one is, wait for its end, or end it.

    Exit codes: 1 there is no such operation, it can't be ended any more, or the one that was waited for did not
    succeed; 2, 3 as for every command.

    Examples:

        filmroom operations
        filmroom operations wait 0123456789abcdef0123456789abcdef --for 600
    """
    with connect(url, token, timeout) as client:
        if what is What.LIST:
            listed = client.operations()
            _print([one.json for one in listed] if as_json else None, map(_line, listed))
            return
        if operation is None:
            raise typer.BadParameter(f"name the id of the operation to {what}", param_hint="ID")
        with existing(f"operation {operation}", client):
            found = _ONE[what](client, operation, patience)
        _print(found.json if as_json else None, _facts(found))
        if what is What.WAIT and not found.succeeded:
            raise typer.Exit(NOT_ALL)


def _show(client: Client, operation: str, _: float | None) -> Operation:
    return client.operation(operation)


def _wait(client: Client, operation: str, patience: float | None) -> Operation:
    try:
        return client.wait_for_operation(operation, timeout=patience)
    except TimeoutError as error:
        stop(str(error), NOT_ALL)


def _cancel(client: Client, operation: str, _: float | None) -> Operation:
    try:
        return client.cancel_operation(operation)
    except Conflict as error:
        stop(printable(error.message), NOT_ALL)


_ONE: dict[What, Callable[[Client, str, float | None], Operation]] = {
    What.SHOW: _show,
    What.WAIT: _wait,
    What.CANCEL: _cancel,
}


def _print(json: object, lines: Iterator[str]) -> None:
    """The JSON, or the lines if there is none."""
    if json is not None:
        typer.echo(orjson.dumps(json, option=orjson.OPT_INDENT_2))
    else:
        for line in lines:
            typer.echo(printable(line))


def _percent(found: Operation) -> str:
    return "" if found.percent is None else f"{found.percent} %"


def _line(found: Operation) -> str:
    return f"{found.id}  {found.created:%Y-%m-%d %H:%M}  {found.status:<10}  {_percent(found):>5}  {found.type}"


def _facts(found: Operation) -> Iterator[str]:
    yield f"{found.type}: {found.status} {_percent(found)}".rstrip()
    yield f"started {found.created:%Y-%m-%d %H:%M:%S}, last at work {found.updated:%Y-%m-%d %H:%M:%S} (UTC)"
    yield from found.resources
    for name, value in (found.results or {}).items():
        yield f"{name}: {value}"
    if found.error is not None:
        yield found.error

"""`filmroom tags`: the attributes that a service was told to make searchable."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

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
from filmroom.client import BadRequest, Client, Conflict, NewQueryTag, QueryTag
from filmroom.dicom import attributes


class What(StrEnum):
    """What to do, by the word that is typed."""

    LIST = "list"
    ADD = "add"
    DELETE = "delete"
    ENABLE = "enable"
    DISABLE = "disable"
    ERRORS = "errors"


class At(StrEnum):
    """A level, by the word that is typed."""

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


def tags(
    what: Annotated[
        What, typer.Argument(help="What to do.", metavar="list|add|delete|enable|disable|errors")
    ] = What.LIST,
    attribute: Annotated[
        str | None,
        typer.Argument(metavar="ATTRIBUTE", help="Keyword or eight hexadecimal digits.", show_default=False),
    ] = None,
    level: Annotated[
        At | None,
        typer.Option("--level", help="Where it is searched by: there and below.", show_default="needed to add"),
    ] = None,
    vr: Annotated[
        str | None, typer.Option("--vr", metavar="VR", help="Value Representation.", show_default="the dictionary's")
    ] = None,
    creator: Annotated[
        str | None,
        typer.Option("--creator", metavar="TEXT", help="Private Creator of a private attribute.", show_default="none"),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until what is stored is indexed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what the service answered, for programs.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """List the attributes that were made searchable, make more so, or fewer.

    What is stored is indexed in the background. Values that are not valid disable searches by their attribute until
    `enable`; `errors` says where they are.

    Exit codes: 1 there is no such attribute, the service refuses it, or what was waited for did not succeed; 2, 3 as
    for every command.

    Examples:

        filmroom tags add ProtocolName --level series --wait
        filmroom tags add 00111003 --level instance --vr LO --creator "MAKER 1.0"
        filmroom tags errors ProtocolName
    """
    with connect(url, token, timeout) as client:
        if what is What.LIST:
            listed = client.query_tags()
            _print([one.json for one in listed] if as_json else None, map(_line, listed))
            return
        if attribute is None:
            raise typer.BadParameter(f"name the attribute to {what}", param_hint="ATTRIBUTE")
        if what is What.ADD:
            if level is None:
                raise typer.BadParameter("say the level: study, series or instance", param_hint="--level")
            _add(client, NewQueryTag(attribute, level, vr, creator), wait=wait)
            return
        with existing(f"query tag {attribute}", client):
            _do(client, what, attribute, as_json=as_json)


def _add(client: Client, tag: NewQueryTag, *, wait: bool) -> None:
    try:
        operation = client.add_query_tags(tag)
    except (BadRequest, Conflict) as error:
        stop(printable(error.message), NOT_ALL)
    if not wait:
        typer.echo(operation)
        return
    ended = client.wait_for_operation(operation)
    if not ended.succeeded:
        stop(f"the operation {operation} {ended.status}: {printable(ended.error or '')}", NOT_ALL)
    typer.echo(printable(_line(client.query_tag(tag.path))))


def _do(client: Client, what: What, attribute: str, *, as_json: bool) -> None:
    if what is What.DELETE:
        client.delete_query_tag(attribute)
    elif what is What.ERRORS:
        _errors(client, attribute)
    else:
        found = client.update_query_tag(attribute, enabled=what is What.ENABLE)
        _print(found.json if as_json else None, iter([_line(found)]))


def _errors(client: Client, attribute: str) -> None:
    """All of them, page by page."""
    offset = 0
    while page := client.query_tag_errors(attribute, limit=200, offset=offset):
        offset += len(page)
        for error in page:
            resource = f"/studies/{error.study_instance_uid}/series/{error.series_instance_uid}"
            typer.echo(printable(f"{resource}/instances/{error.sop_instance_uid}  {error.message}"))


def _print(json: Any, lines: Iterator[str]) -> None:
    """The JSON, or the lines if there is none."""
    if json is not None:
        typer.echo(orjson.dumps(json, option=orjson.OPT_INDENT_2))
    else:
        for line in lines:
            typer.echo(printable(line))


def _line(tag: QueryTag) -> str:
    known = ((attributes.parse(part), part) for part in tag.path.split("."))
    name = ".".join((attributes.keyword(at) if at is not None else None) or part for at, part in known)
    state = tag.status if tag.enabled else f"{tag.status}, disabled"
    errors = f"  {tag.errors} errors" if tag.errors else ""
    creator = f'  "{tag.private_creator}"' if tag.private_creator else ""
    return f"{tag.path}  {tag.vr}  {tag.level:<8}  {state}{errors}  {name}{creator}"

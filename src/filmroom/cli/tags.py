"""`filmroom tags`: the attributes that a service was told to make searchable."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from filmroom.cli import operations, typed
from filmroom.cli.results import printable, tell, tell_all
from filmroom.cli.service import (
    DEFAULT_TIMEOUT,
    DEFAULT_URL,
    Timeout,
    Token,
    Url,
    connect,
    existing,
    obeyed,
)
from filmroom.client import Client, NewQueryTag, QueryTag, QueryTagError
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


Attribute = Annotated[
    str | None,
    typer.Argument(metavar="ATTRIBUTE", help="Keyword or tag, inside sequences a path with dots.", show_default=False),
]
Level = Annotated[
    At | None,
    typer.Option(
        "--level", case_sensitive=False, help="Where it is searched by: there and below.", show_default="needed to add"
    ),
]


def tags(
    what: Annotated[
        What, typer.Argument(help="What to do.", metavar="list|add|delete|enable|disable|errors")
    ] = What.LIST,
    attribute: Attribute = None,
    level: Level = None,
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
    adds = what is What.ADD
    of_add = {"--level": level, "--vr": vr, "--creator": creator, "--wait": wait or None}
    typed.refuse(
        (what is not What.LIST and attribute is None, "ATTRIBUTE", f"name the attribute to {what}"),
        (what is What.LIST and attribute is not None, "ATTRIBUTE", "the list is of all attributes"),
        (adds and level is None, "--level", "say the level: study, series or instance"),
        *((not adds and given is not None, name, "only `add` takes it") for name, given in of_add.items()),
        (what in {What.ADD, What.DELETE} and as_json, "--json", f"`{what}` has no answer to print"),
    )
    attribute = attribute and typed.path(attribute, "ATTRIBUTE")
    with connect(url, token, timeout) as client:
        if attribute is None:
            listed = client.query_tags()
            width = max((len(one.path) for one in listed), default=0)
            tell_all([one.json for one in listed], "query tags", (_line(one, width) for one in listed), as_json=as_json)
        elif level is not None:
            _add(client, NewQueryTag(attribute, level, vr, creator), wait=wait)
        else:
            with existing(f"query tag {attribute}", client), obeyed():
                _do(client, what, attribute, as_json=as_json)


def _add(client: Client, tag: NewQueryTag, *, wait: bool) -> None:
    with obeyed():
        operation = client.add_query_tags(tag)
    if operations.wait_or_tell(client, operation, until_it_ends=wait) is not None:
        typer.echo(printable(_line(client.query_tag(tag.path))))


def _do(client: Client, what: What, attribute: str, *, as_json: bool) -> None:
    if what is What.DELETE:
        client.delete_query_tag(attribute)
    elif what is What.ERRORS:
        errors = list(_errors(client, attribute))
        tell_all([error.json for error in errors], "errors", map(_error, errors), as_json=as_json)
    else:
        found = client.update_query_tag(attribute, enabled=what is What.ENABLE)
        tell(found.json if as_json else None, iter([_line(found)]))


def _errors(client: Client, attribute: str) -> Iterator[QueryTagError]:
    """All of them, page by page."""
    offset = 0
    while page := client.query_tag_errors(attribute, limit=200, offset=offset):
        offset += len(page)
        yield from page


def _error(error: QueryTagError) -> str:
    resource = f"/studies/{error.study_instance_uid}/series/{error.series_instance_uid}"
    return f"{resource}/instances/{error.sop_instance_uid}  {error.message}"


def _line(tag: QueryTag, width: int = 0) -> str:
    known = ((attributes.parse(part), part) for part in tag.path.split("."))
    name = ".".join((attributes.keyword(at) if at is not None else None) or part for at, part in known)
    state = tag.status if tag.enabled else f"{tag.status}, disabled"
    errors = f"  {tag.errors} errors" if tag.errors else ""
    creator = f'  "{tag.private_creator}"' if tag.private_creator else ""
    return f"{tag.path:{width}}  {tag.vr}  {tag.level:<8}  {state}{errors}  {name}{creator}"

"""`filmroom token`: static tokens, for a site without an identity provider."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from filmroom import tokens
from filmroom.archive import PRIVATE, is_archive
from filmroom.cli import configuration, typed
from filmroom.cli.exits import NOT_ALL, REFUSED, stop
from filmroom.cli.noted import write_down
from filmroom.cli.results import printable, tell_all, when
from filmroom.cli.service import partition_name
from filmroom.errors import Unavailable
from filmroom.settings import Settings
from filmroom.tokens import StaticToken


class What(StrEnum):
    """What to do, by the word that is typed."""

    LIST = "list"
    CREATE = "create"
    REVOKE = "revoke"


File = Annotated[
    str | None,
    typer.Option(
        "--tokens",
        metavar="FILE",
        show_default="tokens.json in the data folder",
        help="File of the tokens. \\[env: FILMROOM_TOKENS]",
    ),
]


def token(
    what: Annotated[What, typer.Argument(help="What to do.", metavar="list|create|revoke")] = What.LIST,
    id_: Annotated[
        str | None, typer.Argument(metavar="ID", help="The token to revoke, as `list` has it.", show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Whose it is: a person or a program.", show_default="needed")
    ] = None,
    role: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A role; may be repeated.", show_default="needed")
    ] = None,
    partition: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="In this data partition alone; may be repeated.", show_default="all"),
    ] = None,
    expires: Annotated[
        timedelta | None,
        typer.Option(parser=typed.duration, metavar="TIME", help="How long it is good: 90d.", show_default="for ever"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
    file: File = None,
    data: configuration.Data = None,
    config: configuration.Config = None,
) -> None:
    """Make a token that programs and people send to the service, list those that there are, or revoke one.

    On the machine where the service runs. What is kept is a digest: the token is shown once, when it is made. With the
    first token the service asks everybody for one, from its next start on; later ones are good at once, and revoked
    ones refused within a second.

    Roles are reader, writer, admin, monitor, and those of the settings.

    Exit codes: 1 there is no such token; 2 a bad setting or option; 3 the file can't be read or written.

    Examples:

        filmroom token create --name "CT 2" --role writer --expires 365d
        filmroom token revoke 5b1c22f0
    """
    creates = what is What.CREATE
    of_create = {"--name": name, "--role": role or None, "--partition": partition or None, "--expires": expires}
    typed.refuse(
        (creates and not name, "--name", "say whose it is"),
        (creates and not role, "--role", "say what it is for, such as reader, writer or admin"),
        (what is What.REVOKE and id_ is None, "ID", "name the token to revoke: `filmroom token` lists them"),
        (what is not What.REVOKE and id_ is not None, "ID", "only `revoke` takes it"),
        *((not creates and given is not None, option, "only `create` takes it") for option, given in of_create.items()),
    )
    settings = configuration.given({"data": data, "tokens": file}, config)
    try:
        if creates:
            assert name is not None
            _create(settings, name, role or [], partition or [], expires, as_json=as_json)
        elif id_ is not None:
            _revoke(settings, id_)
        else:
            _tell(settings, as_json=as_json)
    except Unavailable as error:
        stop(str(error), REFUSED)


def _create(
    settings: Settings,
    name: str,
    roles: Sequence[str],
    partitions: Sequence[str],
    expires: timedelta | None,
    *,
    as_json: bool,
) -> None:
    for one in roles:
        if one not in settings.grants:
            known = ", ".join(sorted(settings.grants))
            raise typer.BadParameter(f"there is no role {one!r}; there are: {known}", param_hint="--role")
    for one in partitions:
        partition_name(one)
    path = settings.tokens_file
    is_first, new_data = not path.exists(), settings.tokens is None and not is_archive(settings)
    _with_folder(path)
    made, text = tokens.create(path, name, roles, partitions, None if expires is None else expires.total_seconds())
    given = {"name": name, "roles": list(roles), "partitions": list(partitions) or None}
    write_down(settings, "create-token", token=made.id, **given)
    if as_json:
        tell_all([_described(made) | {"token": text}], "tokens", iter(()), as_json=True)
        return
    typer.echo(text)
    where = path.absolute()
    typer.echo(f"Token {made.id} of {printable(name)}, shown this once. It is kept in {where} as a digest.", err=True)
    if is_first:
        typer.echo(f"It is the first in {where}: the service asks for tokens from its next start on.", err=True)
    if new_data:
        typer.echo(
            f"There is no data in {path.parent.absolute()} yet: name the folder of the service with --data if that is "
            "another.",
            err=True,
        )


def _tell(settings: Settings, *, as_json: bool) -> None:
    path = settings.tokens_file
    listed = tokens.read(path) if path.exists() else []
    if not path.exists():
        typer.echo(f"filmroom: there is no file of tokens at {path.absolute()}", err=True)
    tell_all([_described(one) for one in listed], "tokens", _lines(listed), as_json=as_json)


def _revoke(settings: Settings, wanted: str) -> None:
    if not tokens.revoke(settings.tokens_file, wanted):
        stop(f"there is no token {printable(wanted)}: `filmroom token` lists them", NOT_ALL)
    write_down(settings, "revoke-token", token=wanted)


def _with_folder(path: Path) -> None:
    try:
        path.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        stop(f"the folder {path.parent} can't be made: {error.strerror}", REFUSED)


def _described(one: StaticToken) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "roles": list(one.roles),
        "partitions": list(one.partitions),
        "created": _iso(one.created),
        "expires": None if one.expires is None else _iso(one.expires),
    }


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _lines(listed: Sequence[StaticToken]) -> Iterator[str]:
    width = max((len(one.name) for one in listed), default=0)
    for one in listed:
        where = f" in {', '.join(one.partitions)}" if one.partitions else ""
        yield printable(f"{one.id}  {one.name:{width}}  {', '.join(one.roles)}{where}  {_until(one.expires)}")


def _until(expires: float | None) -> str:
    if expires is None:
        return "does not expire"
    return f"{'expired' if expires <= time.time() else 'until'} {when(expires)}"

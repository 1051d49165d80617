"""`filmroom migrate`: bring the index to the schema of this version, on the machine where the settings lie."""

from typing import Annotated

import typer
from sqlalchemy import URL

from filmroom import archive
from filmroom.cli import configuration
from filmroom.cli.exits import NOT_ALL, REFUSED, stop
from filmroom.cli.progress import counter
from filmroom.errors import Unavailable
from filmroom.services import migrate as migration


def migrate(
    data: configuration.Data = None,
    check: Annotated[bool, typer.Option("--check", help="Say what there is to do, and do nothing.")] = False,
    backup: Annotated[
        bool, typer.Option("--backup/--no-backup", help="Copy an index in SQLite before, beside itself.")
    ] = True,
    config: configuration.Config = None,
) -> None:
    """Change the index of an older version of Filmroom into that of this one.

    End all services on it first; they would go on with what they know. An index in PostgreSQL is backed up by you, for
    example with pg_dump. Each change is made whole or not at all: if it is stopped, run it again.

    Exit codes: 0 the index is ready; 1 with --check, there is something to do; 3 it can't be done, and nothing changed.

    Example: filmroom migrate --data /srv/images
    """
    settings = configuration.of_index({"data": data}, config)
    url = archive.index_url(settings)
    try:
        _check(url) if check else _migrate(url, backup)
    except Unavailable as error:
        stop(str(error), REFUSED)


def _check(url: str | URL) -> None:
    steps = migration.pending(url)
    for step in steps:
        typer.echo(f"To do: {step}")
    if steps:
        raise typer.Exit(NOT_ALL)
    typer.echo("Nothing is to be done.")


def _migrate(url: str | URL, backup: bool) -> None:
    with counter("copied %", quiet=False) as copies:
        done = migration.migrate(
            url,
            backup=backup,
            copies=copies,
            copied=lambda path: typer.echo(f"Copied: the index as it was, to {path}"),
            begins=lambda step: typer.echo(f"Begun: {step}"),
        )
    typer.echo("Done: the index is ready." if done else "Nothing is to be done.")

"""`filmroom delete`: delete a study, a series or an instance, after asking."""

import sys
from typing import Annotated

import typer

from filmroom.cli.exits import USAGE, stop
from filmroom.cli.service import (
    DEFAULT_TIMEOUT,
    DEFAULT_URL,
    Instance,
    Partition,
    Series,
    Study,
    Timeout,
    Token,
    Url,
    connect,
    existing,
    shown,
    stoppable,
)
from filmroom.client import Client
from filmroom.dicom.resources import Resource


def delete(
    study: Study,
    series: Series = None,
    instance: Instance = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask. Needed where nobody can answer, in a script.")
    ] = False,
    url: Url = DEFAULT_URL,
    partition: Partition = None,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Delete a study, or one series of it, or one instance of that. It can't be undone.

    Exit codes: 1 there is nothing of these UIDs, or the answer was no; 2, 3 as for every command.

    Examples:

        filmroom delete 1.2.3
        filmroom delete 1.2.3 1.2.3.4 1.2.3.4.5 --yes
    """
    target = Resource(study, series, instance)
    within = f" of the partition {partition}" if partition else ""
    if not yes:
        _confirm(f"Delete the {target.level.name.lower()} {target.path}{within} at {shown(url)}?")
    with (
        stoppable("the service was not heard, so it may be deleted or not"),
        connect(url, token, timeout, partition) as client,
        existing(target.path, client),
    ):
        _delete(client, target)


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        stop("standard input is no terminal, so nobody can confirm the delete: add --yes to delete all the same", USAGE)
    typer.confirm(question, abort=True, err=True)


def _delete(client: Client, target: Resource) -> None:
    if target.instance is not None:
        client.delete_instance(str(target.study), str(target.series), target.instance)
    elif target.series is not None:
        client.delete_series(str(target.study), target.series)
    else:
        client.delete_study(str(target.study))

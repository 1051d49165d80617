"""What the commands that talk to a service share: its options, a client of it, and the exit codes."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import httpx2
import typer

from filmroom.client import Client, ClientError, ServiceWarning

DEFAULT_URL = "http://127.0.0.1:8080/dicomweb"
DEFAULT_TIMEOUT = 60.0
CONNECT_TIMEOUT = 10.0  # seconds; whoever listens answers sooner
SERVICE = "Service"  # the heading of these options in the help

# Exit codes. 2, a command line that is not understood, is typer's own.
NOT_ALL, REFUSED = 1, 3

Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="FILMROOM_URL",
        metavar="URL",
        rich_help_panel=SERVICE,
        help="The root of the service, under which /studies lies.",
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="FILMROOM_TOKEN",
        metavar="TEXT",
        rich_help_panel=SERVICE,
        show_default="none",
        help="Bearer token that the service wants. In the variable it stays out of the list of processes.",
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        min=0.1,
        metavar="SECONDS",
        rich_help_panel=SERVICE,
        help="How long the service may stay silent before it is given up.",
    ),
]


def _uid(value: str | None) -> str | None:
    if value is not None and not value.strip(" ."):
        raise typer.BadParameter("a UID is digits and dots, and not nothing")
    return value


Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing but what went wrong, and show no progress bar.")
]
Study = Annotated[str, typer.Argument(metavar="STUDY", callback=_uid, help="Study Instance UID.")]
Series = Annotated[
    str | None,
    typer.Argument(metavar="SERIES", callback=_uid, show_default="the whole study", help="Series Instance UID."),
]
Instance = Annotated[
    str | None,
    typer.Argument(metavar="INSTANCE", callback=_uid, show_default="the whole series", help="SOP Instance UID."),
]


@contextmanager
def connect(url: str, token: str | None, timeout: float) -> Iterator[Client]:
    """A client of the service. What the service refuses, or that it is not there, ends the program."""
    limits = httpx2.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT))
    try:
        client = Client(url, token=token, timeout=limits)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from error
    with client, _said():
        try:
            yield client
        except ClientError as error:
            stop(f"{client.base_url}: {error}", REFUSED)


@contextmanager
def _said() -> Iterator[None]:
    """Say at the end what the service warned of: it did what was asked, but not wholly as asked."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")  # pydicom's doubts about values are not for people at a shell
        warnings.simplefilter("always", ServiceWarning)
        try:
            yield
        finally:
            for text in dict.fromkeys(str(warning.message) for warning in caught):
                typer.echo(f"filmroom: the service warns: {text}", err=True)


def stop(message: str, code: int) -> NoReturn:
    """End the program with a message for a person and a code for a script."""
    typer.echo(f"filmroom: {message}", err=True)
    raise typer.Exit(code)

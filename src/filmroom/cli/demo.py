"""`filmroom demo`: the whole tutorial against a service, step by step, with a verdict at the end."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx2
import typer
from rich.console import Console
from rich.markup import escape

from filmroom.cli import launch
from filmroom.cli.exits import NOT_ALL, REFUSED, stop
from filmroom.cli.service import DEFAULT_TIMEOUT, Impatient, Timeout, Token, explain, is_no_root, shown
from filmroom.cli.walkthrough import STEPS, CheckFailed, SamplesAreThere, Step, Tour
from filmroom.client import Client, ClientError, ConnectionFailed, Unauthorized

DIALECT = "/v2"  # the root that the tutorial was written for


class Journal:
    """What was asked and answered since it was last read, as `GET /studies → 200`."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def note(self, response: httpx2.Response) -> None:
        """Called by httpx2 for each answer."""
        target = response.request.url.raw_path.decode("ascii")
        self._lines.append(
            f"{response.request.method} {shorten(target)} → {response.status_code} {response.reason_phrase}"
        )

    def take(self) -> list[str]:
        """The lines, which are forgotten then."""
        lines, self._lines = self._lines, []
        return lines


def demo(
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            show_default="a service of its own, started and ended",
            help="Root of a service that runs: http://127.0.0.1:8080/v2. The samples are stored there and deleted.",
        ),
    ] = None,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Walk the whole tutorial: store, retrieve, search and delete, and check the result of every step.

    Without --url it starts a service in a temporary folder on a free port, and leaves nothing behind.

    Exit codes: 0 every check held; 1 one did not; 3 the service can't be started or reached, or refuses.

    Examples:

        filmroom demo
        filmroom demo --url http://127.0.0.1:8080/dicomweb
    """
    console = Console(highlight=False, soft_wrap=True)
    try:
        with (
            _service(url) as root,
            tempfile.TemporaryDirectory() as folder,
            _tour(root, token, timeout, Path(folder)) as (tour, journal),
        ):
            console.print(f"[bold]The tutorial against {escape(shown(root))}[/]\n")
            failed = _walk(console, tour, journal)
    except launch.Ended as error:
        stop(f"the service that was started ended by itself: {error}", REFUSED)
    except (SamplesAreThere, httpx2.TransportError) as error:
        stop(str(error), REFUSED)
    except ClientError as error:
        stop(explain(error, (url or "the service that was started").rstrip("/")), REFUSED)
    if failed:
        console.print(f"\n[bold red]Not every check held[/]: {escape('; '.join(failed))}")
        raise typer.Exit(NOT_ALL)
    console.print(f"\n[bold green]All {len(STEPS)} steps are done and every check held.[/]")


def _walk(console: Console, tour: Tour, journal: Journal) -> list[str]:
    """Do every step. One that fails does not stop the rest, so that all that is wrong is seen at once."""
    failed = []
    for number, step in enumerate(STEPS, 1):
        holds, result = _do(step, tour)
        console.print(f"[bold]{'[green]✓' if holds else '[red]✗'}[/] {number:2} {escape(step.title)}[/]")
        for line in journal.take():
            console.print(f"       [cyan]{escape(line)}[/]")
        console.print(f"       {escape(result)}")
        if not holds:
            failed.append(f"step {number}, {result}")
    return failed


def _do(step: Step, tour: Tour) -> tuple[bool, str]:
    try:
        return True, step.do(tour)
    except (ConnectionFailed, Unauthorized):
        raise  # so would all others
    except (CheckFailed, ClientError) as error:
        if is_no_root(error, tour.client.base_url):
            raise
        return False, str(error)


@contextmanager
def _service(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="filmroom-demo-") as folder, launch.service(Path(folder)) as root:
        yield root + DIALECT


@contextmanager
def _tour(url: str, token: str | None, timeout: float, folder: Path) -> Iterator[tuple[Tour, Journal]]:
    journal = Journal()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with httpx2.Client(headers=headers, timeout=timeout, event_hooks={"response": [journal.note]}) as http:
        yield Tour(Client(url, timeout=timeout, retries=Impatient(), http=http), http, folder), journal


def shorten(target: str) -> str:
    """A path with the last six digits of each UID, enough to tell the samples' apart: `/studies/…187420`."""
    return re.sub(r"[0-9.]{20,}(?=[0-9]{6})", "…", target)

"""`filmroom doctor`: whether a service is set up well, and what to do about what is not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer

from filmroom.cli import checks, configuration
from filmroom.cli.exits import NOT_ALL
from filmroom.cli.results import printable
from filmroom.services.diagnosis import Finding, Level, problem


def doctor(
    data: configuration.Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array, for programs.")] = False,
    config: configuration.Config = None,
) -> None:
    """Look at settings, tokens, folders, disks, index, files, webhooks, the public URL and what is installed, and say
    what to do.

    Each is tried as the service uses it, and nothing is left behind. The service may be running; what is asked of the
    public URL needs it. Run it as the user of the service, on its machine. No secret is shown.

    Exit codes: 0 no problem, though there may be warnings; 1 there is a problem.

    Example: filmroom doctor --config /etc/filmroom.toml
    """
    bad = False
    found = []
    for name, finding in _look(data, config):
        bad = bad or finding.level is Level.PROBLEM
        found.append({"check": name, "level": finding.level, "text": finding.text, "advice": finding.advice})
        if not as_json:
            said = f"{finding.text.removesuffix('.')}: {finding.advice}" if finding.advice else finding.text
            typer.echo(printable(f"{finding.level:8} {name:11} {said}"))
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    if bad:
        raise typer.Exit(NOT_ALL)


def _look(data: str | None, config: Path | None) -> Iterator[tuple[str, Finding]]:
    try:
        settings = configuration.read({"data": data}, config, warns=False).at_start()
    except configuration.BadSettings as error:
        for line in str(error).splitlines():
            yield "settings", problem(line, "nothing else can be looked at before that is right")
        return
    for name, check in checks.CHECKS.items():
        for finding in check(settings):
            yield name, finding

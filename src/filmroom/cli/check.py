"""`filmroom check`: whether what is stored is sound, on the machine where it lies."""

import json
from collections import Counter
from contextlib import closing
from typing import Annotated

import typer

from filmroom.archive import Archive
from filmroom.cli import configuration, typed
from filmroom.cli.exits import NOT_ALL, REFUSED, stop
from filmroom.cli.noted import write_down
from filmroom.cli.progress import files_bar
from filmroom.cli.service import Quiet, stoppable
from filmroom.errors import Unavailable
from filmroom.services import check as service
from filmroom.services.check import Asked, Problem

SHOWN = 1000  # problems that are named; all are counted


def check(
    data: configuration.Data = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Look at the lengths of files, not at their bytes, and at counts.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended without loss: counts, values, left files.")
    ] = False,
    remove_lost: Annotated[
        bool, typer.Option("--remove-lost", help="Delete the instances whose files are gone for good.")
    ] = False,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Files read at once.")] = service.THREADS,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON, for programs.")] = False,
    quiet: Quiet = False,
    config: configuration.Config = None,
) -> None:
    """Check that every file is there and is what was stored, and that the index agrees with itself.

    Every byte is read, unless --quick is given. The service may be running. Nothing is changed without --repair or
    --remove-lost; before the latter, look for the files in a backup.

    Exit codes: 0 all is sound, or was mended; 1 there are problems; 2 a bad setting; 3 the data can't be used; 130
    ended by Ctrl-C.

    Examples:

        filmroom check --data /srv/images
        filmroom check --data /srv/images --quick --repair
    """
    typed.refuse((as_json and quiet, "--quiet", "with --json there is nothing else to say"))
    settings = configuration.of_service({"data": data}, config)
    try:
        with (
            stoppable("what was mended is mended"),
            closing(Archive.open(settings, checking=not remove_lost)) as archive,
            files_bar("Checking", quiet or as_json) as progress,
        ):
            asked = Asked(quick, repair, remove_lost, parallel, progress=progress)
            problems = list(service.check(archive, asked))
            if repair or remove_lost:
                mended = [problem.where for problem in problems if problem.repaired]
                write_down(settings, "repair", number=len(mended), items=mended[:SHOWN])
    except Unavailable as error:
        stop(f"The check could not be ended: {error}", REFUSED)
    if as_json:
        typer.echo(json.dumps(_json(problems), indent=2))
    else:
        _tell(problems, quiet)
    if any(not problem.repaired for problem in problems):
        raise typer.Exit(NOT_ALL)


def _json(problems: list[Problem]) -> dict[str, object]:
    names = ("kind", "where", "text", "repaired")
    return {
        "sound": not problems,
        "problems": [{name: getattr(problem, name) for name in names} for problem in problems],
    }


def _tell(problems: list[Problem], quiet: bool) -> None:
    for problem in problems[:SHOWN]:
        done = " (mended)" if problem.repaired else ""
        typer.echo(f"{problem.kind}: {problem.where}: {problem.text}{done}", err=True)
    if len(problems) > SHOWN:
        typer.echo(f"… and {len(problems) - SHOWN} more; --json lists all.", err=True)
    if quiet:
        return
    found, mended = Counter(one.kind for one in problems), Counter(one.kind for one in problems if one.repaired)
    for kind in service.Kind:
        typer.echo(f"{kind:<28}{found[kind]:>10}" + (f"  {mended[kind]} mended" if mended[kind] else ""))
    typer.echo("All is sound." if not problems else "All was mended." if found == mended else "There are problems.")

"""`filmroom store`: send files and folders to a service, and say of each file that was not stored why."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from filmroom.cli import typed
from filmroom.cli.exits import INTERRUPTED, NOT_ALL, REFUSED, stop
from filmroom.cli.progress import bar
from filmroom.cli.results import printable
from filmroom.cli.service import (
    DEFAULT_TIMEOUT,
    DEFAULT_URL,
    Partition,
    Quiet,
    Timeout,
    Token,
    Url,
    connect,
    explain,
    uid,
)
from filmroom.client import (
    BadResponse,
    ClientError,
    ConnectionFailed,
    Outcome,
    ResponseError,
    StoreFailed,
    StoreResult,
)
from filmroom.client.exceptions import Interrupted

OF_THE_SERVICE = (BadResponse, ConnectionFailed, ResponseError)  # the other errors are those of files
ALREADY_STORED = 0xB00E
ALREADY = "under its UIDs something is stored already, these bytes or others"


def store(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH…", exists=True, help="DICOM files, and folders that hold DICOM files at any depth."
        ),
    ],
    study: Annotated[
        str | None,
        typer.Option(metavar="UID", callback=uid, show_default="any", help="Refuse whatever is not of this study."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace instances that are stored already (PUT; not every service can).")
    ] = False,
    expires: Annotated[
        timedelta | None,
        typer.Option(
            parser=typed.duration,
            metavar="TIME",
            show_default="never",
            help="Have the studies deleted after so long, 30d, 12h, 45m or 90s, unless something is stored to them by "
            "then (Azure, Filmroom).",
        ),
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, max=32, help="Requests at once, each of up to 20 files.")] = 4,
    quiet: Quiet = False,
    url: Url = DEFAULT_URL,
    partition: Partition = None,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Send DICOM files to a service.

    A file that is named is sent in any case. In folders, files that do not begin like DICOM, hidden ones, DICOMDIRs and
    links to folders are passed over; how many is said at the end. Whatever was not stored is said on standard error, a
    line for each file with the reason; a folder that can't be read is such a line too.

    Exit codes: 0 all are stored; 1 some are not; 2 a path does not exist or the command line is not understood; 3 the
    service can't be reached, or refuses; 130 ended by Ctrl-C.

    Examples:

        filmroom store scan.dcm
        filmroom store /media/cdrom --parallel 8
    """
    with connect(url, token, timeout, partition) as client, bar("Storing", quiet) as progress:
        send = partial(client.store_instances, paths, study, replace=replace, expires=expires)
        send = partial(send, parallel=parallel, progress=progress)
        result, code, said = _result(send, client.base_url)
    if not result.outcomes and code != INTERRUPTED:
        stop(f"there are no DICOM files in what was named{_passed_over(result)}", NOT_ALL)
    for outcome in result.outcomes:
        if outcome.status != "stored" and outcome.reason != said:
            typer.echo(printable(line(outcome)), err=True)
    if code == INTERRUPTED:
        stop(f"stopped; {len(result.stored)} stored until then; what was under way may be stored or not", code)
    if not quiet:
        typer.echo(summary(result))
    raise typer.Exit(code)


def _result(send: Callable[[], StoreResult], url: str) -> tuple[StoreResult, int, str]:
    """What became of the files, the exit code, and a reason that need not be said again for every file.

    A service that gives out half way leaves a result too, and so does Ctrl-C.
    """
    try:
        result = send()
    except StoreFailed as error:
        return error.result, NOT_ALL, ""
    except ClientError as error:
        if not isinstance(error, OF_THE_SERVICE):
            return error.result, NOT_ALL, ""
        typer.echo(f"filmroom: {explain(error, url)}", err=True)
        return error.result, REFUSED, "" if error.result.stored else str(error)
    except KeyboardInterrupt as stopped:
        result = stopped.result if isinstance(stopped, Interrupted) else StoreResult([], [], [])
        return result, INTERRUPTED, ""
    return result, NOT_ALL if result.failed else 0, ""


def line(outcome: Outcome) -> str:
    """One line for a person: which file, whether it is stored, and what the service says of it."""
    which = outcome.path or outcome.sop_instance_uid or "a file"
    said = outcome.explanation
    if outcome.code == ALREADY_STORED:
        # Some services say this of the same bytes too.
        said = f"{said.rstrip('.') if outcome.comments else ALREADY}; --replace replaces it"
    return f"{which}: {'stored, but ' if outcome.status == 'warning' else 'not stored: '}{said}"


def summary(result: StoreResult) -> str:
    """`3 of 4 stored, 1 of them with a warning; 2 files and 1 link passed over.`"""
    warned = f", {len(result.warned)} of them with a warning" if result.warned else ""
    return f"{len(result.stored)} of {len(result.outcomes)} stored{warned}{_passed_over(result)}."


def _passed_over(result: StoreResult) -> str:
    return f"; {result.passed_over} passed over" if result.passed_over else ""

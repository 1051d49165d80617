"""`filmroom retrieve`: download a study, a series or an instance into a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypedDict

import typer

from filmroom.cli.progress import bar
from filmroom.cli.service import (
    DEFAULT_TIMEOUT,
    DEFAULT_URL,
    NOT_ALL,
    Instance,
    Quiet,
    Series,
    Study,
    Timeout,
    Token,
    Url,
    connect,
    existing,
    stop,
)
from filmroom.client import Progress
from filmroom.dicom import transfer_syntax
from filmroom.dicom.resources import Resource


class Shared(TypedDict):
    """What both kinds of download take."""

    transfer_syntax: str
    progress: Callable[[Progress], None] | None


def _syntax(value: str) -> str:
    """The Transfer Syntax that was typed. What is none never reaches the service."""
    uid = transfer_syntax.named(value)
    if uid is None:
        raise typer.BadParameter(
            f"{value!r} is no Transfer Syntax: the UID of one, or one of {', '.join(transfer_syntax.NAMES)}"
        )
    return uid


def _folder(folder: Path | None, archive: Path | None, dicomdir: bool) -> Path:
    """Where the files go. Options that would have no effect are refused."""
    if dicomdir and archive is None:
        raise typer.BadParameter("a DICOMDIR is made in an archive: add --zip FILE", param_hint="--dicomdir")
    if archive is not None and folder is not None:
        raise typer.BadParameter(
            "either into a folder or into an archive: --zip names its whole path", param_hint="--to"
        )
    if folder is not None and folder.exists() and not folder.is_dir():
        raise typer.BadParameter(f"{folder} is a file, and the files are written into a folder", param_hint="--to")
    return folder or Path()


To = Annotated[
    Path | None,
    typer.Option(
        "--to",
        "-o",
        metavar="DIR",
        show_default="where you are",
        help="Folder for the files; made if it is not there.",
    ),
]


def retrieve(
    study: Study,
    series: Series = None,
    instance: Instance = None,
    folder: To = None,
    syntax: Annotated[
        str,
        typer.Option(
            "--transfer-syntax",
            metavar="NAME|UID",
            callback=_syntax,
            show_default="stored, as they are",
            help=f"Transfer Syntax to ask for: a UID, or one of {', '.join(transfer_syntax.NAMES)}.",
        ),
    ] = "*",
    archive: Annotated[
        Path | None, typer.Option("--zip", metavar="FILE", help="Save one ZIP archive under this name instead.")
    ] = None,
    dicomdir: Annotated[
        bool, typer.Option("--dicomdir", help="With --zip: with a DICOMDIR, for a CD or another archive.")
    ] = False,
    quiet: Quiet = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Download a study, or one series of it, or one instance of that.

    The files are named DIR/study/series/instance.dcm by their UIDs; files of these names are replaced. Their paths
    are printed. What arrived before an answer broke off stays.

    Exit codes: 0 all was saved; 1 there is nothing of these UIDs, or DIR can't be written; 2, 3 as for every command.

    Examples:

        filmroom retrieve 1.2.3 --to downloads
        filmroom retrieve 1.2.3 1.2.3.4 1.2.3.4.5 --transfer-syntax explicit
        filmroom retrieve 1.2.3 --zip study.zip --dicomdir
    """
    folder = _folder(folder, archive, dicomdir)
    target = Resource(study, series, instance)
    with connect(url, token, timeout) as client, existing(target.path, client), bar("Retrieving", quiet) as progress:
        try:
            uids, shared = (study, series, instance), Shared(transfer_syntax=syntax, progress=progress)
            if archive is None:
                paths = client.download(*uids, folder=folder, **shared)
            else:
                paths = [client.download_zip(*uids, path=archive, dicomdir=dicomdir, **shared)]
        except OSError as error:
            stop(f"can't write to {archive or folder}: {error.strerror}", NOT_ALL)
    if not quiet:
        typer.echo("\n".join(map(str, paths)))

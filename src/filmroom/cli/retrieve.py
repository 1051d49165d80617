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
    is_no_root,
    stop,
)
from filmroom.client import NotFound, Progress
from filmroom.dicom.resources import Resource


class Shared(TypedDict):
    """What both kinds of download take."""

    transfer_syntax: str
    progress: Callable[[Progress], None] | None


def retrieve(
    study: Study,
    series: Series = None,
    instance: Instance = None,
    folder: Annotated[
        Path, typer.Option("--to", "-o", metavar="DIR", help="Folder for the files; made if it is not there.")
    ] = Path(),
    transfer_syntax: Annotated[
        str,
        typer.Option(
            metavar="UID",
            show_default="*, as they are stored",
            help="Transfer Syntax to ask for: 1.2.840.10008.1.2.1 is uncompressed, Explicit VR Little Endian.",
        ),
    ] = "*",
    archive: Annotated[
        Path | None,
        typer.Option(
            "--zip", metavar="FILE", help="Save one ZIP archive under this name instead of a file for each instance."
        ),
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
        filmroom retrieve 1.2.3 1.2.3.4 1.2.3.4.5 --transfer-syntax 1.2.840.10008.1.2.1
        filmroom retrieve 1.2.3 --zip study.zip --dicomdir
    """
    with connect(url, token, timeout) as client, bar("Retrieving", quiet) as progress:
        try:
            uids, shared = (study, series, instance), Shared(transfer_syntax=transfer_syntax, progress=progress)
            if archive is None:
                paths = client.download(*uids, folder=folder, **shared)
            else:
                paths = [client.download_zip(*uids, path=archive, dicomdir=dicomdir, **shared)]
        except NotFound as error:
            if is_no_root(error, client.base_url):
                raise
            stop(f"there is no {Resource(study, series, instance).path} at {client.base_url}", NOT_ALL)
        except OSError as error:
            stop(f"can't write to {archive or folder}: {error.strerror}", NOT_ALL)
    if not quiet:
        typer.echo("\n".join(map(str, paths)))

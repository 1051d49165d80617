"""`filmroom retrieve`: download a study, a series or an instance into a folder, or frames and bulk values of one."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated, TypedDict

import typer

from filmroom.cli import bulkdata, frames, typed
from filmroom.cli.progress import bar
from filmroom.cli.saving import Uids, saving
from filmroom.cli.service import (
    DEFAULT_TIMEOUT,
    DEFAULT_URL,
    Instance,
    Partition,
    Quiet,
    Series,
    Study,
    Timeout,
    Token,
    Url,
    connect,
    existing,
)
from filmroom.client import Client, Progress
from filmroom.dicom import transfer_syntax
from filmroom.dicom.resources import Resource

AS_STORED = "--transfer-syntax stored"


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


def _check(folder: Path | None, archive: Path | None, dicomdir: bool) -> None:
    typed.refuse(
        (dicomdir and archive is None, "--dicomdir", "a DICOMDIR is made in an archive: add --zip FILE"),
        (archive and folder, "--to", "either into a folder or into an archive: --zip names its whole path"),
        (
            folder and folder.exists() and not folder.is_dir(),
            "--to",
            f"{folder} is a file, and the files are written into a folder",
        ),
    )


def _check_values(
    syntax: str,
    archive: Path | None,
    numbers: typed.Frames | None,
    name: str | None,
    part: typed.ByteRange | None,
) -> None:
    typed.refuse(
        (part and not name, "--bytes", "bytes are those of a bulk value: add --bulkdata NAME"),
        (numbers and name, "--bulkdata", "either frames or a bulk value"),
        (numbers and archive, "--zip", "an archive holds whole instances: leave out --frames"),
        (name and archive, "--zip", "an archive holds whole instances: leave out --bulkdata"),
        (
            name and syntax != "*",
            "--transfer-syntax",
            "a bulk value comes as it is stored; images come in another Transfer Syntax with --frames",
        ),
    )


def _one(target: Resource, option: str) -> Uids:
    """The UIDs of the instance that it is a part of."""
    if target.study is None or target.series is None or target.instance is None:
        raise typer.BadParameter("it is of an INSTANCE, which is not named", param_hint=option)
    return target.study, target.series, target.instance


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
Syntax = Annotated[
    str,
    typer.Option(
        "--transfer-syntax",
        metavar="NAME|UID",
        callback=_syntax,
        show_default="stored, as they are",
        help=f"Transfer Syntax to ask for: a UID, or one of {', '.join(transfer_syntax.NAMES)}.",
    ),
]
Archive = Annotated[
    Path | None, typer.Option("--zip", metavar="FILE", help="Save one ZIP archive under this name instead.")
]
Dicomdir = Annotated[bool, typer.Option("--dicomdir", help="With --zip: with a DICOMDIR, for a CD or another archive.")]
Frames = Annotated[
    typed.Frames | None,
    typer.Option(
        "--frames", metavar="LIST", parser=typed.frames, help="Save frames of the instance instead, each a file: 1,5,9."
    ),
]
Bulkdata = Annotated[
    str | None,
    typer.Option(
        "--bulkdata",
        metavar="NAME",
        parser=typed.bulk_path,
        help="Save a bulk value of the instance instead: a keyword, a tag, or in sequences SEQUENCE/1/ATTRIBUTE.",
    ),
]
Bytes = Annotated[
    typed.ByteRange | None,
    typer.Option(
        "--bytes",
        metavar="FIRST-LAST",
        parser=typed.byte_range,
        help="With --bulkdata: a part of it, counted from 0; FIRST- is up to the end.",
    ),
]


def retrieve(
    study: Study,
    series: Series = None,
    instance: Instance = None,
    folder: To = None,
    syntax: Syntax = "*",
    archive: Archive = None,
    dicomdir: Dicomdir = False,
    numbers: Frames = None,
    name: Bulkdata = None,
    part: Bytes = None,
    quiet: Quiet = False,
    url: Url = DEFAULT_URL,
    partition: Partition = None,
    token: Token = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Download a study, or one series of it, or one instance of that; or frames or a bulk value of an instance.

    The files are named DIR/study/series/instance.dcm by their UIDs, those of frames instance-5.raw or as what they
    are (.jpg, .jp2, …), of bulk values instance-EncapsulatedDocument.pdf; files of these names are replaced. Their
    paths are printed. What arrived before an answer broke off stays.

    Exit codes: 0 all was saved; 1 there is nothing of these UIDs, or not as asked for, or DIR can't be written; 2, 3 as
    for every command.

    Examples:

        filmroom retrieve 1.2.3 --to downloads
        filmroom retrieve 1.2.3 1.2.3.4 1.2.3.4.5 --transfer-syntax explicit
        filmroom retrieve 1.2.3 --zip study.zip --dicomdir
        filmroom retrieve 1.2.3 1.2.3.4 1.2.3.4.5 --frames 1,5,9 --to frames
        filmroom retrieve 1.2.3 1.2.3.4 1.2.3.4.5 --bulkdata EncapsulatedDocument
    """
    _check(folder, archive, dicomdir)
    _check_values(syntax, archive, numbers, name, part)
    target, into = Resource(study, series, instance), folder or Path()
    one = _one(target, "--frames" if numbers else "--bulkdata") if numbers or name else None
    note = ""
    with (
        connect(url, token, timeout, partition) as client,
        existing(_named(target, numbers, name), client, otherwise=AS_STORED if syntax != "*" else ""),
        saving(client, archive or into, printed=not quiet) as saved,
    ):
        if one and numbers:
            note = frames.save(client, one, numbers, syntax, into, saved)
        elif one and name:
            bulkdata.save(client, one, name, part, into, saved)
        else:
            _download(client, target, into, archive, dicomdir, syntax, quiet, saved)
    if note and not quiet:
        typer.echo(f"filmroom: {note}", err=True)


def _named(target: Resource, numbers: typed.Frames | None, name: str | None) -> str:
    """What is asked for, for who is told that it is not there."""
    if name:
        return f"{bulkdata.shown(name)} of {target.path}"
    return target.path + (f"/frames/{numbers}" if numbers else "")


def _download(
    client: Client,
    target: Resource,
    folder: Path,
    archive: Path | None,
    dicomdir: bool,
    syntax: str,
    quiet: bool,
    saved: list[Path],
) -> None:
    uids = (str(target.study), target.series, target.instance)
    with bar("Retrieving", quiet) as progress:
        shared = Shared(transfer_syntax=syntax, progress=progress)
        if archive is not None:
            saved.append(client.download_zip(*uids, path=archive, dicomdir=dicomdir, **shared))
            return
        with closing(client.iter_download(*uids, folder=folder, **shared)) as paths:
            saved.extend(paths)

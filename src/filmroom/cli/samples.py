"""`filmroom samples`: the tutorial's three files, drawn into a folder."""

from pathlib import Path
from typing import Annotated

import typer

from filmroom.cli.exits import NOT_ALL, stop
from filmroom.cli.tutorial import SAMPLES, file


def samples(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the files; made if it is not there.")],
) -> None:
    """Draw three DICOM files to try things with: a blue circle, a green square and a red triangle.

    They are one study of a patient who does not exist, in two series: RGB pictures of 979 rows by 985 columns, 9 MB in
    all. They are the same, byte for byte, every time; files of these names are replaced.

    Exit codes: 0 they are there; 1 DIR can't be written; 2 as for every command.

    Example:

        filmroom samples samples
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for sample in SAMPLES:
            path = folder / sample.file_name
            path.write_bytes(file(sample))
    except OSError as error:
        stop(f"can't write to {folder}: {error.strerror}", NOT_ALL)
    typer.echo("\n".join(str(folder / sample.file_name) for sample in SAMPLES))

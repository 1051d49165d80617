"""`filmroom sweep`: remove the files of deleted Instances, on the machine where the data lies."""

from pathlib import Path
from typing import Annotated, Any

import typer

from filmroom.archive import Archive
from filmroom.cli.service import REFUSED, stop
from filmroom.errors import Unavailable
from filmroom.services import delete
from filmroom.settings import Settings


def sweep(
    data: Annotated[
        Path | None, typer.Option(help="Folder that the service was given. \\[env: FILMROOM_DATA]", show_default=False)
    ] = None,
    delay: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds that a file must have been without a row. \\[env: FILMROOM_SWEEP_DELAY]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Remove the files of deleted and replaced Instances, and what a crash left behind.

    A delete is done when it is answered, but its files stay for a while, so that a retrieve that has begun can end.
    Run this now and then, for example once a day by cron; the service may be running.

    Example: filmroom sweep --data /srv/images
    """
    given: dict[str, Any] = {"data": data, "sweep_delay": delay}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    if not settings.data.is_dir():
        stop(f"There is no data in {settings.data.absolute()}: name the folder of the service with --data.", REFUSED)
    try:
        archive = Archive.open(settings)
        try:
            swept = delete.sweep(archive, settings.sweep_delay)
        finally:
            archive.close()
    except Unavailable as error:
        stop(f"The sweep could not be ended: {error}", REFUSED)
    typer.echo(f"{swept} files removed.")

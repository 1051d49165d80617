"""`filmroom sweep`: remove the files of deleted Instances, on the machine where the data lies."""

from pathlib import Path
from typing import Annotated

import typer

from filmroom.archive import Archive, is_archive
from filmroom.cli import configuration
from filmroom.cli.service import REFUSED, stop
from filmroom.errors import Unavailable
from filmroom.services import delete


def sweep(
    data: Annotated[
        str | None,
        typer.Option(
            help="Folder that the service was given. \\[env: FILMROOM_DATA]",
            metavar="FOLDER",
            show_default="filmroom-data",
        ),
    ] = None,
    delay: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds since the Instance was deleted or replaced. \\[env: FILMROOM_SWEEP_DELAY]",
            metavar="SECONDS",
            show_default="3600",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="TOML file with the settings of the service. \\[env: FILMROOM_CONFIG]",
            metavar="FILE",
            show_default="filmroom.toml, if it is there",
        ),
    ] = None,
) -> None:
    """Remove the files of deleted and replaced Instances, and what a crash left behind.

    A delete is done when it is answered, but its files stay for a while, so that a retrieve that has begun can end.
    Run this now and then, for example once a day by cron; the service may be running.

    Example: filmroom sweep --data /srv/images
    """
    try:
        settings = configuration.read({"data": data, "sweep_delay": delay}, config)
    except configuration.BadSettings as error:
        stop(str(error), configuration.BAD_SETTING)
    if not is_archive(settings.data):
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

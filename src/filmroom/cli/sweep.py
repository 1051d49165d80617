"""`filmroom sweep`: remove the files of deleted Instances, on the machine where the data lies."""

from typing import Annotated

import typer

from filmroom.archive import Archive
from filmroom.cli import configuration
from filmroom.cli.exits import REFUSED, stop
from filmroom.cli.noted import write_down
from filmroom.errors import Conflict, Unavailable
from filmroom.services import delete


def sweep(
    data: configuration.Data = None,
    delay: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds since the Instance was deleted or replaced. \\[env: FILMROOM_SWEEP_DELAY]",
            metavar="SECONDS",
            show_default="3600",
        ),
    ] = None,
    config: configuration.Config = None,
) -> None:
    """Remove the files of deleted and replaced Instances, and what a crash left behind.

    A delete is done when it is answered, but its files stay for a while, so that a retrieve that has begun can end.
    A service sweeps by itself every hour; this does it now, and the service may be running.

    Example: filmroom sweep --data /srv/images
    """
    settings = configuration.of_service({"data": data, "sweep_delay": delay}, config)
    try:
        archive = Archive.open(settings)
        try:
            swept = delete.sweep(archive, settings.sweep_delay)
            write_down(settings, "sweep", results={"filesRemoved": swept})
        finally:
            archive.close()
    except (Conflict, Unavailable) as error:
        stop(f"The sweep could not be ended: {error}", REFUSED)
    typer.echo(f"{swept} files removed.")

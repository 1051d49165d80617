"""What is done beside the archive, in the audit trail: the start and the stop of a service, what commands do."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import structlog
import typer

from filmroom import __version__
from filmroom.archive import trail as open_trail
from filmroom.audit.records import by_user
from filmroom.errors import Unavailable
from filmroom.settings import Settings

log = structlog.get_logger()


@contextmanager
def noted(settings: Settings) -> Iterator[None]:
    """Write down that the service starts, and when the block ends that it stops; a kill -9 leaves no stop.

    Unavailable if that can't be done, and nothing may be done without.
    """
    try:
        append(settings, "start", version=__version__)
    except OSError as error:
        if settings.audit_required:
            raise Unavailable(f"The audit trail can't be written: {error.strerror}.") from error
        log.error("audit trail can't be written", reason=error.strerror)
    try:
        yield
    finally:
        with suppress(OSError):
            append(settings, "stop", version=__version__)


def write_down(settings: Settings, action: str, **facts: object) -> None:
    """Write down what a command has done. If that can't be, whoever gave it is told so."""
    try:
        append(settings, action, **facts)
    except OSError as error:
        typer.echo(f"filmroom: this is not in the audit trail, which can't be written: {error.strerror}", err=True)


def append(settings: Settings, action: str, **facts: object) -> None:
    """Write down something that was done by who runs this process. OSError if that can't be."""
    trail = open_trail(settings)
    if trail is not None:
        with closing(trail):
            trail.append([by_user(action, **facts)])

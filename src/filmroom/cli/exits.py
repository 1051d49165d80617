"""How commands end: with a code for scripts, and a sentence for people."""

import signal
from typing import NoReturn

import typer

# Exit codes. USAGE, a command line that is not understood, is typer's own.
NOT_ALL, USAGE, REFUSED, INTERRUPTED = 1, 2, 3, 130
BAD_SETTING, NO_DATA, PORT_IN_USE = USAGE, 3, 4  # of those that work where the data lies
ENDED = {signal.SIGTERM: 0, signal.SIGINT: INTERRUPTED}  # by a signal, where that is how a command ends


def stop(message: str, code: int) -> NoReturn:
    """End the program with a message for a person and a code for a script."""
    typer.echo(f"filmroom: {message}", err=True)
    raise typer.Exit(code)

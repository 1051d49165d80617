"""How commands end: with a code for scripts, and a sentence for people."""

from typing import NoReturn

import typer

# Exit codes. USAGE, a command line that is not understood, is typer's own.
NOT_ALL, USAGE, REFUSED, INTERRUPTED = 1, 2, 3, 130


def stop(message: str, code: int) -> NoReturn:
    """End the program with a message for a person and a code for a script."""
    typer.echo(f"filmroom: {message}", err=True)
    raise typer.Exit(code)

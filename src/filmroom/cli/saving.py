"""What a command has saved when it ends, be it early: whole files stay and are said, of others nothing is left."""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from filmroom.cli.exits import INTERRUPTED, NOT_ALL, REFUSED, stop
from filmroom.cli.service import explain
from filmroom.client import Client, ClientError

Uids = tuple[str, str, str]  # of a Study, a Series, an Instance: so files are called


@contextmanager
def saving(client: Client, into: Path, *, printed: bool) -> Iterator[list[Path]]:
    """A list for the paths of whole files. They are `printed` in the end, also where that comes early."""
    saved: list[Path] = []
    ended: tuple[str, int] | None = None
    try:
        yield saved
    except KeyboardInterrupt:
        ended = f"stopped; {_so_far(saved)}; what was under way is not kept", INTERRUPTED
    except ClientError as error:
        if not saved:
            raise
        ended = f"{explain(error, client.base_url)}; {_so_far(saved)}: {_go_on(saved)}", REFUSED
    except OSError as error:
        ended = f"can't write to {into}: {error.strerror}" + (f"; {_so_far(saved)}" if saved else ""), NOT_ALL
    if printed and saved:
        typer.echo("\n".join(map(str, saved)))
    if ended is not None:
        stop(*ended)


def _so_far(saved: Sequence[Path]) -> str:
    if len(saved) == 1:
        return "1 file was saved until then, whole"
    return f"{len(saved) or 'no'} files were saved until then{', each whole' if saved else ''}"


def _go_on(saved: Sequence[Path]) -> str:
    return (
        f"the same command begins anew and replaces {'it' if len(saved) == 1 else 'them'}; "
        "with SERIES and INSTANCE it gets what is missing alone"
    )


def write(content: bytes, path: Path) -> Path:
    """Save a file, which has its name only when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path

"""A copy of an index in SQLite: one state of it, whole or not at all."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from filmroom.durable import sync, sync_folder
from filmroom.errors import Unavailable
from filmroom.index import kinds

_PAGES = 4096  # that are copied at a time


def copy(database: Path, to: Path, progress: Callable[[int], None]) -> Path:
    """Copy it, with the transactions that are not in the file itself yet; gives `to`. `progress` is told the percent.

    Others may read meanwhile. If they write, it takes longer.
    """
    new = to.with_name(f"{to.name}.new")
    try:
        new.unlink(missing_ok=True)
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(new)) as target:
            source.backup(
                target, pages=_PAGES, progress=lambda _, left, all_: progress(100 - 100 * left // max(all_, 1))
            )
        with new.open("rb") as file:
            sync(file.fileno())
        new.replace(to)
        sync_folder(to.parent)
        return to
    except (OSError, sqlite3.Error) as error:
        new.unlink(missing_ok=True)
        raise Unavailable(f"The index can't be copied to {to}: {_reason(error)}.") from error


def _reason(error: OSError | sqlite3.Error) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return kinds.SCHEMES["sqlite"].reason(error) or f"the database reports {kinds.name(error)}"

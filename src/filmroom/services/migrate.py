"""Migration of an index that an older version of Filmroom made.

(1) wait until nobody else writes or migrates   then one state is copied and changed
(2) copy the index, if it is a file             what a server of databases holds is backed up where that is
(3) make each change in a transaction           whoever stops in the middle can begin again
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, make_url

from filmroom.index import copying, migrating
from filmroom.index.database import Database
from filmroom.index.migrating import Step


def pending(url: str | URL) -> list[str]:
    """What there is to do, in order, for people to read."""
    with closing(Database(url, connections=1, migrating=True)) as index:
        return list(map(str, migrating.pending(index)))


def migrate(
    url: str | URL,
    *,
    backup: bool,
    copies: Callable[[int], None] = lambda percent: None,
    copied: Callable[[Path], None] = lambda path: None,
    begins: Callable[[str], None] = lambda step: None,
) -> list[str]:
    """Do it, and give what was done. Who asks is told of it by the functions."""

    def before(step: Step) -> None:
        if backup and path is not None:
            copied(copying.copy(path, path.with_name(f"{path.stem}-before-{step.number}{path.suffix}"), copies))

    with closing(Database(url, connections=1, migrating=True)) as index:
        path = _file(url)
        return list(map(str, migrating.migrate(index, before, lambda step: begins(str(step)))))


def _file(url: str | URL) -> Path | None:
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None

"""A PostgreSQL that a run starts, as durable as it is unless somebody says otherwise, and ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import postgresql as real

# What its manual has for a machine of some gigabytes; the rest are its defaults, so every commit is synced.
OPTIONS = {"shared_buffers": "512MB", "max_connections": "200", "listen_addresses": ""}


@dataclass(frozen=True, slots=True)
class Database:
    """A database of its own, and the process of the server."""

    url: str
    pid: int


@contextmanager
def postgresql(parent: Path | None, name: str) -> Iterator[Database]:
    """A new server with one database, in a temporary folder."""
    with real.running(parent, OPTIONS) as server, server.database(name) as url:
        yield Database(url, server.pid)

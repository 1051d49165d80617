"""The database of the index: its connections, its transactions, and the translation of its errors.

SQLite: WAL, every commit synced. One transaction writes at a time; who wants to write queues for it.
Readers see the state at their first statement and wait for nobody.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, insert, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnection

from filmroom.dicom.resources import DEFAULT_PARTITION
from filmroom.errors import Unavailable
from filmroom.index.tables import counter, metadata, partition
from filmroom.index.turns import PATIENCE, Anytime, Turns

SCHEMA = 2  # raised with every change of the tables; a migration leads from one number to the next


_PRAGMAS = {
    "busy_timeout": int(PATIENCE * 1000),  # first: changing the journal mode may have to wait
    "journal_mode": "WAL",
    "synchronous": "FULL",  # in WAL mode anything less loses commits at a loss of power
    "fullfsync": "ON",  # macOS: through the cache of the drive
    "foreign_keys": "ON",
    "cache_size": -8 * 1024,  # KiB for each connection; the rest is left to the cache of the system
}

# What a person can do about it (https://sqlite.org/rescode.html). The rest is reported in the words of the database.
_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_BUSY: "another process has been writing for too long; try again",
    sqlite3.SQLITE_READONLY: "the file of the index can't be written; look at its permissions",
    sqlite3.SQLITE_CANTOPEN: "the file of the index can't be opened; look at its folder and permissions",
    sqlite3.SQLITE_CORRUPT: "the file of the index is damaged; restore it from a backup",
    sqlite3.SQLITE_NOTADB: "the file is not an index of Filmroom",
}


class Database:
    """The index of one archive. Threads share it; each transaction has a connection of its own."""

    def __init__(self, url: str | URL, connections: int = 32) -> None:
        """`connections` is how many transactions may be open at once; the others wait."""
        self._engine = _engine(url, connections)
        kind = _KINDS[self._engine.dialect.name]
        self._reading = self._engine.execution_options(**kind.reads)
        self._writing = self._engine.execution_options(**kind.writes)
        self._turns = kind.turns(self._engine.url.database or "")
        try:
            with self.begin() as tx:
                _create_or_check(tx)
        except Unavailable:
            self.close()
            raise

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that may write. It is durable when the block ends, and undone if the block raises."""
        with _translated(), self._turns.mine(), self._writing.begin() as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database, whatever others write meanwhile."""
        with _translated(), self._reading.begin() as tx:
            yield tx

    def probe(self) -> None:
        """Write and commit something, to see whether that is possible."""
        with self.begin() as tx:
            tx.execute(update(counter).where(counter.c.name == "schema").values(value=SCHEMA))

    def close(self) -> None:
        """Let go of all connections that are not in use."""
        self._engine.dispose()
        self._turns.close()


def upsert(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, of the database in use."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def _engine(url: str | URL, connections: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_use_lifo=True,  # the connection used last has the warmest cache
        pool_timeout=PATIENCE,
        hide_parameters=True,  # they hold patients' names, and errors are logged
    )
    for name, listener in _KINDS[engine.dialect.name].listeners.items():
        event.listen(engine, name, listener)
    return engine


def _prepare(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # the driver is to begin nothing by itself; `_begin` does
    for pragma, value in _PRAGMAS.items():
        connection.execute(f"PRAGMA {pragma} = {value}")


def _begin(tx: Connection) -> None:
    tx.connection.cursor().execute(tx.get_execution_options()["begin"])  # Core's way takes as long as the rest of it


@dataclass(frozen=True, slots=True)
class _Kind:
    """In what the databases differ, beside `upsert`."""

    reads: Mapping[str, Any]  # options of a transaction that reads
    writes: Mapping[str, Any]  # and of one that writes
    alone: str  # a statement that keeps two processes from making the tables at the same moment
    turns: type[Turns] | type[Anytime]
    listeners: Mapping[str, Callable[..., None]]


_KINDS = {
    "sqlite": _Kind(
        # A transaction that turned from reading to writing would fail when somebody else has written meanwhile,
        # so one that may write says so at once.
        reads={"begin": "BEGIN"},
        writes={"begin": "BEGIN IMMEDIATE"},
        alone="SELECT 1",  # who writes is alone anyway
        turns=Turns,
        listeners={"connect": _prepare, "begin": _begin},
    ),
    "postgresql": _Kind(
        reads={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        writes={"isolation_level": "READ COMMITTED"},
        alone="SELECT pg_advisory_xact_lock(1178560842)",
        turns=Anytime,
        listeners={},
    ),
}


def _create_or_check(tx: Connection) -> None:
    """Create the tables in an empty database; refuse one whose tables this version doesn't know."""
    tx.exec_driver_sql(_KINDS[tx.dialect.name].alone)
    present = set(inspect(tx).get_table_names())
    if not present:
        metadata.create_all(tx)
        tx.execute(insert(counter), [{"name": "schema", "value": SCHEMA}, {"name": "watermark", "value": 0}])
        tx.execute(insert(partition).values(key=DEFAULT_PARTITION, name="Microsoft.Default", created=time.time()))
    elif counter.name not in present:
        raise Unavailable("The database holds tables, but not those of a Filmroom index; name an empty database.")
    elif (found := tx.scalar(select(counter.c.value).where(counter.c.name == "schema"))) != SCHEMA:
        raise Unavailable(
            f"The index has schema {found}, and this version of Filmroom works with schema {SCHEMA}; "
            "use the version that made the index, or an empty folder."
        )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (IntegrityError, sqlite3.IntegrityError):
        raise  # a row that nobody should have made: trying again later can't help
    except (DBAPIError, NoConnection, sqlite3.Error) as error:  # others are mistakes of ours
        raise Unavailable(f"The index can't be used: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    if isinstance(error, NoConnection):
        return "too many transactions are at work; try again"
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the primary code, without its extension
    name = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or type(cause).__name__
    return _REASONS.get(code, f"the database reports {name}")

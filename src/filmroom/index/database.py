"""The database of the index: its connections, its transactions, and the translation of its errors.

SQLite: WAL, every commit synced. One transaction writes at a time; who wants to write queues for it.
PostgreSQL: many write at a time, and wait for each other where they change the same rows.
Readers see the state at their first statement and wait for nobody.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, insert, inspect, make_url, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnection

from filmroom.dicom.resources import DEFAULT_PARTITION
from filmroom.errors import Unavailable
from filmroom.index import kinds
from filmroom.index.kinds import SCHEMES, Kind
from filmroom.index.tables import counter, metadata, partition
from filmroom.index.turns import PATIENCE

SCHEMA = 4  # raised with every change of the tables; other numbers are refused, for there is no migration yet
_SECRETS = 3  # numbers of 63 bits, which make the secret
TRIES = 5  # of a transaction that the database gives up for the sake of others

T = TypeVar("T")


class GivenUp(Unavailable):
    """The database ended the transaction for the sake of another. A moment later it may go through."""


class Database:
    """The index of one archive. Threads share it; each transaction has a connection of its own."""

    def __init__(self, url: str | URL, connections: int = 32) -> None:
        """`connections` is how many transactions may be open at once; the others wait."""
        parsed, self._kind = _known(url)
        self._engine = _engine(parsed, self._kind, connections)
        self._reading = self._engine.execution_options(**self._kind.reads)
        self._writing = self._engine.execution_options(**self._kind.writes)
        self._turns = self._kind.turns(parsed.database or "")
        try:
            with self.begin() as tx:
                _create_or_check(tx, self._kind)
                self.secret = _secret(tx)  # that only who can read the index knows
        except Unavailable:
            self.close()
            raise

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that may write. It is durable when the block ends, and undone if the block raises.

        PostgreSQL may give it up for the sake of another (`GivenUp`); what changes Instances goes through `transact`.
        """
        with self._translated(), self._turns.mine(), self._writing.begin() as tx:
            yield tx

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Do some work in a transaction that may write, and again if the database gives it up; what it gives."""
        for _ in range(TRIES - 1):
            with suppress(GivenUp):
                return self._transact(work)
        return self._transact(work)

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with self.begin() as tx:
            return work(tx)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database, whatever others write meanwhile."""
        with self._translated(), self._reading.begin() as tx:
            yield tx

    def probe(self) -> None:
        """Write and commit something, to see whether that is possible."""
        with self.begin() as tx:
            tx.execute(update(counter).where(counter.c.name == "schema").values(value=SCHEMA))

    def pair(self) -> tuple[int, int]:
        """A number that no other index has, and that of the folder that has its files; 0 is none yet."""
        with self.read() as tx:
            found = {name: int(value) for name, value in tx.execute(select(counter.c.name, counter.c.value))}
        return found["identity"], found["folder"]

    def take(self, folder: int) -> bool:
        """Have the files in a folder, if it is the first that is taken; whether it is the one."""
        this = counter.c.name == "folder"
        with self.begin() as tx:
            tx.execute(update(counter).where(this, counter.c.value == 0).values(value=folder))
            return tx.scalar(select(counter.c.value).where(this)) == folder

    def close(self) -> None:
        """Let go of all connections that are not in use."""
        self._engine.dispose()
        self._turns.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        driver: Any = self._engine.dialect.dbapi
        try:
            yield
        except (IntegrityError, DataError, driver.IntegrityError, driver.DataError):
            raise  # a row that nobody should have made: trying again later can't help
        except (DBAPIError, NoConnection, driver.Error) as error:  # others are mistakes of ours
            cause = getattr(error, "orig", None) or error
            kind = GivenUp if kinds.given_up(cause) else Unavailable
            raise kind(f"The index can't be used: {_reason(self._kind, cause)}.") from error


def upsert(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, of the database in use."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def _known(url: str | URL) -> tuple[URL, Kind]:
    """A URL with what its kind of database needs. `postgresql://` means the driver that we use."""
    try:
        parsed = make_url(url)
        kind = SCHEMES[parsed.get_backend_name()]
    except (ArgumentError, KeyError, ValueError):
        # Not a word of what was given: a password may stand in it.
        raise Unavailable("The index can't be used: its URL is not of the form postgresql://user@host/name.") from None
    return parsed.set(drivername=kind.driver, query={**kind.query, **parsed.query}), kind


def _engine(url: URL, kind: Kind, connections: int) -> Engine:
    try:
        engine = create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_use_lifo=True,  # the connection used last has the warmest cache
            pool_timeout=PATIENCE,
            hide_parameters=True,  # they hold patients' names, and errors are logged
            **kind.engine,
        )
    except ModuleNotFoundError as error:
        raise Unavailable("The index can't be used: PostgreSQL needs filmroom[postgresql], install that.") from error
    for name, listener in kind.listeners.items():
        event.listen(engine, name, listener)
    return engine


def _create_or_check(tx: Connection, kind: Kind) -> None:
    """Create the tables in an empty database; refuse one whose tables this version doesn't know."""
    tx.exec_driver_sql(kind.alone)
    present = set(inspect(tx).get_table_names())
    if not present:
        metadata.create_all(tx)
        kind.made(tx)
        numbers = {"schema": SCHEMA, "watermark": 0, "query_tags": 0, "identity": secrets.randbits(63), "folder": 0}
        tx.execute(insert(counter), [{"name": name, "value": value} for name, value in numbers.items()])
        # Its key is left to the database, which gives the first number, and would give it again if it were said here.
        [key] = tx.execute(
            insert(partition).values(name="Microsoft.Default", created=time.time()).returning(partition.c.key)
        ).one()
        assert key == DEFAULT_PARTITION
    elif counter.name not in present:
        raise Unavailable("The database holds tables, but not those of a Filmroom index; name an empty database.")
    elif (found := tx.scalar(select(counter.c.value).where(counter.c.name == "schema"))) != SCHEMA:
        raise Unavailable(
            f"The index has schema {found}, and this version of Filmroom works with schema {SCHEMA}; "
            "use the version that made the index, or an empty folder."
        )


def _secret(tx: Connection) -> bytes:
    """Made once. Indexes from before there was one get theirs when they are opened."""
    names = [f"secret_{number}" for number in range(_SECRETS)]
    found = {name: value for name, value in tx.execute(select(counter.c.name, counter.c.value)) if name in names}
    missing = {name: secrets.randbits(63) for name in names if name not in found}
    if missing:
        tx.execute(insert(counter), [{"name": name, "value": value} for name, value in missing.items()])
    return b"".join((found | missing)[name].to_bytes(8) for name in names)


def _reason(kind: Kind, error: BaseException) -> str:
    if isinstance(error, NoConnection):
        return "too many transactions are at work; try again"
    return kind.reason(error) or f"the database reports {kinds.name(error)}"

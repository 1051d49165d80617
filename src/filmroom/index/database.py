"""The database of the index: its connections, its transactions, and the translation of its errors.

SQLite: WAL, every commit synced. One transaction writes at a time; who wants to write queues for it.
PostgreSQL: many write at a time, and wait for each other where they change the same rows.
Readers see the state at their first statement and wait for nobody.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, Table, create_engine, event, insert, make_url, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnection

from filmroom import metrics
from filmroom.errors import Unavailable
from filmroom.index import kinds, schema
from filmroom.index.kinds import SCHEMES, Begin, Kind
from filmroom.index.tables import counter
from filmroom.index.transaction import Transaction
from filmroom.index.turns import PATIENCE
from filmroom.tracing import timed

_SECRETS = 3  # numbers of 63 bits, which make the secret
TRIES = 5  # of a transaction that the database gives up for the sake of others

T = TypeVar("T")


class GivenUp(Unavailable):
    """The database ended the transaction for the sake of another. A moment later it may go through."""


def persistently(work: Callable[[], T]) -> T:
    """What `work` gives, which is done again if the database gives up its transaction."""
    for _ in range(TRIES - 1):
        with suppress(GivenUp):
            return work()
    return work()


class Database:
    """The index of one archive. Threads share it; each transaction has a connection of its own."""

    def __init__(self, url: str | URL, connections: int = 32, *, migrating: bool = False) -> None:
        """`connections` is how many transactions may be open at once; the others wait.

        One that is to be migrated is opened as it is; of all others tables are made, or their schema looked at.
        """
        parsed, self.kind = _known(url)
        self.connections = connections
        self._engine = _engine(parsed, self.kind, connections)
        self._turns = self.kind.turns(parsed.database or "")
        self._reads, self._writes = map(metrics.index_transaction_seconds.labels, ("read", "write"))
        try:
            with self.begin() as tx:
                if not migrating:
                    tx.core.exec_driver_sql(self.kind.alone)
                    if not schema.check(tx):
                        schema.make(tx, self.kind)
                    self.secret = _secret(tx)  # that only who can read the index knows
        except Unavailable:
            self.close()
            raise

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """A transaction that may write. It is durable when the block ends, and undone if the block raises.

        PostgreSQL may give it up for the sake of another (`GivenUp`); what changes Instances goes through `transact`.
        """
        write = self._transaction(self.kind.begin_write)
        with timed(self._writes, "index write"), self._translated(), self._turns.mine(), write as tx:
            yield tx

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Do some work in a transaction that may write, and again if the database gives it up; what it gives."""
        return persistently(partial(self._transact, work))

    def _transact(self, work: Callable[[Transaction], T]) -> T:
        with self.begin() as tx:
            return work(tx)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one state of the database, whatever others write meanwhile."""
        with timed(self._reads, "index read"), self._translated(), self._transaction(self.kind.begin_read) as tx:
            yield tx

    @contextmanager
    def _transaction(self, begin: Begin) -> Iterator[Transaction]:
        connection = self._engine.raw_connection()
        try:
            begin(connection.driver_connection, connection.info)
            tx = Transaction(self._engine, connection)
            yield tx
            tx.driver.commit()
        finally:
            if getattr(connection.driver_connection, "closed", False):  # the server has gone
                connection.invalidate()
            connection.close()  # back to the pool, which rolls back what was not committed

    def probe(self) -> None:
        """Write and commit something, to see whether that is possible, and nobody has migrated the tables meanwhile."""
        with self.begin() as tx:
            schema.check(tx)
            tx.core.execute(update(counter).where(counter.c.name == "folder").values(value=counter.c.value))

    def pair(self) -> tuple[int, int]:
        """A number that no other index has, and that of the folder that has its files; 0 is none yet."""
        with self.read() as tx:
            found = {name: int(value) for name, value in tx.core.execute(select(counter.c.name, counter.c.value))}
        return found["identity"], found["folder"]

    def take(self, folder: int) -> bool:
        """Have the files in a folder, if it is the first that is taken; whether it is the one."""
        this = counter.c.name == "folder"
        with self.begin() as tx:
            tx.core.execute(update(counter).where(this, counter.c.value == 0).values(value=folder))
            return tx.core.scalar(select(counter.c.value).where(this)) == folder

    @property
    def busy(self) -> int:
        """How many transactions are open."""
        pool: Any = self._engine.pool
        return int(pool.checkedout())

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
            raise kind(f"The index can't be used: {_reason(self.kind, cause)}.") from error


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
        )
    except ModuleNotFoundError as error:
        raise Unavailable("The index can't be used: PostgreSQL needs filmroom[postgresql], install that.") from error
    for name, listener in kind.listeners.items():
        event.listen(engine, name, listener)
    return engine


def _secret(tx: Transaction) -> bytes:
    """Made once. Indexes from before there was one get theirs when they are opened."""
    names = [f"secret_{number}" for number in range(_SECRETS)]
    found = {name: value for name, value in tx.core.execute(select(counter.c.name, counter.c.value)) if name in names}
    missing = {name: secrets.randbits(63) for name in names if name not in found}
    if missing:
        tx.core.execute(insert(counter), [{"name": name, "value": value} for name, value in missing.items()])
    return b"".join((found | missing)[name].to_bytes(8) for name in names)


def _reason(kind: Kind, error: BaseException) -> str:
    if isinstance(error, NoConnection):
        return "too many transactions are at work; try again"
    return kind.reason(error) or f"the database reports {kinds.name(error)}"

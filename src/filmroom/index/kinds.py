"""In what the databases differ: how connections are opened, transactions begun, and errors told to people."""

import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy.exc import InvalidatePoolError

from filmroom.errors import Unavailable
from filmroom.index import statistics
from filmroom.index.transaction import Transaction
from filmroom.index.turns import PATIENCE, Anytime, Turns

_PRAGMAS = {
    "busy_timeout": int(PATIENCE * 1000),  # first: changing the journal mode may have to wait
    "journal_mode": "WAL",
    "synchronous": "FULL",  # in WAL mode anything less loses commits at a loss of power
    "fullfsync": "ON",  # macOS: through the cache of the drive
    "foreign_keys": "ON",
    "cache_size": -8 * 1024,  # KiB for each connection; the rest is left to the cache of the system
}

# Seconds, and milliseconds: a machine that lost its power closes no connection, and TCP asks for a quarter of an hour.
_VANISHED = {
    "connect_timeout": "10",
    "tcp_user_timeout": "20000",
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "4",
}

_ALONE = "SELECT pg_advisory_xact_lock(1178560842)"

_READ_COMMITTED, _REPEATABLE_READ = 2, 3  # psycopg.IsolationLevel; the driver is there only where it is needed

_USED = "used"  # of a connection in the pool: since when it lies there
_FRESH = 1.0  # seconds; to look each time is a tenth of a search
_POOLED = "pooled"  # what is known of a connection: each of its transactions may be another session

# What SQLite is told by pragmas. A server may be set to lose commits at a loss of power.
_POSTGRESQL_SETTINGS = f"""
    SELECT set_config('lock_timeout', '{int(PATIENCE * 1000)}', %(local)s), CASE current_setting('synchronous_commit')
           WHEN 'off' THEN set_config('synchronous_commit', 'on', %(local)s) END
"""
_OF_SESSION, _OF_TRANSACTION = (_POSTGRESQL_SETTINGS % {"local": local} for local in ("false", "true"))

# What a person can do about it (https://sqlite.org/rescode.html). The rest is reported in the words of the database.
_SQLITE_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_BUSY: "another process has been writing for too long; try again",
    sqlite3.SQLITE_READONLY: "the file of the index can't be written; look at its permissions",
    sqlite3.SQLITE_CANTOPEN: "the file of the index can't be opened; look at its folder and permissions",
    sqlite3.SQLITE_CORRUPT: "the file of the index is damaged; restore it from a backup",
    sqlite3.SQLITE_NOTADB: "the file is not an index of Filmroom",
}

_NO_RIGHTS = "the user of the database may not do that; make it the owner of the database"
_RESTARTING = "the database server is being stopped or started; try again"
_GIVEN_UP = frozenset({"40001", "40P01"})  # for the sake of another transaction: the same may do a moment later

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLSTATES = {
    "08P01": "the pooler before the database server gave up; look at its log, and at the server",
    "25006": "the database can only be read; name the primary server",
    "40001": "others have been changing the same for too long; try again",
    "40P01": "others have been changing the same for too long; try again",
    "42501": _NO_RIGHTS,
    "53100": "the disk of the database server is full; free some space",
    "53200": "the database server has no memory left; try again",
    "53300": "the database server takes no more connections; raise its max_connections, or lower threads or workers",
    "55P03": "another has been writing for too long; try again",
    "57P01": _RESTARTING,
    "57P02": _RESTARTING,
    "57P03": _RESTARTING,
}

# Who can't connect gets no code (https://github.com/psycopg/psycopg/issues), only the sentence of the server or of
# libpq, which may be in the language of the server; hence the last line.
_CONNECTING = {
    "password": "the database server wants another user or password",
    "no pg_hba.conf entry": "the database server does not let this user in from here; look at its pg_hba.conf",
    "too many": _SQLSTATES["53300"],
    "connection slots": _SQLSTATES["53300"],
    "starting up": _RESTARTING,
    "shutting down": _RESTARTING,
    "Connection refused": "no database server listens there; start it, or look at host and port",
    "No such file": "no database server listens there; start it, or look at host and port",
    "resolve host": "there is no machine of that name; look at the host of the database",
    "timeout expired": "the database server does not answer; look at host and port",
    "permission denied": _NO_RIGHTS,
    "does not exist": "the database server knows no such database or user; make it, or look at its name",
    "": "the database server can't be reached, or went away",
}


# Begins a transaction on a connection of the driver, of which the pool knows something.
Begin = Callable[[Any, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of database."""

    driver: str  # as the scheme of a URL
    alone: str  # a statement that keeps two processes from making the tables at the same moment
    alone_at_last: tuple[str, ...]  # the same, however long the other takes
    turns: type[Turns] | type[Anytime]
    reason: Callable[[BaseException], str | None]  # what a person can do about an error, where that is known
    begin_read: Begin
    begin_write: Begin
    listeners: Mapping[str, Callable[..., None]]
    made: Callable[[Transaction], None] = lambda tx: None  # what follows the making of the tables
    query: Mapping[str, str] = field(default_factory=dict)  # of the URL, unless it says otherwise


def given_up(error: BaseException) -> bool:
    """Whether the database ended a transaction for the sake of another, so that it may be tried once more."""
    return getattr(error, "sqlstate", None) in _GIVEN_UP


def name(error: BaseException) -> str:
    """The name that the database has for an error."""
    return getattr(error, "sqlite_errorname", None) or type(error).__name__


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # the driver is to begin nothing by itself; `_begin` does
    for pragma, value in _PRAGMAS.items():
        connection.execute(f"PRAGMA {pragma} = {value}")


def _begin_sqlite_read(connection: Any, _: Mapping[str, Any]) -> None:
    connection.execute("BEGIN")


def _begin_sqlite_write(connection: Any, _: Mapping[str, Any]) -> None:
    # A transaction that turned from reading to writing would fail when somebody else has written meanwhile, so one that
    # may write says so at once.
    connection.execute("BEGIN IMMEDIATE")


def _sqlite_reason(error: BaseException) -> str | None:
    return _SQLITE_REASONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)  # the primary code, without its extension


def _prepare_postgresql(connection: Any, record: Any) -> None:
    encoding, session = connection.execute("SELECT current_setting('server_encoding'), pg_backend_pid()").fetchone()
    if encoding != "UTF8":
        raise Unavailable(f"The index can't be used: the database has the encoding {encoding}; make it with UTF8.")
    if session == connection.info.backend_pid:
        connection.execute(_OF_SESSION)
    else:  # a pooler answers for the server: nothing may be left in a session that the next has, or has not
        record.info[_POOLED] = True
        connection.prepare_threshold = None
    connection.commit()


def _put_back(_: Any, record: Any) -> None:
    record.info[_USED] = time.monotonic()


def _look_again(connection: Any, record: Any, _: Any) -> None:
    """See whether the server is still there, that may have been restarted, unless the connection was just in use."""
    now = time.monotonic()
    if now - record.info.get(_USED, now) < _FRESH:  # also one that was just made
        return
    try:
        connection.autocommit = True
        connection.execute(";")
        connection.autocommit = False
    except connection.Error as error:
        raise InvalidatePoolError from error  # by which the pool makes another, and looks at no older one


def _begin_postgresql(isolation: int, reads: bool, connection: Any, info: Mapping[str, Any]) -> None:
    """The driver itself begins one with the first statement, in this manner."""
    if connection.isolation_level != isolation:
        connection.isolation_level = isolation
        connection.read_only = reads
    if _POOLED in info:
        connection.execute(_OF_TRANSACTION)


def _postgresql_reason(error: BaseException) -> str | None:
    if state := getattr(error, "sqlstate", None):
        return _SQLSTATES.get(state)
    if type(error).__name__ != "OperationalError":
        return None
    return next(reason for said, reason in _CONNECTING.items() if said in str(error))


_KINDS = {
    "sqlite": Kind(
        driver="sqlite",
        alone="SELECT 1",  # who writes is alone anyway
        alone_at_last=(),
        turns=Turns,
        reason=_sqlite_reason,
        begin_read=_begin_sqlite_read,
        begin_write=_begin_sqlite_write,
        listeners={"connect": _prepare_sqlite},
        made=statistics.write,
    ),
    "postgresql": Kind(
        driver="postgresql+psycopg",
        alone=_ALONE,
        alone_at_last=("SET LOCAL lock_timeout = 0", _ALONE, f"SET LOCAL lock_timeout = {int(PATIENCE * 1000)}"),
        turns=Anytime,
        reason=_postgresql_reason,
        begin_read=partial(_begin_postgresql, _REPEATABLE_READ, True),
        begin_write=partial(_begin_postgresql, _READ_COMMITTED, False),
        listeners={
            "connect": _prepare_postgresql,
            "checkin": _put_back,
            "checkout": _look_again,
        },
        # Of SQL_ASCII texts would be bytes, and nobody could be told what is wrong.
        query={"client_encoding": "utf8", "fallback_application_name": "filmroom", **_VANISHED},
    ),
}
SCHEMES = {**_KINDS, "postgres": _KINDS["postgresql"]}  # people and PostgreSQL itself write either

"""The index through a pooler of transactions: every transaction has its settings, and leaves nothing in a session."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from filmroom.index import kinds
from filmroom.index.database import Database
from filmroom.index.transaction import Transaction
from tests import postgresql
from tests.index import given
from tests.pgbouncer import SESSIONS, Pooler, needs_pgbouncer
from tests.postgresql import Server

pytestmark = [given.only("postgresql"), needs_pgbouncer]

THREADS = 8
SETTINGS = "SELECT current_setting('lock_timeout'), current_setting('synchronous_commit')"


@pytest.fixture
def name(url: str, postgresql_server: Server) -> str:
    """The name of a database whose sessions are told to lose commits."""
    name = postgresql.name(url)
    postgresql_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    return name


@pytest.fixture
def pooled(pooler: Pooler, name: str) -> Iterator[Database]:
    opened = Database(pooler.url(name))
    yield opened
    opened.close()


def settings(tx: Transaction) -> tuple[str, str]:
    return tuple(tx.core.execute(text(SETTINGS)).one())


def test_a_connection_without_a_pooler_is_told_once(name: str, url: str) -> None:
    database = Database(url)
    with database.begin() as tx:
        assert kinds._POOLED not in tx._connection.info
        assert settings(tx) == ("30s", "on")
        driver = tx.driver
        assert driver.prepare_threshold == 5
    database.close()


def test_each_transaction_through_a_pooler_has_its_settings(pooled: Database) -> None:
    for _ in range(3):
        with pooled.begin() as tx:
            assert settings(tx) == ("30s", "on")
        with pooled.read() as tx:
            assert settings(tx) == ("30s", "on")
            assert tx.core.scalar(text("SHOW transaction_isolation")) == "repeatable read"
            assert tx.core.scalar(text("SHOW transaction_read_only")) == "on"


def test_threads_that_share_sessions_leave_nothing_in_them(pooled: Database, pooler: Pooler, name: str) -> None:
    sessions = set()

    def work(thread: int) -> None:
        for number in range(12):  # often enough for the driver to prepare its statements, if it did
            assert given.add(pooled, given.new(f"1.{thread}", "2", f"3.{thread}.{number}"))
            with pooled.read() as tx:
                sessions.add(tx.core.scalar(text("SELECT pg_backend_pid()")))

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(THREADS)))
    assert len(sessions) <= SESSIONS
    assert left_in_sessions(pooler, name) == {("0", "off", 0, 0)}


def left_in_sessions(pooler: Pooler, name: str) -> set[tuple[object, ...]]:
    """What is set, prepared and locked in all sessions, which is looked at with all of them in use at once."""
    look = f"""
        SELECT settings.*, (SELECT count(*) FROM pg_prepared_statements),
               (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
        FROM ({SETTINGS}) AS settings
    """
    together = threading.Barrier(SESSIONS)

    def one(_: int) -> tuple[object, ...]:
        with psycopg.connect(pooler.url(name), prepare_threshold=None) as connection:
            row = connection.execute(look.encode()).fetchone()
            together.wait(30)
            assert row
            return row

    with ThreadPoolExecutor(SESSIONS) as threads:
        return set(threads.map(one, range(SESSIONS)))


def test_a_pooler_whose_server_restarted_is_found_again(
    pooled: Database, postgresql_server: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "_FRESH", 0.0)  # seconds since the connection was used
    postgresql_server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    assert given.add(pooled, given.new("1", "2", "3"))

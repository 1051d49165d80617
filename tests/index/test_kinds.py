"""What PostgreSQL does otherwise than SQLite: errors in plain words, restarts, transactions that are given up."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text, update

from filmroom.errors import Unavailable
from filmroom.index import database as module
from filmroom.index import kinds
from filmroom.index.database import Database, GivenUp
from filmroom.index.tables import counter
from filmroom.index.transaction import Transaction
from tests.index import given
from tests.postgresql import GUARDED, Server

pytestmark = given.only("postgresql")


def refusal(url: str) -> str:
    with pytest.raises(Unavailable) as refused:
        Database(url)
    return str(refused.value)


@pytest.fixture
def roles(postgresql_server: Server) -> Iterator[None]:
    """Users who are not let in: for want of a password, of a connection, of rights."""
    users = {GUARDED: "PASSWORD 'right'", "late": "CONNECTION LIMIT 0", "guest": ""}
    for user, options in users.items():
        postgresql_server.execute(f"CREATE ROLE {user} LOGIN {options}")
    yield
    for user in users:
        postgresql_server.execute(f"DROP ROLE {user}")


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize(
    ("user", "sentence"),
    [
        (GUARDED, "wants another user or password"),
        (f"{GUARDED}:wrong", "wants another user or password"),
        ("late", "takes no more connections"),
        ("nobody", "no such database or user"),
        ("guest", "make it the owner of the database"),
    ],
)
def test_who_is_not_let_in_is_told_why(url: str, user: str, sentence: str) -> None:
    said = refusal(url.replace("filmroom@", f"{user}@"))
    assert said.startswith("The index can't be used: ")
    assert sentence in said
    assert "wrong" not in said


@pytest.mark.usefixtures("roles")
def test_a_password_that_is_right_is_taken(url: str) -> None:
    assert "owner of the database" in refusal(url.replace("filmroom@", f"{GUARDED}:right@"))


@pytest.mark.parametrize(
    ("place", "sentence"),
    [("127.0.0.1:9/index", "no database server listens there"), ("/index?host=/nowhere", "no database server listens")],
)
def test_a_server_that_is_not_there_is_told(url: str, place: str, sentence: str) -> None:
    assert sentence in refusal(f"postgresql://filmroom@{place}")


def test_a_database_that_is_not_there_is_told(postgresql_server: Server, url: str) -> None:
    assert "no such database" in refusal(postgresql_server.url("nothing"))


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_can_not_hold_every_name_is_refused(postgresql_server: Server, url: str, encoding: str) -> None:
    postgresql_server.execute(f"CREATE DATABASE western TEMPLATE template0 ENCODING '{encoding}'")
    try:
        assert f"encoding {encoding}; make it with UTF8" in refusal(postgresql_server.url("western"))
    finally:
        postgresql_server.execute("DROP DATABASE western WITH (FORCE)")


@pytest.mark.parametrize(
    "wrong", ["nonsense:secret", "mysql://user:secret@host/name", "postgresql://a:secret@b:port/c"]
)
def test_a_url_of_no_use_is_not_shown(url: str, wrong: str) -> None:
    said = refusal(wrong)
    assert "not of the form postgresql://" in said
    assert "secret" not in said


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_the_scheme_is_taken(url: str, scheme: str) -> None:
    Database(url.replace("postgresql", scheme, 1)).close()


def test_a_driver_that_is_not_installed_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "filmroom[postgresql]" in refusal(url)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("53100", "disk of the database server is full; free some space"),
        ("25006", "can only be read"),
        ("55P03", "another has been writing for too long; try again"),
        ("57014", "the database reports QueryCanceled"),
    ],
)
def test_errors_of_the_server_are_told_in_plain_words(database: Database, state: str, sentence: str) -> None:
    with pytest.raises(Unavailable, match=sentence), database.begin() as tx:
        tx.core.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")


def disconnect(database: Database, server: Server) -> None:
    """As a restart of the server does."""
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name(database)}'")


def name(database: Database) -> str:
    with database.read() as tx:
        return str(tx.core.scalar(text("SELECT current_database()")))


def test_a_server_that_was_restarted_is_found_again(
    database: Database, postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "_FRESH", 0.0)  # seconds since the connection was used
    disconnect(database, postgresql_server)
    assert given.add(database, given.new("1", "2", "3"))


def test_a_restart_undoes_what_was_under_way(database: Database, postgresql_server: Server) -> None:
    def work(tx: Transaction) -> None:
        tx.core.execute(update(counter).values(value=7))
        disconnect(database, postgresql_server)
        tx.core.execute(update(counter).values(value=8))

    with pytest.raises(Unavailable, match="stopped or started; try again"):
        database.transact(work)
    with database.read() as tx:
        assert tx.core.scalar(select(counter.c.value).where(counter.c.name == "watermark")) == 0


def test_a_server_whose_machine_is_gone_is_given_up_after_a_while(url: str) -> None:
    """No test can take its power away: what libpq is told, unless the URL says otherwise."""
    database = Database(f"{url}&keepalives_idle=7")
    with database.read() as tx:
        driver = tx.driver
    told = driver.info.get_parameters()
    assert (told["connect_timeout"], told["tcp_user_timeout"], told["keepalives_idle"]) == ("10", "20000", "7")
    database.close()


def crosswise(database: Database) -> list[int]:
    """Two threads change the same two rows, each in its own order; how often each had to try."""
    tries = [0, 0]
    both_have_one = threading.Barrier(2)

    def work(thread: int) -> None:
        one, other = (("folder", "watermark"), ("watermark", "folder"))[thread]

        def change(tx: Transaction) -> None:
            tries[thread] += 1
            raise_by_one(tx, one)
            if tries[thread] == 1:
                both_have_one.wait()
            raise_by_one(tx, other)

        database.transact(change)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, range(2)))
    return tries


def raise_by_one(tx: Transaction, name: str) -> None:
    tx.core.execute(update(counter).where(counter.c.name == name).values(value=counter.c.value + 1))


def test_a_transaction_that_is_given_up_is_done_again(database: Database) -> None:
    assert max(crosswise(database)) > 1
    with database.read() as tx:
        assert tx.core.scalar(select(counter.c.value).where(counter.c.name == "watermark")) == 2


def test_one_that_is_given_up_again_and_again_is_reported(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIES", 1)
    with pytest.raises(GivenUp, match="others have been changing the same for too long; try again"):
        crosswise(database)

"""Migrations: what they make is what the tables say, and whoever is stopped in the middle can begin again."""

import itertools
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, inspect, text, update

from filmroom.dicom.resources import Level
from filmroom.errors import Unavailable
from filmroom.index import migrating, schema
from filmroom.index.database import Database
from filmroom.index.tables import alembic_version, counter
from tests.index import given, older

ROOT = Path(__file__).parents[2]
VERSIONS = ROOT / "src/filmroom/index/migrations/versions"
NUMBERS = sorted(path.name[1:5] for path in VERSIONS.glob("m*.py"))


@pytest.fixture
def old(url: str) -> Iterator[Database]:
    """An index that the first schema was made of, with rows in it."""
    older.make(url)
    with closing(Database(url, migrating=True)) as database:
        yield database


def migrate(database: Database) -> list[str]:
    done = migrating.migrate(database, lambda step: None, lambda step: None)
    return [step.number for step in done]


_INDEXES = {  # as they were made, with what they leave out
    "sqlite": "SELECT sql FROM sqlite_schema WHERE type = 'index'",
    "postgresql": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
}


def shape(database: Database) -> dict[str, Any]:
    """All that the database knows of its tables: columns, keys, indexes, and for SQLite what it was told of sizes."""
    with database.begin() as tx:
        seen = inspect(tx.core)
        found: dict[str, Any] = {
            f"{table}.{what}": _sorted(getattr(seen, f"get_{what}")(table))
            for table in seen.get_table_names()
            for what in ("columns", "pk_constraint", "foreign_keys", "unique_constraints", "table_options")
        }
        found["indexes"] = sorted(map(str, tx.core.execute(text(_INDEXES[tx.dialect.name]))))
        if tx.dialect.name == "sqlite":
            found["sizes"] = sorted(map(str, tx.core.execute(text("SELECT * FROM sqlite_stat1"))))
        return found


def _sorted(told: Any) -> Any:
    """Columns that were added later stand at the end: nobody asks for them by their places."""
    return sorted(map(str, told)) if isinstance(told, list) else str(told)


def test_migrated_tables_are_those_of_a_new_index(old: Database, url: str, make: Any) -> None:
    migrate(old)
    with make(url.partition(":")[0], True) as fresh, closing(Database(fresh)) as new:
        assert shape(old) == shape(new)


def test_an_old_index_is_refused_until_it_is_migrated(old: Database, url: str) -> None:
    with pytest.raises(Unavailable, match="schema 0001, made by an older version of Filmroom.*`filmroom migrate`"):
        Database(url)
    with old.read() as tx:
        assert schema.find(tx) == schema.Found("0001", stamped=False)
    migrate(old)
    Database(url).close()


def test_rows_of_an_old_index_are_found(old: Database, url: str) -> None:
    migrate(old)
    with closing(Database(url)) as database:
        assert given.matches(database, given.asked(Level.STUDY, PatientID="ID1")) == ["1.2.826.2", "1.2.826.1"]
        assert len(given.matches(database, given.asked(Level.INSTANCE))) == 4
        given.add(database, given.new("1.2.826.1", "1.2.826.1.9", "1.2.826.1.9.1"), given.new("9", "9.1", "9.1.1"))
        assert given.remove(database, "1.2.826.2") == 1
        assert len(given.matches(database, given.asked(Level.INSTANCE))) == 5


def test_what_is_to_do_is_told_and_done_once(old: Database) -> None:
    told: list[str] = []
    every = [step.number for step in migrating.pending(old)]
    assert every[-1] == schema.SCHEMA
    done = migrating.migrate(old, lambda step: told.append(f"before {step}"), lambda step: told.append(f"at {step}"))
    assert [step.number for step in done] == every
    assert told[0].startswith("before 0002 Expiry of Studies")
    assert [line[:7] for line in told[1:]] == [f"at {number}" for number in every]
    assert (migrating.pending(old), migrate(old)) == ([], [])


def test_the_newest_migration_is_the_schema_of_this_version(database: Database) -> None:
    assert migrating.pending(database) == []
    names = sorted(path.name for path in VERSIONS.glob("m*.py"))
    assert names[-1].startswith(f"m{schema.SCHEMA}_")
    assert [name[1:5] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]


@pytest.mark.parametrize("path", sorted(VERSIONS.glob("m*.py")), ids=lambda path: path.stem)
def test_migrations_are_frozen(path: Path) -> None:
    """What they import of ours would change under them."""
    assert "filmroom" not in path.read_text()


def test_an_index_without_the_first_table_of_alembic_gets_it(url: str) -> None:
    """As versions between releases made them."""
    made = Database(url, migrating=True)
    with made.begin() as tx:
        migrating.upgrade(tx, "0002")
        alembic_version.drop(tx.core)
        tx.core.execute(counter.insert().values(name=schema.COUNTER, value=4))
    with pytest.raises(Unavailable, match="filmroom migrate"):
        Database(url)
    assert migrate(made) == [number for number in NUMBERS if number > "0002"]
    made.close()
    Database(url).close()


def test_a_newer_index_is_left_alone(database: Database, url: str) -> None:
    with database.begin() as tx:
        tx.core.execute(update(alembic_version).values(version_num="0999"))
    for attempt in (lambda: Database(url), lambda: migrate(database), lambda: migrating.pending(database)):
        with pytest.raises(
            Unavailable, match="schema 0999, made by a newer version of Filmroom.*use the newer version"
        ):
            attempt()


def test_an_index_older_than_all_migrations_is_refused(old: Database) -> None:
    with old.begin() as tx:
        tx.core.execute(update(counter).where(counter.c.name == "schema").values(value=2))
    with pytest.raises(Unavailable, match="schema 2, which this version of Filmroom has no migrations from"):
        migrate(old)


def test_an_empty_database_is_not_migrated(url: str) -> None:
    with (
        closing(Database(url, migrating=True)) as database,
        pytest.raises(Unavailable, match="There is no index yet; `filmroom serve` makes one"),
    ):
        migrate(database)


def test_a_service_whose_index_was_migrated_by_a_newer_version_is_not_healthy(database: Database) -> None:
    database.probe()
    with database.begin() as tx:
        tx.core.execute(update(alembic_version).values(version_num="0999"))
    with pytest.raises(Unavailable, match="newer version"):
        database.probe()


class Fails(Exception):
    """Stands for whatever may go wrong at a statement."""


def test_a_migration_that_fails_at_any_statement_changes_nothing_and_can_be_run_again(old: Database) -> None:
    before = shape(old)
    failed = 0
    while found(old) == schema.Found("0001", stamped=False):
        assert failed == 0 or shape(old) == before, failed
        failed += 1
        with failing_at(old, failed), suppress(Fails):
            migrate(old)
    assert failed > 10
    migrate(old)
    assert found(old) == schema.Found(schema.SCHEMA, stamped=True)


def found(database: Database) -> schema.Found | None:
    with database.read() as tx:
        return schema.find(tx)


@contextmanager
def failing_at(database: Database, number: int) -> Iterator[None]:
    """The statement of that number fails."""
    numbers = itertools.count(1)

    def count(*_: Any) -> None:
        if next(numbers) == number:
            raise Fails

    event.listen(database._engine, "before_cursor_execute", count)
    yield
    event.remove(database._engine, "before_cursor_execute", count)


KILLED = """
import os, signal, sys
from sqlalchemy import event
from filmroom.index import migrating
from filmroom.index.database import Database

def killed(connection, cursor, statement, *rest):
    if "operation_failure" in statement:
        os.kill(os.getpid(), signal.SIGKILL)

database = Database(sys.argv[1], migrating=True)
event.listen(database._engine, "before_cursor_execute", killed)
migrating.migrate(database, print, print)
"""


def test_a_migration_that_is_killed_can_be_run_again(old: Database, url: str) -> None:
    before = shape(old)
    ended = subprocess.run([sys.executable, "-c", KILLED, url], cwd=ROOT, stdout=subprocess.DEVNULL)
    assert ended.returncode == -signal.SIGKILL
    assert shape(old) == before
    migrate(old)
    Database(url).close()


@given.only("sqlite")
def test_a_disk_that_is_full_is_reported_and_nothing_changed(old: Database, url: str) -> None:
    before = shape(old)

    def limit(connection: Connection) -> None:
        connection.connection.cursor().execute("PRAGMA max_page_count = 1")  # SQLite: no more than there are

    event.listen(old._engine, "begin", limit)
    with pytest.raises(Unavailable, match="disk is full; free some space"):
        migrate(old)
    event.remove(old._engine, "begin", limit)
    with old.begin() as tx:
        tx.core.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert shape(old) == before
    migrate(old)


def test_who_comes_while_another_migrates_waits_and_does_nothing_twice(old: Database, url: str) -> None:
    other = [sys.executable, "-c", OTHER, url]
    with subprocess.Popen(other, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as second:
        assert second.stdin
        assert second.stdout
        go = second.stdin
        assert second.stdout.readline() == "ready\n"

        def begins(step: migrating.Step) -> None:
            go.write("go\n")
            go.flush()

        done = [step.number for step in migrating.migrate(old, lambda step: None, begins)]
        others = second.stdout.read().split()
    assert sorted(done + others) == NUMBERS[1:]


OTHER = """
import sys
from filmroom.index import migrating
from filmroom.index.database import Database

print("ready", flush=True)
sys.stdin.readline()
database = Database(sys.argv[1], migrating=True)
print(*(step.number for step in migrating.migrate(database, lambda step: None, lambda step: None)))
"""

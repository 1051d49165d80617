import re
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.exc import ObjectNotExecutableError

from filmroom.dicom.resources import DEFAULT_PARTITION, Level, Resource
from filmroom.errors import NotFound, Unavailable
from filmroom.index import additions, instances, watermarks
from filmroom.index import database as module
from filmroom.index.additions import Status
from filmroom.index.database import Database
from filmroom.index.instances import Version
from filmroom.index.tables import change_feed, counter, instance, instance_data, partition
from tests.index import given


def test_an_empty_database_gets_the_tables(database: Database) -> None:
    with database.read() as tx:
        assert tx.core.scalar(select(func.count()).select_from(instance)) == 0


def test_what_is_stored_is_there_when_opened_again(url: str, database: Database) -> None:
    given.add(database, given.new("1", "2", "3"))
    database.close()
    again = Database(url)
    assert given.matches(again, given.asked(Level.INSTANCE)) == ["3"]
    again.close()


def test_tables_of_others_are_refused(url: str) -> None:
    with closing(_connect(url)) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
        other.commit()
    with pytest.raises(Unavailable, match="not those of a Filmroom index"):
        Database(url)


def _connect(url: str) -> sqlite3.Connection | psycopg.Connection[Any]:
    """A connection past the index."""
    if url.startswith("sqlite"):
        return sqlite3.connect(url.removeprefix("sqlite:///"))
    return psycopg.connect(url)


@pytest.mark.parametrize(
    ("content", "says"), [(b"no database at all" * 100, "not an index"), (None, "can't be opened")]
)
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "folder" / "index.sqlite"
    if content is not None:
        path.parent.mkdir()
        path.write_bytes(content)
    with pytest.raises(Unavailable, match=says):
        Database(f"sqlite:///{path}")


def test_a_block_that_raises_is_undone(database: Database) -> None:
    def give_up() -> None:
        with database.begin() as tx:
            additions.add(tx, [additions.prepare(given.new("1", "2", "3"))])
            raise NotFound

    with pytest.raises(NotFound):
        give_up()
    assert given.matches(database, given.asked(Level.STUDY)) == []


def test_a_reader_sees_one_state(database: Database) -> None:
    given.add(database, given.new("1", "2", "3"))
    with database.read() as tx:
        before = instances.version(tx, Resource("1"))
        given.add(database, given.new("1", "2", "4"))
        assert instances.version(tx, Resource("1")) == before
    with database.read() as tx:
        assert instances.version(tx, Resource("1")) == Version(2, 2, None)


def test_an_error_of_the_database_says_nothing_of_patients(database: Database) -> None:
    with pytest.raises(Unavailable) as caught, database.begin() as tx:
        tx.core.execute(text("INSERT INTO nothing VALUES (:name)"), {"name": "Doe^John"})
    assert re.search("SQLITE_ERROR|UndefinedTable", str(caught.value))
    assert "Doe" not in str(caught.value) + str(caught.value.__cause__)


def test_a_mistake_in_the_code_is_not_hidden(database: Database) -> None:
    with pytest.raises(ObjectNotExecutableError), database.begin() as tx:
        tx.core.execute("SELECT 1")  # type: ignore[call-overload]


def test_a_row_that_breaks_a_rule_is_no_reason_to_try_again(database: Database) -> None:
    with pytest.raises(given.BROKEN_RULE), database.begin() as tx:
        tx.core.execute(text("INSERT INTO counter VALUES ('name', NULL)"))


def test_too_many_transactions_are_reported(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    database = Database(url, connections=1)
    with database.read(), pytest.raises(Unavailable, match="too many transactions"), database.read():
        pass
    database.close()


def test_who_wants_watermarks_waits_for_the_other(database: Database) -> None:
    """So their order is that of commits."""
    order = []
    writing = threading.Event()

    def second() -> None:
        writing.wait()
        with database.begin() as tx:
            watermarks.lock(tx)
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with database.begin() as tx:
        watermarks.lock(tx)
        writing.set()
        thread.join(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_threads_add_the_same_instances_once(database: Database) -> None:
    new = [given.new("1", f"1.{series}", f"1.{series}.{number}") for series in range(3) for number in range(4)]
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: given.add(database, *new), range(8)))
    statuses = [status for result in results for status in result]
    assert statuses.count(Status.ADDED) == len(new)
    assert statuses.count(Status.IDENTICAL) == 7 * len(new)
    [study] = given.answers(database, given.asked(Level.STUDY, everything=True))
    assert given.value(study, "NumberOfStudyRelatedSeries") == 3
    assert given.value(study, "NumberOfStudyRelatedInstances") == 12


def test_threads_that_add_and_remove_in_any_order_lose_nothing(database: Database) -> None:
    """Nobody waits in a ring: each opens the Studies in one order, whatever order its Instances have."""

    def work(thread: int) -> None:
        for turn in range(5):
            new = [given.new(study, f"{study}.{turn}", f"{study}.{thread}.{turn}") for study in "123"]
            given.add(database, *(new if thread % 2 else reversed(new)))
            given.remove(database, "4")
            given.add(database, given.new("4", "4.1", f"4.{thread}.{turn}"), new[thread % 3])

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    for study in "123":
        [found] = given.answers(database, given.asked(Level.STUDY, everything=True, StudyInstanceUID=study))
        assert given.value(found, "NumberOfStudyRelatedSeries") == 5
        assert given.value(found, "NumberOfStudyRelatedInstances") == 30
    left = given.matches(database, given.asked(Level.INSTANCE, limit=1000))
    assert len(left) == len(set(left)) == 90 + len([uid for uid in left if uid.startswith("4.")])


def test_watermarks_are_in_the_order_of_the_change_feed(database: Database) -> None:
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda n: given.add(database, given.new(f"1.{n % 3}", "2", f"3.{n}")), range(30)))
    with database.read() as tx:
        found = tx.core.scalars(select(change_feed.c.watermark).order_by(change_feed.c.sequence)).all()
    assert found == [*range(1, 31)]


def test_a_new_partition_gets_a_key_of_its_own(database: Database) -> None:
    with database.begin() as tx:
        made = insert(partition).values(name="other", created=0).returning(partition.c.key)
        assert tx.core.scalar(made) == DEFAULT_PARTITION + 1


def test_every_index_is_told_from_the_others(url: str, database: Database, tmp_path: Path) -> None:
    other = Database(f"sqlite:///{tmp_path / 'other.sqlite'}")
    assert database.pair()[0] not in (other.pair()[0], 0)
    other.close()


def test_an_index_takes_one_folder_for_good(database: Database) -> None:
    assert [database.take(folder) for folder in (7, 8, 7)] == [True, False, True]
    assert database.pair()[1] == 7


PROCESS = """
import sys
from filmroom.index.database import Database
from filmroom.index.instances import Version
from tests.index import given

database = Database(sys.argv[1])
for number in range(25):
    own = given.new("1", "1." + sys.argv[2], f"1.{sys.argv[2]}.{number}")
    given.add(database, given.new("1", "1.1", f"1.1.{number}"), own)
database.close()
"""


def test_processes_share_the_database(url: str) -> None:
    """They even make it at the same moment."""
    command = [sys.executable, "-c", PROCESS, url]
    root = Path(__file__).parents[2]
    running = [subprocess.Popen([*command, name], cwd=root) for name in ("2", "3")]
    assert [process.wait(60) for process in running] == [0, 0]
    database = Database(url)
    [study] = given.answers(database, given.asked(Level.STUDY, everything=True))
    assert given.value(study, "NumberOfStudyRelatedSeries") == 3
    assert given.value(study, "NumberOfStudyRelatedInstances") == 75
    assert len(given.matches(database, given.asked(Level.INSTANCE, limit=1000))) == 75
    database.close()


def _limit_pages(database: Database, pages: int) -> None:
    with database.begin() as tx:
        tx.core.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_is_reported_and_leaves_nothing_half_stored(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    given.add(database, given.new("1", "2", "3"))
    _limit_pages(database, 1)  # SQLite takes it as: no more than there are
    large = [given.new("1", "2", f"3.{number}", PatientComments=str(number) * 9000) for number in range(500)]
    with pytest.raises(Unavailable, match="disk is full; free some space"):
        given.add(database, *large)
    with database.read() as tx:
        assert instances.version(tx, Resource("1")) == Version(1, 1, None)
        assert tx.core.scalar(select(func.count()).select_from(instance_data)) == 1
    _limit_pages(database, 1 << 30)
    assert given.add(database, *large) == [Status.ADDED] * 500
    database.close()


def test_another_process_that_writes_for_too_long_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    Database(f"sqlite:///{path}").close()
    database = Database(f"sqlite:///{path}")
    with database.begin() as tx:
        tx.core.exec_driver_sql("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="another process"):
        given.add(database, given.new("1", "2", "3"))
    other.close()
    assert given.add(database, given.new("1", "2", "3")) == [Status.ADDED]
    database.close()


@given.only("sqlite")
def test_sqlite_syncs_commits(database: Database) -> None:
    with database.begin() as tx:
        assert tx.core.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert tx.core.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert tx.core.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


@given.only("postgresql")
def test_postgresql_syncs_commits_whatever_the_server_is_set_to(url: str) -> None:
    with closing(_connect(url)) as other:
        other.execute("ALTER DATABASE " + url.split("/")[3].split("?")[0] + " SET synchronous_commit = off")
        other.commit()
    database = Database(url)
    with database.begin() as tx:
        assert tx.core.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    database.close()


def test_an_index_from_before_there_was_a_secret_gets_one(url: str, database: Database) -> None:
    with database.begin() as tx:
        tx.core.execute(delete(counter).where(counter.c.name.like("secret%")))
    made = [Database(url), Database(url)]
    assert made[0].secret == made[1].secret != database.secret
    assert len(database.secret) == 24
    for one in made:
        one.close()

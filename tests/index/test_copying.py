import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from filmroom.errors import Unavailable
from filmroom.index import copying
from filmroom.index.database import Database
from filmroom.index.tables import counter
from tests.index import given

pytestmark = given.only("sqlite")


def test_a_copy_has_what_is_not_in_the_file_yet(url: str, database: Database, tmp_path: Path) -> None:
    told: list[int] = []
    given.add(database, given.new("1", "2", "3"))
    made = copying.copy(Path(url.removeprefix("sqlite:///")), tmp_path / "copy", told.append)
    with closing(sqlite3.connect(made)) as copied:
        assert copied.execute("SELECT count(*) FROM instance").fetchone() == (1,)
    assert told[-1] == 100
    assert not list(tmp_path.glob("copy.new*"))


def test_a_transaction_that_is_open_is_not_in_the_copy(url: str, database: Database, tmp_path: Path) -> None:
    with database.begin() as tx:
        tx.core.execute(counter.insert().values(name="open", value=1))
        made = copying.copy(Path(url.removeprefix("sqlite:///")), tmp_path / "copy", lambda percent: None)
    with closing(sqlite3.connect(made)) as copied:
        assert copied.execute("SELECT count(*) FROM counter WHERE name = 'open'").fetchone() == (0,)


def test_a_copy_that_can_not_be_made_is_told(url: str, database: Database, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "something").touch()
    for place in (tmp_path / "none" / "copy", tmp_path / "copy"):
        with pytest.raises(Unavailable, match=f"can't be copied to {place}"):
            copying.copy(Path(url.removeprefix("sqlite:///")), place, lambda percent: None)
    assert not (tmp_path / "copy.new").exists()

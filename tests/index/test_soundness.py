"""What a database says of itself."""

import pytest

from filmroom.index import kinds, soundness
from filmroom.index.database import Database
from tests.index import given


def ask(database: Database) -> soundness.Said:
    with database.read() as tx:
        return soundness.ask(tx)


def test_its_version_and_its_clock(database: Database) -> None:
    said = ask(database)
    assert said.name == database.kind.driver.partition("+")[0]
    assert int(said.version.split(".")[0]) >= 3
    assert round(said.ahead / 60) == 0


@given.only("sqlite")
def test_sqlite_keeps_what_it_has_committed(database: Database) -> None:
    assert ask(database).missing == []


@given.only("sqlite")
def test_sqlite_that_does_not(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_PRAGMAS", {"journal_mode": "DELETE", "synchronous": "OFF"})
    opened = Database(url)
    assert [what.split()[0] for what in ask(opened).missing] == ["the", "commits"]
    opened.close()


@given.only("postgresql")
def test_postgresql_that_does_not(database: Database) -> None:
    """As that of the tests, which is quick and may lose everything."""
    assert ask(database).missing[0] == "fsync = on"

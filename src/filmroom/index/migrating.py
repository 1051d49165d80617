"""Bringing an index to the schema of this version: one migration after the other, each in one transaction.

Whoever is stopped in the middle of one leaves the tables as they were before it, and can begin again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import delete

from filmroom.errors import Unavailable
from filmroom.index import schema
from filmroom.index.database import Database
from filmroom.index.tables import counter
from filmroom.index.transaction import Transaction

_FOLDER = "filmroom.index:migrations"


@dataclass(frozen=True, slots=True)
class Step:
    """One migration."""

    number: str  # of the schema that it leads to
    title: str

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


def pending(database: Database) -> list[Step]:
    """What there is to do, in order."""
    with database.read() as tx:
        return _steps(_found(tx))


def migrate(database: Database, before: Callable[[Step], None], begins: Callable[[Step], None]) -> list[Step]:
    """Do all of it, and give what was done.

    `before` the first step a copy can be made: nobody else writes then. Who comes while another migrates waits for
    the end of each step.
    """
    done: list[Step] = []
    while True:
        with _alone(database) as tx:
            found = _found(tx)
            steps = _steps(found)
            if steps and not done:
                before(steps[0])
            if not found.stamped:
                _adopt(tx, found)
            if not steps:
                return done
            begins(steps[0])
            upgrade(tx, steps[0].number)
            if len(steps) == 1:
                database.kind.made(tx)
        done.append(steps[0])


def upgrade(tx: Transaction, to: str) -> None:
    """Run the migrations up to one."""
    command.upgrade(_config(tx), to)


@contextmanager
def _alone(database: Database) -> Iterator[Transaction]:
    with database.begin() as tx:
        for statement in database.kind.alone_at_last:
            tx.core.exec_driver_sql(statement)
        yield tx


def _found(tx: Transaction) -> schema.Found:
    found = schema.find(tx)
    if found is None:
        raise Unavailable("There is no index yet; `filmroom serve` makes one.")
    schema.refuse_newer(found)
    return found


def _steps(found: schema.Found) -> list[Step]:
    scripts = ScriptDirectory.from_config(_config(None))
    newer = scripts.iterate_revisions("head", found.schema)
    return [Step(script.revision, script.doc) for script in newer][::-1]


def _adopt(tx: Transaction, found: schema.Found) -> None:
    """Write into alembic's table what the counter said, and let that go: versions without migrations refuse then."""
    command.stamp(_config(tx), found.schema)
    tx.core.execute(delete(counter).where(counter.c.name == schema.COUNTER))


def _config(tx: Transaction | None) -> Config:
    config = Config(attributes={"connection": tx and tx.core})
    config.set_main_option("script_location", _FOLDER)
    config.set_main_option("path_separator", "os")
    return config

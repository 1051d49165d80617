"""Statements that run on the driver's own cursor."""

import pytest
from sqlalchemy import bindparam, insert, select, update

from filmroom.index.database import Database
from filmroom.index.prepared import Prepared
from filmroom.index.tables import counter
from tests.index import given

NAMED = Prepared(select(counter.c.value).where(counter.c.name == bindparam("wanted")))
ADD = Prepared(insert(counter), ("name", "value"))
RAISE = Prepared(
    update(counter).where(counter.c.name == "one").values(value=bindparam("by") + 1).returning(counter.c.value)
)


def test_a_row_is_given_or_none(database: Database) -> None:
    with database.begin() as tx:
        ADD.run(tx, [{"value": 1, "name": "one"}, {"name": "two", "value": 2}])
        assert [NAMED.one(tx, {"wanted": name}) for name in ("one", "two", "three")] == [(1,), (2,), None]


def test_what_the_statement_says_itself_need_not_be_given(database: Database) -> None:
    with database.begin() as tx:
        ADD.run(tx, [{"name": "one", "value": 1}])
        assert RAISE.one(tx, {"by": 5}) == (6,)


def test_a_block_that_raises_undoes_them(database: Database) -> None:
    twice = [{"name": "one", "value": 1}, {"name": "one", "value": 2}]
    with pytest.raises(given.BROKEN_RULE), database.begin() as tx:
        ADD.run(tx, twice)
    with database.read() as tx:
        assert NAMED.one(tx, {"wanted": "one"}) is None

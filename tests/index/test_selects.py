import pytest

from filmroom.dicom.resources import Level, Resource
from filmroom.index import selects
from filmroom.index.database import Database
from filmroom.index.prepared import Prepared
from tests.index import given

INSTANCE = Resource("1", "2", "3")
STATEMENTS = [
    *selects.STORED.values(),
    *selects.METADATA.values(),
    *selects.VERSION.values(),
    selects.FRAMES,
    selects.BULK,
]


@given.only("sqlite")
@pytest.mark.parametrize("prepared", STATEMENTS)
def test_no_select_walks_through_a_table(database: Database, prepared: Prepared) -> None:
    with database.read() as tx:
        steps = given.plan(tx, prepared.statement, **selects.parameters(INSTANCE))
    assert steps
    assert not [step for step in steps if step.startswith("SCAN")]


@given.only("postgresql")
@pytest.mark.parametrize("prepared", STATEMENTS)
def test_postgresql_has_an_index_for_every_select(database: Database, prepared: Prepared) -> None:
    with database.read() as tx:
        steps = given.postgresql_plan(tx, prepared.statement, **selects.parameters(INSTANCE))
    assert not [step for step in steps if "Seq Scan" in step]


@given.only("sqlite")
@pytest.mark.parametrize("level", [Level.STUDY, Level.SERIES])
def test_metadata_is_not_sorted(database: Database, level: Level) -> None:
    with database.read() as tx:
        steps = given.plan(tx, selects.METADATA[level].statement, **selects.parameters(INSTANCE))
    assert not [step for step in steps if "TEMP B-TREE" in step]

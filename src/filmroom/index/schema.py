"""Which schema the tables of an index have, and whether this version of Filmroom works with it.

The number stands in alembic's table, and nowhere else. A migration raises it in the transaction that changes the
tables (`migrating`); here nothing is changed that is there already.
"""

import secrets
import time
from dataclasses import dataclass

from sqlalchemy import insert, inspect, select

from filmroom.dicom.resources import DEFAULT_PARTITION
from filmroom.errors import Unavailable
from filmroom.index import service_tables as service_tables  # its tables are made, too
from filmroom.index.kinds import Kind
from filmroom.index.table_parts import metadata
from filmroom.index.tables import alembic_version, counter, partition
from filmroom.index.transaction import Transaction

SCHEMA = "0005"  # that of `tables`: the newest in `migrations/versions`
COUNTER = "schema"  # what said it before there were migrations, by these numbers
_BEFORE = {3: "0001", 4: "0002"}


@dataclass(frozen=True, slots=True)
class Found:
    """The schema of an index, and whether alembic's table says so."""

    schema: str
    stamped: bool


def find(tx: Transaction) -> Found | None:
    """The schema of the tables, or None if there are none at all."""
    present = set(inspect(tx.core).get_table_names())
    if not present:
        return None
    if counter.name not in present:
        raise Unavailable("The database holds tables, but not those of a Filmroom index; name an empty database.")
    if alembic_version.name in present:
        return Found(str(tx.core.scalar(select(alembic_version.c.version_num))), stamped=True)
    number = tx.core.scalar(select(counter.c.value).where(counter.c.name == COUNTER))
    if number not in _BEFORE:
        raise Unavailable(
            f"The index has schema {number}, which this version of Filmroom has no migrations from; "
            "use the version that made the index, or an empty folder."
        )
    return Found(_BEFORE[number], stamped=False)


def refuse_newer(found: Found) -> None:
    """Nobody can know what a newer version has made of the tables."""
    if found.schema > SCHEMA:
        raise Unavailable(
            f"The index has schema {found.schema}, made by a newer version of Filmroom, and this one works with "
            f"schema {SCHEMA}; use the newer version, or a backup from before it."
        )


def check(tx: Transaction) -> bool:
    """Whether there are tables; refuses those of another schema."""
    found = find(tx)
    if found is None:
        return False
    refuse_newer(found)
    if found != Found(SCHEMA, stamped=True):
        raise Unavailable(
            f"The index has schema {found.schema}, made by an older version of Filmroom, and this one works with "
            f"schema {SCHEMA}: end all services on it, back it up, and run `filmroom migrate` with their settings."
        )
    return True


def make(tx: Transaction, kind: Kind) -> None:
    """Make all tables, with the rows that everybody expects."""
    metadata.create_all(tx.core)
    kind.made(tx)
    tx.core.execute(insert(alembic_version).values(version_num=SCHEMA))
    numbers = {"watermark": 0, "query_tags": 0, "identity": secrets.randbits(63), "folder": 0}
    tx.core.execute(insert(counter), [{"name": name, "value": value} for name, value in numbers.items()])
    # Its key is left to the database, which gives the first number, and would give it again if it were said here.
    [key] = tx.core.execute(
        insert(partition).values(name="Microsoft.Default", created=time.time()).returning(partition.c.key)
    ).one()
    assert key == DEFAULT_PARTITION

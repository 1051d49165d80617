"""What a rebuild adds beside the rows of Instances: data partitions, and the first versions of what was updated.

No function commits.
"""

import time
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, func, insert, select

from filmroom.index import instances, originals, watermarks
from filmroom.index.additions import NewRows
from filmroom.index.tables import deleted_blob, instance, original, partition
from filmroom.index.transaction import Transaction

_NEVER = 1e12  # seconds since 1970
_OF_FILE = originals.OF_FILE.keys() - {"created"}


def add_partitions(tx: Transaction, keys: Mapping[str, int]) -> None:
    """Make the partitions that are not there, under the keys that they had."""
    there = set(tx.core.scalars(select(partition.c.key)))
    now = time.time()
    made = [{"key": key, "name": name, "created": now} for name, key in keys.items() if key not in there]
    if made:
        tx.core.execute(insert(partition), made)
        if tx.dialect.name == "postgresql":  # SQLite goes on behind the largest by itself
            sequence = func.pg_get_serial_sequence(partition.name, "key")
            tx.core.execute(select(func.setval(sequence, select(func.max(partition.c.key)).scalar_subquery())))


def keep_files(tx: Transaction, keys: Sequence[str]) -> None:
    """Leave files that got no row alone: the sweep, which removes what no row names, has them on its list for never."""
    if keys:
        tx.core.execute(insert(deleted_blob), [{"blob": key, "deleted_at": _NEVER} for key in keys])


def forget_files(tx: Transaction) -> None:
    """Of an empty index: what an earlier rebuild could not read is looked at once more."""
    tx.core.execute(delete(deleted_blob))


def version(tx: Transaction, blob: str) -> int | None:
    """The watermark that a first version had: its own, or the one that was kept with an update before."""
    found = tx.core.scalar(select(instance.c.watermark).where(instance.c.blob == blob))
    return found if found is not None else tx.core.scalar(select(original.c.version).where(original.c.blob == blob))


def keep_first(tx: Transaction, newest: str, first: NewRows, version: int | None) -> None:
    """Keep a file as the first version of the Instance whose file is `newest`, unless that was replaced meanwhile."""
    watermark = tx.core.scalar(select(instance.c.watermark).where(instance.c.blob == newest))
    if watermark is None:
        return
    if tx.core.scalar(select(instance.c.watermark).where(instance.c.blob == first.new.key)) is not None:
        instances.remove(tx, first.new.resource)  # the update has changed its UIDs
    between = select(original.c.watermark).where(original.c.blob == first.new.key, original.c.watermark != watermark)
    if superseded := list(tx.core.scalars(between)):  # it has changed the UIDs of a version between
        watermarks.lock(tx)
        instances.remove_versions(tx, superseded)
    row = {name: first.instance[name] for name in _OF_FILE} | {name: first.data[name] for name in originals.OF_DATA}
    tx.core.execute(delete(original).where(original.c.blob == first.new.key))
    row |= {"watermark": watermark, "version": version or watermark, "created": time.time()}
    tx.core.execute(insert(original).values(row))
    tx.core.execute(delete(deleted_blob).where(deleted_blob.c.blob == first.new.key))

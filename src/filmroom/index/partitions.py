"""The rows of data partitions: their names, their keys, when they were made. None is ever renamed or removed."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import func, insert, select

from filmroom.dicom.resources import DEFAULT_PARTITION
from filmroom.index.tables import partition
from filmroom.index.transaction import Transaction


class Partition(NamedTuple):
    """A partition of what is stored."""

    key: int
    name: str
    created: float


def fetch(tx: Transaction, name: str) -> int | None:
    """The key of a partition, if there is one of that name."""
    return tx.core.scalar(select(partition.c.key).where(partition.c.name == name))


def fetch_name(tx: Transaction, key: int) -> str | None:
    """The name of a partition, if there is one of that key."""
    return tx.core.scalar(select(partition.c.name).where(partition.c.key == key))


def fetch_all(tx: Transaction) -> list[Partition]:
    """All partitions, in the order in which they were made."""
    columns = (partition.c.key, partition.c.name, partition.c.created)
    return [Partition(*row) for row in tx.core.execute(select(*columns).order_by(partition.c.key))]


def count(tx: Transaction) -> int:
    """How many there are; one is always there."""
    return tx.core.scalar(select(func.count()).select_from(partition)) or 0


def lock(tx: Transaction) -> None:
    """Keep all others from making partitions until the transaction ends. Stores go on."""
    tx.core.execute(select(partition.c.key).where(partition.c.key == DEFAULT_PARTITION).with_for_update(key_share=True))


def add(tx: Transaction, name: str, created: float) -> int:
    """Make a partition, whose name must be new; its key."""
    [key] = tx.core.execute(insert(partition).values(name=name, created=created).returning(partition.c.key)).one()
    return int(key)


def names(tx: Transaction) -> Mapping[str, int]:
    """The keys of all partitions by their names."""
    return {one.name: one.key for one in fetch_all(tx)}

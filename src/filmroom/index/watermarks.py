"""Watermarks: numbers that only grow, in the order of commits (decision 3)."""

from sqlalchemy import bindparam, func, select, update

from filmroom.index.prepared import Prepared
from filmroom.index.tables import counter, instance, partition
from filmroom.index.transaction import Transaction


def take(tx: Transaction, count: int) -> int:
    """The first of `count` numbers never used before. Others wait for theirs until the transaction ends."""
    last = _TAKE.one(tx, {"count": count})
    assert last is not None
    return int(last[0]) - count + 1


def empty_since(tx: Transaction) -> float | None:
    """When the index was made, in seconds since 1970, if nothing has ever been added to it; else None."""
    last = tx.core.scalar(select(counter.c.value).where(counter.c.name == "watermark"))
    return None if last else tx.core.scalar(select(func.min(partition.c.created)))


def lock(tx: Transaction) -> int:
    """Keep all others from taking some, so that the change feed is in the order of commits. Gives the next."""
    return take(tx, 0)


def largest(tx: Transaction) -> int:
    """The largest of what is stored now, for how much of it is done. Nobody waits."""
    return tx.core.scalar(select(func.max(instance.c.watermark))) or 0


_TAKE = Prepared(
    update(counter)
    .where(counter.c.name == "watermark")
    .values(value=counter.c.value + bindparam("count"))
    .returning(counter.c.value)
)

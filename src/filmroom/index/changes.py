"""The change feed: its entries, in the order of commits. No function commits.

Whoever adds entries holds the lock of the counter of watermarks until the end of the transaction. So sequences become
visible in their order: a reader that has seen one never finds a smaller one later that was not there before.
What became of the version that an entry is about is found when it is read, by joins along the unique indexes.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import BindParameter, Row, Select, UnaryExpression, bindparam, literal, null, select

from filmroom.dicom.resources import Resource
from filmroom.index.packing import unpack
from filmroom.index.prepared import Prepared
from filmroom.index.tables import change_feed, instance, instance_data, links, partition, series, study
from filmroom.index.transaction import Transaction

Partitions = Collection[int] | None  # keys of data partitions; None: all


class State(StrEnum):
    """What has become of the version that an entry is about."""

    CURRENT = "Current"
    REPLACED = "Replaced"  # there is another version of the Instance
    DELETED = "Deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the feed. An Instance that is gone has no Metadata."""

    sequence: int
    timestamp: float  # seconds since 1970, in whole microseconds
    action: str  # create, update, delete
    partition: str  # its name
    resource: Resource
    state: State
    packed: bytes | None  # compressed, for a page of them may be large

    @property
    def metadata(self) -> bytes | None:
        """The stored text of the current version (`dicom.json_model`), if it was fetched."""
        return None if self.packed is None else unpack(self.packed)


def moment(tx: Transaction) -> float:
    """The time for new entries, as `following` gives it."""
    return following(tx)[1]


def following(tx: Transaction) -> tuple[int, float]:
    """The sequence of the next entry, and the time for it. The counter of watermarks must be locked.

    The sequence leaves no gap, as PostgreSQL's own would after a transaction that was undone, or a crash: a window of
    the Azure service's v1 that falls into a gap is empty, and its reader takes that for the end. The time is not before
    that of the newest entry, for a clock may be set back, or run behind another: who reads by time would never find an
    entry that is earlier than what was read already.
    """
    now = time.time_ns() // 1000 / 1_000_000
    found = newest(tx)
    return (found[0] + 1, max(now, found[1])) if found else (1, now)


def newest(tx: Transaction) -> tuple[int, float] | None:
    """The sequence and the time of the newest entry."""
    found = _NEWEST.one(tx, {})
    return (found[0], found[1]) if found else None


def last(tx: Transaction) -> int:
    """The sequence of the newest entry; 0 if there was never one."""
    found = newest(tx)
    return found[0] if found else 0


def has(tx: Transaction, sequence: int, timestamp: float) -> bool:
    """Whether there is an entry with that sequence and time."""
    this = change_feed.c.sequence == sequence, change_feed.c.timestamp == timestamp
    return tx.core.scalar(select(change_feed.c.sequence).where(*this)) is not None


def fetch_after(
    tx: Transaction, after: int, up_to: int, limit: int, *, metadata: bool, partitions: Partitions = None
) -> list[Change]:
    """The first entries whose sequences are above `after`, and not above `up_to`, of some data partitions or of all."""
    values = {"after": after, "up_to": up_to, "most": limit}
    return _fetch(tx, _BY_SEQUENCE[metadata, partitions is None], values, partitions)


def fetch_between(
    tx: Transaction,
    start: float,
    end: float,
    offset: int,
    limit: int,
    *,
    metadata: bool,
    partitions: Partitions = None,
) -> list[Change]:
    """Entries from `start` on and before `end`, by time and sequence; `offset` of them are left out."""
    values = {"start": start, "end": end, "passed": offset, "most": limit}
    return _fetch(tx, _BY_TIME[metadata, partitions is None], values, partitions)


def fetch_latest(tx: Transaction, *, by_time: bool, metadata: bool, partitions: Partitions = None) -> Change | None:
    """The newest entry, by time or by sequence."""
    return next(iter(_fetch(tx, _LATEST[by_time, metadata, partitions is None], {}, partitions)), None)


def _fetch(tx: Transaction, statement: Select[Any], values: Mapping[str, Any], partitions: Partitions) -> list[Change]:
    of = {} if partitions is None else {"partitions": [*partitions]}
    return [_change(row) for row in tx.core.execute(statement, {**values, **of})]


def _change(row: Row[Any]) -> Change:
    state = State.CURRENT if row.current == row.watermark else State.REPLACED
    if row.current is None:
        state = State.DELETED
    resource = Resource(row.StudyInstanceUID, row.SeriesInstanceUID, row.SOPInstanceUID, row.partition)
    return Change(row.sequence, row.timestamp, row.action, row.name, resource, state, row.packed)


_FEED = change_feed.c
_SEQUENCE, _TIME = (_FEED.sequence,), (_FEED.timestamp, _FEED.sequence)
_COLUMNS = (*_FEED, partition.c.name, instance.c.watermark.label("current"))


def _entries(page: Select[Any], order: Iterable[Any], *, metadata: bool, everywhere: bool) -> Select[Any]:
    """The entries whose sequences `page` selects, with what is stored now under their UIDs.

    The page is cut before anything is joined: to pass over entries costs no more than to count them.
    """
    chosen = (page if everywhere else page.where(_IN_PARTITIONS)).subquery("page")
    joined = (
        chosen.join(change_feed, _FEED.sequence == chosen.c.sequence)
        .join(partition, partition.c.key == _FEED.partition)
        .outerjoin(study, (study.c.partition == _FEED.partition) & (study.c.StudyInstanceUID == _FEED.StudyInstanceUID))
        .outerjoin(series, links({series, study})[0] & (series.c.SeriesInstanceUID == _FEED.SeriesInstanceUID))
        .outerjoin(instance, links({instance, series})[0] & (instance.c.SOPInstanceUID == _FEED.SOPInstanceUID))
    )
    if metadata:
        joined = joined.outerjoin(instance_data, links({instance_data, instance})[0])
    packed = instance_data.c.metadata if metadata else null()
    return select(*_COLUMNS, packed.label("packed")).select_from(joined).order_by(*order)


def _newest(order: Iterable[Any]) -> Select[Any]:
    backwards: list[UnaryExpression[Any]] = [column.desc() for column in order]
    return select(_FEED.sequence).order_by(*backwards).limit(literal(1))


_PAGE_BY_SEQUENCE = (
    select(_FEED.sequence)
    .where(_FEED.sequence > bindparam("after"), _FEED.sequence <= bindparam("up_to"))
    .order_by(*_SEQUENCE)
    .limit(bindparam("most"))
)
_PAGE_BY_TIME = (
    select(_FEED.sequence)
    .where(_FEED.timestamp >= bindparam("start"), _FEED.timestamp < bindparam("end"))
    .order_by(*_TIME)
    .limit(bindparam("most"))
    .offset(bindparam("passed"))
)
_PARTITIONS: BindParameter[Any] = bindparam("partitions", expanding=True)
_IN_PARTITIONS = _FEED.partition.in_(_PARTITIONS)
_EITHER = (False, True)
_BY_SEQUENCE, _BY_TIME = (
    {
        (metadata, everywhere): _entries(page, order, metadata=metadata, everywhere=everywhere)
        for metadata in _EITHER
        for everywhere in _EITHER
    }
    for page, order in ((_PAGE_BY_SEQUENCE, _SEQUENCE), (_PAGE_BY_TIME, _TIME))
)
_LATEST = {
    (by_time, metadata, everywhere): _entries(
        _newest(_TIME if by_time else _SEQUENCE), (), metadata=metadata, everywhere=everywhere
    )
    for by_time in _EITHER
    for metadata in _EITHER
    for everywhere in _EITHER
}
_NEWEST = Prepared(select(_FEED.sequence, _FEED.timestamp).order_by(_FEED.sequence.desc()).limit(literal(1)))

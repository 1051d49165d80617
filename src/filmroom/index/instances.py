"""The rows of Instances: added, replaced, fetched and removed. No function commits.

Adding, in order, and why:

(1) open the rows of Studies and Series   their locks keep everybody else away from the same Instances
(2) look what is stored already           a second Instance of the same UIDs is told from the first by its digest
(3) take watermarks                       the lock of the counter is held until commit, so they follow its order
(4) write the rows of Instances           and the change feed, under the same lock
(5) write the rows of Studies and Series  which now hold the latest values
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, literal, select, update

from filmroom.dicom import json_model
from filmroom.dicom.frames import Frames
from filmroom.dicom.json_model import Bulk
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import NotFound
from filmroom.index import columns, rows, selects
from filmroom.index.packing import pack, unpack
from filmroom.index.rows import SeriesRow, StudyRow
from filmroom.index.tables import change_feed, counter, deleted_blob, instance, instance_data, series, study

_BATCH = 500  # of values in one statement; SQLite takes 32,766 parameters, older ones 999

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NewInstance:
    """An Instance whose file is in the blob store, to be added."""

    resource: Resource
    sop_class: str
    transfer_syntax: str
    complete: bool  # the file has preamble and file meta information
    key: str
    length: int
    digest: bytes
    elements: Mapping[str, Any]
    metadata: bytes
    frames: Frames | None
    bulk: Mapping[str, Bulk]


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """What the index knows of an Instance's file."""

    resource: Resource
    watermark: int
    key: str
    length: int
    digest: bytes
    transfer_syntax: str
    complete: bool
    sop_class: str
    frames: int
    created: float


class Status(Enum):
    """What became of an Instance that was to be added."""

    ADDED = auto()
    REPLACED = auto()  # it took the place of another
    IDENTICAL = auto()  # the same bytes are stored already
    EXISTS = auto()  # other bytes are stored under the same UIDs


@dataclass(slots=True)
class _Candidate:
    """An Instance to be added, with the rows that it belongs to."""

    new: NewInstance
    study: StudyRow
    series: SeriesRow
    replaced: Row[Any] | None = None
    watermark: int = 0

    @property
    def id(self) -> tuple[int, str]:
        return self.series.key, str(self.new.resource.instance)


def add(tx: Connection, instances: Sequence[NewInstance], *, replace: bool) -> list[Status]:
    """Add Instances; those stored already are left alone, or replaced. The statuses are in the order given."""
    if not instances:
        return []
    candidates = _open_rows(tx, instances)  # (1)
    statuses, winners, lost = _settle(candidates, _present(tx, candidates), replace=replace)  # (2)
    if winners:
        first = _take_watermarks(tx, len(winners))  # (3)
        for watermark, winner in enumerate(winners, first):
            winner.watermark = watermark
        _discard(tx, [winner.replaced.watermark for winner in winners if winner.replaced], lost)
        _write(tx, winners)  # (4)
        _write_rows(tx, winners)  # (5)
    return statuses


def remove(tx: Connection, resource: Resource) -> int:
    """Remove a Study, a Series or an Instance; gives the number of Instances. Their blobs are left to the sweep."""
    here = (study.c.partition == resource.partition) & (study.c.StudyInstanceUID == resource.study)
    key = tx.scalar(select(study.c.key).where(here).with_for_update())
    if key is None:
        return 0
    _take_watermarks(tx, 0)  # its lock keeps the change feed in the order of commit
    gone = selects.of(select(instance.c.watermark), resource.level)
    uids = (study.c.StudyInstanceUID, series.c.SeriesInstanceUID, instance.c.SOPInstanceUID)
    constants = (literal(time.time()), literal("delete"))
    entries = selects.of(select(*constants, instance.c.partition, *uids, instance.c.watermark), resource.level)
    names = ["timestamp", "action", "partition", *(uid.name for uid in uids), "watermark"]
    blobs = selects.of(select(instance.c.blob, literal(time.time())), resource.level)
    parameters = selects.parameters(resource)
    tx.execute(insert(change_feed).from_select(names, entries.order_by(instance.c.watermark)), parameters)
    tx.execute(insert(deleted_blob).from_select(["blob", "deleted_at"], blobs), parameters)
    removed = tx.execute(delete(instance).where(instance.c.watermark.in_(gone)), parameters).rowcount
    rows.close(tx, key, resource.series)
    return removed


def fetch(tx: Connection, resource: Resource) -> list[StoredInstance]:
    """The Instances of a Study, a Series or one Instance, oldest first."""
    return [_stored(row) for row in tx.execute(selects.STORED[resource.level], selects.parameters(resource))]


def fetch_metadata(tx: Connection, resource: Resource) -> Iterator[tuple[Resource, bytes]]:
    """The stored text of each Instance's Metadata (`dicom.json_model`), oldest first.

    The rows are read at once, compressed; their texts only as they are taken, which may be after `tx` ended.
    """
    rows = tx.execute(selects.METADATA[resource.level], selects.parameters(resource)).all()
    return ((_resource(row), unpack(row.metadata)) for row in rows)


def fetch_elements(tx: Connection, resource: Resource) -> dict[str, Any]:
    """What the data set of an Instance holds, in the DICOM JSON Model; BulkDataURIs are relative."""
    return json_model.parse(unpack(_one(tx, selects.METADATA[Level.INSTANCE], resource).metadata))


def fetch_frames(tx: Connection, resource: Resource) -> tuple[StoredInstance, Frames]:
    """Where the Frames of an Instance lie in its file."""
    row = _one(tx, selects.FRAMES, resource)
    if row.frame_start is None:
        raise NotFound("The specified frame cannot be found.")
    return _stored(row), Frames(row.frames, row.frame_start, row.frame_bits, row.frame_spans)


def fetch_bulk(tx: Connection, resource: Resource, path: str) -> tuple[StoredInstance, Bulk]:
    """Where a bulk value of an Instance lies in its file."""
    row = _one(tx, selects.BULK, resource)
    place = orjson.loads(row.bulk).get(path)
    if place is None:
        raise NotFound("The specified bulk value cannot be found.")
    return _stored(row), Bulk(*place)


def version(tx: Connection, resource: Resource) -> tuple[int, int] | None:
    """The newest watermark and the number of Instances: any change of what is stored changes one of them."""
    row = tx.execute(selects.VERSION[resource.level], selects.parameters(resource)).first()
    return (row[0], row[1]) if row else None


def is_named(tx: Connection, keys: Iterable[str]) -> set[str]:
    """Which of the blobs have a row."""
    return {
        key for batch in _batches(keys) for key in tx.scalars(select(instance.c.blob).where(instance.c.blob.in_(batch)))
    }


def fetch_deleted(tx: Connection, before: float, limit: int) -> list[str]:
    """Blobs whose rows were removed before that time (seconds since 1970), longest ago first."""
    due = deleted_blob.c.deleted_at < before
    return list(tx.scalars(select(deleted_blob.c.blob).where(due).order_by(deleted_blob.c.deleted_at).limit(limit)))


def forget_deleted(tx: Connection, keys: Iterable[str]) -> None:
    """Take it that the blobs are gone."""
    for batch in _batches(keys):
        tx.execute(delete(deleted_blob).where(deleted_blob.c.blob.in_(batch)))


def _open_rows(tx: Connection, instances: Sequence[NewInstance]) -> list[_Candidate]:
    study_ids = [(new.resource.partition, str(new.resource.study)) for new in instances]
    studies = rows.open_studies(tx, set(study_ids))
    series_ids = [
        (study_id[0], studies[study_id].key, str(new.resource.series))
        for new, study_id in zip(instances, study_ids, strict=True)
    ]
    serieses = rows.open_series(tx, set(series_ids))
    ids = zip(instances, study_ids, series_ids, strict=True)
    return [_Candidate(new, studies[study_id], serieses[series_id]) for new, study_id, series_id in ids]


def _present(tx: Connection, candidates: Iterable[_Candidate]) -> dict[tuple[int, str], Row[Any]]:
    """What is stored already under the UIDs of the candidates."""
    ids = sorted(candidate.id for candidate in candidates if candidate.series.instances)  # a batch: few Series
    return {
        (row.series_key, row.SOPInstanceUID): row
        for batch in _batches(ids)
        for row in tx.execute(
            selects.PRESENT, {"series_keys": list({key for key, _ in batch}), "uids": [uid for _, uid in batch]}
        )
    }


def _settle(
    candidates: Iterable[_Candidate], present: Mapping[tuple[int, str], Row[Any]], *, replace: bool
) -> tuple[list[Status], list[_Candidate], list[str]]:
    """What becomes of each, in order: the statuses, those that get a row, and the blobs that lose theirs."""
    statuses, lost = [], []
    winners: dict[tuple[int, str], _Candidate] = {}
    for candidate in candidates:
        old = present.get(candidate.id)
        beaten = winners.get(candidate.id)
        known = (beaten.new.digest, beaten.new.key) if beaten else (old.digest, old.blob) if old else None
        if known is None or replace:
            winners.pop(candidate.id, None)  # the order of watermarks is that of what is kept
            candidate.replaced = old
            winners[candidate.id] = candidate
        if known is None:
            statuses.append(Status.ADDED)
        elif replace:
            statuses.append(Status.REPLACED)
            lost.append(known[1])
        else:
            statuses.append(Status.IDENTICAL if known[0] == candidate.new.digest else Status.EXISTS)
    return statuses, list(winners.values()), lost


def _take_watermarks(tx: Connection, count: int) -> int:
    """The first of `count` numbers never used before."""
    return int(tx.execute(_TAKE, {"count": count}).scalar_one()) - count + 1


def _discard(tx: Connection, watermarks: Sequence[int], blobs: Sequence[str]) -> None:
    for batch in _batches(watermarks):
        tx.execute(delete(instance).where(instance.c.watermark.in_(batch)))
    if blobs:
        tx.execute(insert(deleted_blob), [{"blob": blob, "deleted_at": time.time()} for blob in blobs])


def _write(tx: Connection, winners: Sequence[_Candidate]) -> None:
    now = time.time()
    tx.execute(_INSTANCES, [_instance_row(winner, now) for winner in winners])
    tx.execute(_DATA, [_data_row(winner) for winner in winners])
    tx.execute(_FEED, [_feed_row(winner, now) for winner in winners])


def _instance_row(winner: _Candidate, now: float) -> dict[str, Any]:
    new = winner.new
    held = columns.held(Level.INSTANCE, new.elements)
    return {
        "watermark": winner.watermark,
        "partition": new.resource.partition,
        "study_key": winner.study.key,
        "series_key": winner.series.key,
        "SOPInstanceUID": new.resource.instance,
        "SOPClassUID": new.sop_class,
        "AvailableTransferSyntaxUID": new.transfer_syntax,
        "complete": new.complete,
        "blob": new.key,
        "length": new.length,
        "digest": new.digest,
        "frames": new.frames.count if new.frames else 0,
        "created": now,
        "attributes": orjson.dumps(held),
        **columns.derived(Level.INSTANCE, held),
    }


def _data_row(winner: _Candidate) -> dict[str, Any]:
    frames = winner.new.frames
    return {
        "watermark": winner.watermark,
        "frame_start": frames.start if frames else None,
        "frame_bits": frames.bits if frames else None,
        "frame_spans": frames.spans if frames else None,
        "bulk": orjson.dumps({path: [b.vr, b.offset, b.length] for path, b in winner.new.bulk.items()}),
        "metadata": pack(winner.new.metadata),
    }


def _feed_row(winner: _Candidate, now: float) -> dict[str, Any]:
    resource = winner.new.resource
    return {
        "timestamp": now,
        "action": "update" if winner.replaced else "create",
        "partition": resource.partition,
        "StudyInstanceUID": resource.study,
        "SeriesInstanceUID": resource.series,
        "SOPInstanceUID": resource.instance,
        "watermark": winner.watermark,
    }


def _write_rows(tx: Connection, winners: Sequence[_Candidate]) -> None:
    doubtful = set()  # Studies of which a modality or a SOP Class may have gone
    for winner in winners:
        parent, child, new = winner.study, winner.series, winner.new
        modality = child.modality
        rows.take_over(parent, child, new.elements, new.sop_class, winner.watermark)
        if winner.replaced is None:
            parent.series += not child.instances
            parent.instances += 1
            child.instances += 1
        elif winner.replaced.SOPClassUID != new.sop_class:
            doubtful.add(parent.key)
        if modality not in {None, child.modality}:
            doubtful.add(parent.key)
    studies = {winner.study.key: winner.study for winner in winners}
    serieses = {winner.series.key: winner.series for winner in winners}
    rows.write(tx, studies.values(), serieses.values())
    rows.prune(tx, doubtful)


def _batches(values: Iterable[T]) -> Iterator[list[T]]:
    left = iter(values)
    while batch := list(islice(left, _BATCH)):
        yield batch


def _one(tx: Connection, statement: Select[Any], resource: Resource) -> Row[Any]:
    row = tx.execute(statement, selects.parameters(resource)).first()
    if row is None:
        raise NotFound("The specified instance cannot be found.")
    return row


def _resource(row: Row[Any]) -> Resource:
    return Resource(row.StudyInstanceUID, row.SeriesInstanceUID, row.SOPInstanceUID, row.partition)


def _stored(row: Row[Any]) -> StoredInstance:
    return StoredInstance(
        resource=_resource(row),
        watermark=row.watermark,
        key=row.blob,
        length=row.length,
        digest=row.digest,
        transfer_syntax=row.AvailableTransferSyntaxUID,
        complete=row.complete,
        sop_class=row.SOPClassUID,
        frames=row.frames,
        created=row.created,
    )


# Built once: building a statement costs several times what running it does.
_TAKE = (
    update(counter)
    .where(counter.c.name == "watermark")
    .values(value=counter.c.value + bindparam("count"))
    .returning(counter.c.value)
)
_INSTANCES, _DATA, _FEED = insert(instance), insert(instance_data), insert(change_feed)

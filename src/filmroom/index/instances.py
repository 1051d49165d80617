"""The rows of Instances: fetched and removed (`additions` adds them). No function commits."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Select, delete, func, insert, literal, select

from filmroom.dicom import json_model
from filmroom.dicom.frames import Frames
from filmroom.dicom.json_model import Bulk
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import NotFound
from filmroom.index import changes, rows, selects, views, watermarks
from filmroom.index.forms import in_core
from filmroom.index.packing import unpack
from filmroom.index.prepared import Prepared
from filmroom.index.tables import change_feed, deleted_blob, instance, links, original, series, study
from filmroom.index.transaction import Transaction


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


class Version(NamedTuple):
    """What changes with every change of what is stored. `created` is None of several Instances."""

    watermark: int
    instances: int
    created: float | None


def fetch_expired(tx: Transaction, by: float, limit: int) -> list[Resource]:
    """Studies that have expired by a time (seconds since 1970), longest ago first."""
    due = select(study.c.StudyInstanceUID, study.c.partition).where(study.c.expires <= by)
    return [Resource(row[0], partition=row[1]) for row in tx.core.execute(due.order_by(study.c.expires).limit(limit))]


def remove(tx: Transaction, resource: Resource, expired_by: float | None = None) -> int:
    """Remove a Study, a Series or an Instance; gives the number of Instances. Their blobs are left to the sweep.

    With `expired_by`, a time, only if its Study has expired by then: a store may have come meanwhile.
    """
    here = (study.c.partition == resource.partition) & (study.c.StudyInstanceUID == resource.study)
    if expired_by is not None:
        here &= study.c.expires <= expired_by
    seen = [*map(in_core, views.seen(resource.view, resource.partition))]
    key = tx.core.scalar(select(study.c.key).where(here, *seen).with_for_update())
    if key is None:
        return 0
    watermarks.lock(tx)
    # Not correlated with the DELETE around it, which would then be put to every row there is.
    gone = selects.of(select(instance.c.watermark), resource.level).correlate(None)
    removed = _let_go(tx, gone, selects.parameters(resource))
    rows.close(tx, key, resource.series)
    return removed


def remove_versions(tx: Transaction, watermarks: Sequence[int]) -> None:
    """Remove Instances of one Study, under the lock of the watermarks. Their blobs are left to the sweep."""
    keys = set()
    for batch in selects.batches(watermarks):
        keys |= set(tx.core.scalars(select(instance.c.study_key).where(instance.c.watermark.in_(batch)).distinct()))
        _let_go(tx, batch, {})
    for key in keys:
        rows.close(tx, key, None)


def _let_go(tx: Transaction, gone: Select[Any] | Sequence[int], parameters: Mapping[str, Any]) -> int:
    """Write down that Instances are deleted, and what becomes of their blobs; then remove the rows. Gives how many."""
    sequence, timestamp = changes.following(tx)
    number = func.row_number().over(order_by=instance.c.watermark) + (sequence - 1)
    uids = (study.c.StudyInstanceUID, series.c.SeriesInstanceUID, instance.c.SOPInstanceUID)
    chosen = instance.c.watermark.in_(gone)
    entries = (
        select(number, literal(timestamp), literal("delete"), instance.c.partition, *uids, instance.c.watermark)
        .where(chosen, *links({instance, series, study}))
        .order_by(instance.c.watermark)
    )
    names = ["sequence", "timestamp", "action", "partition", *(uid.name for uid in uids), "watermark"]
    tx.core.execute(insert(change_feed).from_select(names, entries), parameters)
    for of in (instance, original):
        blobs = select(of.c.blob, literal(time.time())).where(of.c.watermark.in_(gone))
        tx.core.execute(insert(deleted_blob).from_select(["blob", "deleted_at"], blobs), parameters)
    return tx.core.execute(delete(instance).where(chosen), parameters).rowcount


def fetch(tx: Transaction, resource: Resource) -> list[StoredInstance]:
    """The Instances of a Study, a Series or one Instance, oldest first."""
    return [stored_instance(row) for row in selects.rows(tx, selects.STORED[resource.level], resource)]


def fetch_after(tx: Transaction, resource: Resource, watermark: int, limit: int) -> list[StoredInstance]:
    """The oldest Instances that are newer than a watermark: of a resource, or all of its partition if it names none."""
    everything = resource.study is None
    wanted = selects.ALL_AFTER if everything else selects.STORED_AFTER[resource.level]
    return [stored_instance(row) for row in selects.rows(tx, wanted, resource, after=watermark, most=limit)]


def fetch_metadata(tx: Transaction, resource: Resource) -> Iterator[tuple[Resource, bytes]]:
    """The stored text of each Instance's Metadata (`dicom.json_model`), oldest first.

    The rows are read at once, compressed; their texts only as they are taken, which may be after `tx` ended.
    """
    rows = selects.rows(tx, selects.METADATA[resource.level], resource)
    return ((Resource(*row[:_NAMES]), unpack(row[_NAMES])) for row in rows)


def fetch_elements(tx: Transaction, resource: Resource) -> dict[str, Any]:
    """What the data set of an Instance holds, in the DICOM JSON Model; BulkDataURIs are relative."""
    return json_model.parse(unpack(_one(tx, selects.METADATA[Level.INSTANCE], resource)[_NAMES]))


def fetch_frames(tx: Transaction, resource: Resource) -> tuple[StoredInstance, Frames]:
    """Where the Frames of an Instance lie in its file."""
    stored, frames = fetch_pixel_data(tx, resource)
    if frames is None:
        raise NotFound("The specified frame cannot be found.")
    return stored, frames


def fetch_pixel_data(tx: Transaction, resource: Resource) -> tuple[StoredInstance, Frames | None]:
    """An Instance and its Frames; None if it has none, or nobody knows where they begin."""
    row = _one(tx, selects.FRAMES, resource)
    stored, (start, bits, spans) = stored_instance(row), row[_FILE:]
    return stored, None if start is None else Frames(stored.frames, start, bits, spans)


def fetch_bulk(tx: Transaction, resource: Resource, path: str) -> tuple[StoredInstance, Bulk]:
    """Where a bulk value of an Instance lies in its file."""
    row = _one(tx, selects.BULK, resource)
    place = orjson.loads(row[_FILE]).get(path)
    if place is None:
        raise NotFound("The specified bulk value cannot be found.")
    return stored_instance(row), Bulk(*place)


def fetch_bulks(tx: Transaction, resource: Resource) -> dict[str, Bulk]:
    """Where all bulk values of an Instance lie in its file, by their paths."""
    return {path: Bulk(*place) for path, place in orjson.loads(_one(tx, selects.BULK, resource)[_FILE]).items()}


def version(tx: Transaction, resource: Resource) -> Version | None:
    """The newest watermark and the number of Instances: any change of what is stored changes one of them."""
    rows = selects.rows(tx, selects.VERSION[resource.level], resource)
    return Version(*rows[0]) if rows else None


def nameless(tx: Transaction, keys: Collection[str]) -> set[str]:
    """Which of the blobs no row names, be it of what is stored, of a first version, or of what waits for the sweep."""
    # In the order in which a blob goes from one to the next, for it may do so between two statements.
    named = {
        key
        for batch in selects.batches(keys)
        for of in (instance, original, deleted_blob)
        for key in tx.core.scalars(select(of.c.blob).where(of.c.blob.in_(batch)))
    }
    return {*keys} - named


def fetch_deleted(tx: Transaction, before: float, limit: int) -> list[str]:
    """Blobs whose rows were removed before that time (seconds since 1970), longest ago first."""
    due = select(deleted_blob.c.blob).where(deleted_blob.c.deleted_at < before)
    return list(tx.core.scalars(due.order_by(deleted_blob.c.deleted_at).limit(limit)))


def forget_deleted(tx: Transaction, keys: Iterable[str]) -> None:
    """Take it that the blobs are gone."""
    for batch in selects.batches(keys):
        tx.core.execute(delete(deleted_blob).where(deleted_blob.c.blob.in_(batch)))


def _one(tx: Transaction, statement: Prepared, resource: Resource) -> Sequence[Any]:
    rows = selects.rows(tx, statement, resource)
    if not rows:
        raise NotFound("The specified instance cannot be found.")
    return rows[0]


def stored_instance(row: Sequence[Any]) -> StoredInstance:
    """The Instance of a row with the columns `selects.FILE`, first and in that order."""
    # By position, which takes half the time: a Study may have thousands.
    name, (watermark, key, length, digest, syntax, complete, *rest) = row[:_NAMES], row[_NAMES:_FILE]
    return StoredInstance(Resource(*name), watermark, key, length, digest, syntax, bool(complete), *rest)


_NAMES = len(selects.NAME)
_FILE = _NAMES + len(fields(StoredInstance)) - 1

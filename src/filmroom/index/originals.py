"""The first versions of Instances that have been updated: kept, and fetched instead. No function commits."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, insert, select

from filmroom.dicom import json_model
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import NotFound
from filmroom.index import selects
from filmroom.index.instances import StoredInstance, forget_deleted, stored_instance
from filmroom.index.packing import unpack
from filmroom.index.prepared import Prepared
from filmroom.index.tables import instance, instance_data, original
from filmroom.index.transaction import Transaction

_NAMES = len(selects.NAME)
_VERSION = len(selects.FILE)  # where the row has what `original` adds

Row = dict[str, Any]


def take(tx: Transaction, watermarks: Sequence[int]) -> dict[int, Row]:
    """What is to be kept of Instances that are about to get a new version, by the watermarks that they have.

    That is the first version: the one that was kept before, else the one that is stored.
    """
    taken: dict[int, Row] = {}
    for batch in selects.batches(watermarks):
        taken |= {row.of: _kept(row) for row in tx.core.execute(_FIRST, {"watermarks": batch})}
        taken |= {row.of: _kept(row) for row in tx.core.execute(_KEPT, {"watermarks": batch})}
    return taken


def keep(tx: Transaction, rows: Iterable[tuple[str, Row]]) -> None:
    """Keep what was taken, with the blobs of the versions that are stored by now. Their own are not swept."""
    kept = dict(rows)
    for batch in selects.batches(kept):
        found = tx.core.execute(select(instance.c.watermark, instance.c.blob).where(instance.c.blob.in_(batch)))
        made = [kept[row.blob] | {"watermark": row.watermark} for row in found]
        _KEEP.run(tx, made)
        forget_deleted(tx, [row["blob"] for row in made])


def fetch(tx: Transaction, resource: Resource) -> list[StoredInstance]:
    """The first versions of Instances, oldest first; of those that were never updated, the only one.

    Each goes by the watermark of the newest, for that is what changes when what is stored does.
    """
    rows = selects.run(tx, _STORED[resource.level], resource)
    return [_first(row) for row in rows]


def fetch_metadata(tx: Transaction, resource: Resource) -> Iterator[tuple[Resource, bytes]]:
    """The stored text of the first versions' Metadata, as `instances.fetch_metadata`."""
    rows = selects.run(tx, _METADATA[resource.level], resource).all()
    return ((Resource(*row[:_NAMES]), unpack(row[_NAMES])) for row in rows)


def fetch_elements(tx: Transaction, resource: Resource) -> dict[str, Any]:
    """What the data set of the first version of an Instance holds, as `instances.fetch_elements`."""
    for _, text in fetch_metadata(tx, resource):
        return json_model.parse(text)
    raise NotFound("The specified instance cannot be found.")


def fetch_keys(tx: Transaction, watermarks: Sequence[int]) -> dict[int, str]:
    """The blobs of the first versions that are kept, by the watermarks of the newest."""
    found = (
        tx.core.execute(select(original.c.watermark, original.c.blob).where(original.c.watermark.in_(batch)))
        for batch in selects.batches(watermarks)
    )
    return {row.watermark: row.blob for rows in found for row in rows}


def _kept(row: Any) -> Row:
    values = dict(row._mapping)
    del values["of"]
    return values


def _first(row: Any) -> StoredInstance:
    newest = stored_instance(row[:_VERSION])
    first = dict(zip(_FIELDS, row[_VERSION:], strict=True))
    return newest if first["key"] is None else replace(newest, **first)


# Columns, and what `StoredInstance` calls them
OF_FILE = {
    "blob": "key",
    "length": "length",
    "digest": "digest",
    "AvailableTransferSyntaxUID": "transfer_syntax",
    "complete": "complete",
    "SOPClassUID": "sop_class",
    "frames": "frames",
    "created": "created",
}
_FIELDS = tuple(OF_FILE.values())
OF_DATA = ("frame_start", "frame_bits", "frame_spans", "bulk", "metadata")
_KEEP = Prepared(insert(original), original.c.keys())
_WATERMARKS: BindParameter[Any] = bindparam("watermarks", expanding=True)
_FIRST = (
    select(
        instance.c.watermark.label("of"),
        instance.c.watermark.label("version"),
        *(instance.c[name] for name in OF_FILE),
        *(instance_data.c[name] for name in OF_DATA),
    )
    .join_from(instance, instance_data, instance_data.c.watermark == instance.c.watermark)
    .where(instance.c.watermark.in_(_WATERMARKS))
)
_KEPT = select(original.c.watermark.label("of"), *(original.c[name] for name in ("version", *OF_FILE, *OF_DATA))).where(
    original.c.watermark.in_(_WATERMARKS)
)

_BESIDE = instance.outerjoin(original, original.c.watermark == instance.c.watermark)
_ADDED = [original.c[name] for name in OF_FILE]
_STORED = {
    level: selects.of(select(*selects.FILE, *_ADDED).select_from(_BESIDE), level).order_by(instance.c.watermark)
    for level in Level
}
_TEXT = func.coalesce(original.c.metadata, instance_data.c.metadata)
_METADATA = {
    level: selects.of(select(*selects.NAME, _TEXT, instance_data.c.watermark).select_from(_BESIDE), level).order_by(
        instance.c.watermark
    )
    for level in Level
}

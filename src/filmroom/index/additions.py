"""Adding Instances. No function commits.

The rows are made before the transaction, in the thread of each request (`prepare`): others wait while one writes.
Then, in order, and why:

(1) open the rows of Studies and Series   their locks keep everybody else away from the same Instances
(2) look what is stored already           a second Instance of the same UIDs is told from the first by its digest
(3) take watermarks                       the lock of the counter is held until commit, so they follow its order
(4) write the rows of Instances           and the change feed, under the same lock
(5) write the rows of Studies and Series  which now hold the latest values
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from filmroom.dicom.frames import Frames
from filmroom.dicom.json_model import Bulk
from filmroom.dicom.resources import Level, Resource
from filmroom.index import columns, rows
from filmroom.index.columns import Elements
from filmroom.index.packing import pack
from filmroom.index.prepared import Prepared
from filmroom.index.rows import SeriesRow, StudyRow
from filmroom.index.tables import change_feed, counter, deleted_blob, instance, instance_data


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
    instead_of: str | None = None  # a lost blob, which this Instance may take the place of without `replace`


class Status(Enum):
    """What became of an Instance that was to be added."""

    ADDED = auto()
    REPLACED = auto()  # it took the place of another
    IDENTICAL = auto()  # the same bytes are stored already
    EXISTS = auto()  # other bytes are stored under the same UIDs


@dataclass(frozen=True, slots=True)
class NewRows:
    """What an Instance brings to its rows, but for the numbers that only the transaction knows."""

    new: NewInstance
    study: Elements
    series: Elements
    instance: Mapping[str, Any]
    data: Mapping[str, Any]
    entry: Mapping[str, Any]  # of the change feed


class _Present(NamedTuple):
    """What is stored under the UIDs of an Instance."""

    sop_class: str
    watermark: int
    blob: str
    digest: bytes


@dataclass(slots=True)
class _Candidate:
    """An Instance to be added, with the rows that it belongs to."""

    rows: NewRows
    study: StudyRow
    series: SeriesRow
    replaced: _Present | None = None
    watermark: int = 0

    @property
    def id(self) -> tuple[int, str]:
        return self.series.key, str(self.rows.new.resource.instance)


def prepare(new: NewInstance) -> NewRows:
    """All that can be made of an Instance's rows before it is known what is stored already."""
    resource, frames = new.resource, new.frames
    held = columns.held(Level.INSTANCE, new.elements)
    return NewRows(
        new=new,
        study=columns.held(Level.STUDY, new.elements),
        series=columns.held(Level.SERIES, new.elements),
        instance={
            "partition": resource.partition,
            "SOPInstanceUID": resource.instance,
            "SOPClassUID": new.sop_class,
            "AvailableTransferSyntaxUID": new.transfer_syntax,
            "complete": new.complete,
            "blob": new.key,
            "length": new.length,
            "digest": new.digest,
            "frames": frames.count if frames else 0,
            "attributes": orjson.dumps(held),
            **columns.derived(Level.INSTANCE, held),
        },
        data={
            "frame_start": frames.start if frames else None,
            "frame_bits": frames.bits if frames else None,
            "frame_spans": frames.spans if frames else None,
            "bulk": orjson.dumps({path: [b.vr, b.offset, b.length] for path, b in new.bulk.items()}),
            "metadata": pack(new.metadata),
        },
        entry={
            "partition": resource.partition,
            "StudyInstanceUID": resource.study,
            "SeriesInstanceUID": resource.series,
            "SOPInstanceUID": resource.instance,
        },
    )


def add(tx: Connection, instances: Sequence[NewRows], *, replace: bool) -> list[Status]:
    """Add Instances; those stored already are left alone, or replaced. The statuses are in the order given."""
    candidates = _open_rows(tx, instances)  # (1)
    statuses, winners, lost = _settle(candidates, _present(tx, candidates), replace=replace)  # (2)
    if winners:
        first = take_watermarks(tx, len(winners))  # (3)
        for watermark, winner in enumerate(winners, first):
            winner.watermark = watermark
        _discard(tx, [winner.replaced.watermark for winner in winners if winner.replaced], lost)
        _write(tx, winners)  # (4)
        _write_rows(tx, winners)  # (5)
    return statuses


def take_watermarks(tx: Connection, count: int) -> int:
    """The first of `count` numbers never used before. The lock of the counter is held until the transaction ends."""
    last = _TAKE.one(tx, {"count": count})
    assert last is not None
    return int(last[0]) - count + 1


def _open_rows(tx: Connection, instances: Sequence[NewRows]) -> list[_Candidate]:
    study_ids = [(one.new.resource.partition, str(one.new.resource.study)) for one in instances]
    studies = rows.open_studies(tx, set(study_ids))
    series_ids = [
        (study_id[0], studies[study_id].key, str(one.new.resource.series))
        for one, study_id in zip(instances, study_ids, strict=True)
    ]
    serieses = rows.open_series(tx, set(series_ids))
    ids = zip(instances, study_ids, series_ids, strict=True)
    return [_Candidate(one, studies[study_id], serieses[series_id]) for one, study_id, series_id in ids]


def _present(tx: Connection, candidates: Iterable[_Candidate]) -> dict[tuple[int, str], _Present]:
    """What is stored already under the UIDs of the candidates."""
    ids = {candidate.id for candidate in candidates if candidate.series.instances}
    found = ((key, _PRESENT.one(tx, {"series_key": key[0], "uid": key[1]})) for key in ids)
    return {key: _Present(*row) for key, row in found if row is not None}


def _settle(
    candidates: Iterable[_Candidate], present: Mapping[tuple[int, str], _Present], *, replace: bool
) -> tuple[list[Status], list[_Candidate], list[str]]:
    """What becomes of each, in order: the statuses, those that get a row, and the blobs that lose theirs."""
    statuses, lost = [], []
    winners: dict[tuple[int, str], _Candidate] = {}
    for candidate in candidates:
        old = present.get(candidate.id)
        beaten = winners.get(candidate.id)
        known = (beaten.rows.new.digest, beaten.rows.new.key) if beaten else (old.digest, old.blob) if old else None
        replaces = known is not None and (replace or known[1] == candidate.rows.new.instead_of)
        if known is None or replaces:
            winners.pop(candidate.id, None)  # the order of watermarks is that of what is kept
            candidate.replaced = old
            winners[candidate.id] = candidate
        if known is None:
            statuses.append(Status.ADDED)
        elif replaces:
            statuses.append(Status.REPLACED)
            lost.append(known[1])
        else:
            statuses.append(Status.IDENTICAL if known[0] == candidate.rows.new.digest else Status.EXISTS)
    return statuses, list(winners.values()), lost


def _discard(tx: Connection, watermarks: Sequence[int], blobs: Sequence[str]) -> None:
    if watermarks:
        _REMOVE.run(tx, [{"watermark": watermark} for watermark in watermarks])
    if blobs:
        tx.execute(insert(deleted_blob), [{"blob": blob, "deleted_at": time.time()} for blob in blobs])


def _write(tx: Connection, winners: Sequence[_Candidate]) -> None:
    now = time.time()
    _INSTANCES.run(
        tx,
        [
            {
                "watermark": winner.watermark,
                "study_key": winner.study.key,
                "series_key": winner.series.key,
                "created": now,
                **winner.rows.instance,
            }
            for winner in winners
        ],
    )
    _DATA.run(tx, [{"watermark": winner.watermark, **winner.rows.data} for winner in winners])
    _FEED.run(
        tx,
        [
            {
                "watermark": winner.watermark,
                "timestamp": now,
                "action": "update" if winner.replaced else "create",
                **winner.rows.entry,
            }
            for winner in winners
        ],
    )


def _write_rows(tx: Connection, winners: Sequence[_Candidate]) -> None:
    doubtful = set()  # Studies of which a modality or a SOP Class may have gone
    for winner in winners:
        parent, child, sop_class = winner.study, winner.series, winner.rows.new.sop_class
        modality = child.modality
        rows.take_over(parent, child, winner.rows.study, winner.rows.series, sop_class, winner.watermark)
        if winner.replaced is None:
            parent.series += not child.instances
            parent.instances += 1
            child.instances += 1
        elif winner.replaced.sop_class != sop_class:
            doubtful.add(parent.key)
        if modality not in {None, child.modality}:
            doubtful.add(parent.key)
    studies = {winner.study.key: winner.study for winner in winners}
    serieses = {winner.series.key: winner.series for winner in winners}
    rows.write(tx, studies.values(), serieses.values())
    rows.prune(tx, doubtful)


_PRESENT = Prepared(
    select(instance.c.SOPClassUID, instance.c.watermark, instance.c.blob, instance.c.digest).where(
        instance.c.series_key == bindparam("series_key"), instance.c.SOPInstanceUID == bindparam("uid")
    )
)
_TAKE = Prepared(
    update(counter)
    .where(counter.c.name == "watermark")
    .values(value=counter.c.value + bindparam("count"))
    .returning(counter.c.value)
)
_REMOVE = Prepared(delete(instance).where(instance.c.watermark == bindparam("watermark")))
_INSTANCES = Prepared(insert(instance), instance.c.keys())
_DATA = Prepared(insert(instance_data), instance_data.c.keys())
_FEED = Prepared(insert(change_feed), set(change_feed.c.keys()) - {"sequence"})

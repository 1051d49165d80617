"""Adding Instances. No function commits.

The rows are made before the transaction, in the thread of each request (`prepare`): others wait while one writes.
Then, in order, and why:

(1) open the rows of Studies and Series   their locks keep everybody else away from the same Instances
(2) look what is stored already           a second Instance of the same UIDs is told from the first by its digest
(3) take watermarks                       the lock of the counter is held until commit, so they follow its order
(4) remove the rows that are replaced     their blobs are left to the sweep
(5) insert the rows of Instances          and the change feed, under the same lock; it names also those that another
                                          of this transaction replaces, for all of them are acknowledged
(6) update the rows of Studies and Series which now hold the latest values
(7) add the values of query tags          as they are under the lock of (3), whatever a request knew of them before
(8) let Studies expire, or not            as the last of these stores to each of them says
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Double, bindparam, delete, insert, select

from filmroom.dicom.frames import Frames
from filmroom.dicom.json_model import Bulk
from filmroom.dicom.query_tags import Found
from filmroom.dicom.resources import Level, Resource
from filmroom.index import changes, columns, query_tags, rows, watermarks
from filmroom.index.columns import Elements
from filmroom.index.packing import pack
from filmroom.index.prepared import Prepared
from filmroom.index.query_tags import Known, Rows, TagValues
from filmroom.index.rows import SeriesRow, StudyRow
from filmroom.index.tables import change_feed, deleted_blob, instance, instance_data, original
from filmroom.index.transaction import Transaction

ANY = "*"


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
    tags: int = -1  # the version of the query tags that `values` are of; of another, they are read again
    values: tuple[Found, ...] = ()
    replaces: str | None = None  # the blob whose place it may take; ANY: whatever is stored
    lifetime: float | None = None  # seconds until its Study is to be deleted; None: never
    renews: bool = False  # identical bytes that are stored already count as stored by this, too


class Status(Enum):
    """What became of an Instance that was to be added."""

    ADDED = auto()
    REPLACED = auto()  # it took the place of another
    IDENTICAL = auto()  # the same bytes are stored already
    EXISTS = auto()  # other bytes are stored under the same UIDs


WRITTEN = frozenset({Status.ADDED, Status.REPLACED})


@dataclass(frozen=True, slots=True)
class NewRows:
    """What an Instance brings to its rows, but for the numbers that only the transaction knows."""

    new: NewInstance
    study: Elements
    series: Elements
    instance: Mapping[str, Any]
    further: Sequence[tuple[int, str]]  # values that the row has no column for
    data: Mapping[str, Any]
    entry: Mapping[str, Any]  # of the change feed
    values: Sequence[TagValues]


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
    action: str = "create"  # in the change feed
    watermark: int = 0

    @property
    def id(self) -> tuple[int, str]:
        return self.series.key, str(self.rows.new.resource.instance)


def prepare(new: NewInstance) -> NewRows:
    """All that can be made of an Instance's rows before it is known what is stored already."""
    new = replace(new, sop_class=columns.text(new.sop_class), transfer_syntax=columns.text(new.transfer_syntax))
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
        further=columns.further(Level.INSTANCE, held),
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
        values=query_tags.prepare(new.values),
    )


def add(tx: Transaction, instances: Sequence[NewRows], known: Known | None = None) -> list[Status]:
    """Add Instances; those stored already are left alone, or replaced. The statuses are in the order given."""
    candidates = _open_rows(tx, instances)  # (1)
    statuses, winners, orphaned = _settle(candidates, _present(tx, candidates))  # (2)
    if winners:
        written = [one for one, status in zip(candidates, statuses, strict=True) if status in WRITTEN]
        first = watermarks.take(tx, len(written))  # (3)
        for watermark, candidate in enumerate(written, first):
            candidate.watermark = watermark
        _remove(tx, winners, orphaned)  # (4)
        _insert(tx, winners)  # (5)
        _enter(tx, written)
        _update_parents(tx, winners)  # (6)
        _add_values(tx, winners, known or Known())  # (7)
    _expire(tx, candidates, statuses)  # (8)
    return statuses


def _open_rows(tx: Transaction, instances: Sequence[NewRows]) -> list[_Candidate]:
    study_ids = [(one.new.resource.partition, str(one.new.resource.study)) for one in instances]
    studies = rows.open_studies(tx, set(study_ids))
    series_ids = [
        (study_id[0], studies[study_id].key, str(one.new.resource.series))
        for one, study_id in zip(instances, study_ids, strict=True)
    ]
    serieses = rows.open_series(tx, set(series_ids))
    ids = zip(instances, study_ids, series_ids, strict=True)
    return [_Candidate(one, studies[study_id], serieses[series_id]) for one, study_id, series_id in ids]


def _present(tx: Transaction, candidates: Iterable[_Candidate]) -> dict[tuple[int, str], _Present]:
    """What is stored already under the UIDs of the candidates."""
    ids = {candidate.id for candidate in candidates if candidate.series.instances}
    found = ((key, _PRESENT.one(tx, {"series_key": key[0], "uid": key[1]})) for key in ids)
    return {key: _Present(*row) for key, row in found if row is not None}


def _settle(
    candidates: Iterable[_Candidate], present: Mapping[tuple[int, str], _Present]
) -> tuple[list[Status], list[_Candidate], list[str]]:
    """What becomes of each, in order: the statuses, those that get a row, and the blobs that lose theirs."""
    statuses, orphaned = [], []
    winners: dict[tuple[int, str], _Candidate] = {}
    standing = {key: (row.blob, row.digest) for key, row in present.items()}
    for candidate in candidates:
        new = candidate.rows.new
        blob, digest = standing.get(candidate.id, (None, None))
        if blob is None:
            status = Status.ADDED
        elif new.replaces in (ANY, blob):
            status, candidate.action = Status.REPLACED, "update"
            orphaned.append(blob)
        else:
            status = Status.IDENTICAL if digest == new.digest else Status.EXISTS
        if status in WRITTEN:
            winners.pop(candidate.id, None)  # the order of watermarks is that of what is kept
            candidate.replaced = present.get(candidate.id)
            winners[candidate.id], standing[candidate.id] = candidate, (new.key, new.digest)
        statuses.append(status)
    return statuses, list(winners.values()), orphaned


def _remove(tx: Transaction, winners: Iterable[_Candidate], orphaned: Iterable[str]) -> None:
    now = time.time()
    if replaced := [{"watermark": winner.replaced.watermark, "now": now} for winner in winners if winner.replaced]:
        _REMOVE_ORIGINAL.run(tx, replaced)
        _REMOVE.run(tx, replaced)
    if blobs := [{"blob": blob, "deleted_at": now} for blob in orphaned]:
        tx.core.execute(insert(deleted_blob), blobs)


def _insert(tx: Transaction, winners: Sequence[_Candidate]) -> None:
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
    rows.add_further(tx, Level.INSTANCE, ((winner.watermark, winner.rows.further) for winner in winners))
    _DATA.run(tx, [{"watermark": winner.watermark, **winner.rows.data} for winner in winners])


def _enter(tx: Transaction, written: Iterable[_Candidate]) -> None:
    sequence, timestamp = changes.following(tx)
    _FEED.run(
        tx,
        [
            {
                "sequence": number,
                "watermark": one.watermark,
                "timestamp": timestamp,
                "action": one.action,
                **one.rows.entry,
            }
            for number, one in enumerate(written, sequence)
        ],
    )


def _update_parents(tx: Transaction, winners: Sequence[_Candidate]) -> None:
    doubtful = set()  # Studies of which a modality or a SOP Class may have gone
    for winner in winners:
        study, series, sop_class = winner.study, winner.series, winner.rows.new.sop_class
        modality = series.modality
        study.take_over(winner.rows.study, winner.watermark)
        series.take_over(winner.rows.series, winner.watermark)
        study.gather(sop_class, series.modality)
        if winner.replaced is None:
            study.series += 1 if series.instances == 0 else 0
            study.instances += 1
            series.instances += 1
        if modality not in {None, series.modality} or (winner.replaced and winner.replaced.sop_class != sop_class):
            doubtful.add(study.key)
    studies = {winner.study.key: winner.study for winner in winners}
    serieses = {winner.series.key: winner.series for winner in winners}
    rows.write(tx, studies.values(), serieses.values())
    rows.prune(tx, doubtful)


def _add_values(tx: Transaction, winners: Sequence[_Candidate], known: Known) -> None:
    version, tags = known.of(tx)
    found = []
    for winner in winners:
        new, values = winner.rows.new, winner.rows.values
        if new.tags != version:
            values = query_tags.of_metadata(tags, new.metadata)
        if values:
            place = Rows(new.resource.partition, winner.study.key, winner.series.key, winner.watermark)
            found.append((place, values))
    query_tags.add(tx, found)


def _expire(tx: Transaction, candidates: Sequence[_Candidate], statuses: Sequence[Status]) -> None:
    last = {
        candidate.study.key: candidate
        for candidate, status in zip(candidates, statuses, strict=True)
        if status in WRITTEN or (status is Status.IDENTICAL and candidate.rows.new.renews)
    }
    for key, candidate in last.items():
        lifetime = candidate.rows.new.lifetime
        if lifetime is not None:
            watermarks.lock(tx)
            # By the time of the change feed, which never goes back: a clock that does must not delete too early.
            rows.write_expiry(tx, key, changes.moment(tx) + lifetime)
        elif candidate.study.expires is not None:
            rows.write_expiry(tx, key, None)


_PRESENT = Prepared(
    select(instance.c.SOPClassUID, instance.c.watermark, instance.c.blob, instance.c.digest).where(
        instance.c.series_key == bindparam("series_key"), instance.c.SOPInstanceUID == bindparam("uid")
    )
)
_REMOVE_ORIGINAL = Prepared(
    insert(deleted_blob).from_select(
        ["blob", "deleted_at"],
        select(original.c.blob, bindparam("now", type_=Double())).where(original.c.watermark == bindparam("watermark")),
    )
)
_REMOVE = Prepared(delete(instance).where(instance.c.watermark == bindparam("watermark")))
_INSTANCES = Prepared(insert(instance), instance.c.keys())
_DATA = Prepared(insert(instance_data), instance_data.c.keys())
_FEED = Prepared(insert(change_feed), change_feed.c.keys())

"""The rows of Studies and Series: made with their first Instance, kept up to date, gone with their last.

They hold the latest values that are not empty, counts, the newest watermark, and the sets that a search
answers with. Whoever opens a row holds its lock (PostgreSQL) or the lock of the database (SQLite) until the
transaction ends, so nothing is lost between reading a row and writing it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Table, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.sql import ClauseElement

from filmroom.dicom import json_model, matching
from filmroom.dicom.resources import Level
from filmroom.index import columns
from filmroom.index.columns import Elements
from filmroom.index.database import upsert
from filmroom.index.prepared import Prepared
from filmroom.index.tables import FURTHER, instance, series, study
from filmroom.index.transaction import Transaction

_MODALITY = 0x00080060
_SEPARATOR = "\\"  # as between the values of a DICOM attribute; no CS and no UID holds it

StudyId = tuple[int, str]  # partition, Study Instance UID
SeriesId = tuple[int, int, str]  # partition, key of the Study, Series Instance UID

_NEW_SERIES = {"instances": 0, "newest": 0, "attributes": b"{}"}
_NEW_STUDY = {**_NEW_SERIES, "series": 0, "modalities": "", "sop_classes": "", "expires": None}


@dataclass(slots=True)
class StudyRow:
    """A Study while Instances are added to it."""

    key: int
    series: int
    instances: int
    newest: int
    modalities: list[str]
    sop_classes: list[str]
    elements: Elements
    expires: float | None  # when it is to be deleted; None: never
    changed: bool = False

    def take_over(self, elements: Elements, watermark: int) -> None:
        """Let the row take over what one more Instance says of its Study."""
        self.changed |= columns.merge(self.elements, elements)
        self.newest = watermark

    def gather(self, sop_class: str, modality: str | None) -> None:
        """Add to the sets what is new in them."""
        for gathered, value in ((self.sop_classes, sop_class), (self.modalities, modality)):
            if value and value not in gathered:
                gathered.append(value)


@dataclass(slots=True)
class SeriesRow:
    """A Series while Instances are added to it."""

    key: int
    instances: int
    newest: int
    elements: Elements
    changed: bool = False

    def take_over(self, elements: Elements, watermark: int) -> None:
        """Let the row take over what one more Instance says of its Series."""
        self.changed |= columns.merge(self.elements, elements)
        self.newest = watermark

    @property
    def modality(self) -> str | None:
        value = json_model.first(self.elements, _MODALITY)
        return columns.text(str(value)) if value is not None else None


def split(joined: str) -> list[str]:
    """The values of a set that a row holds."""
    return joined.split(_SEPARATOR) if joined else []


def open_studies(tx: Transaction, wanted: Iterable[StudyId]) -> dict[StudyId, StudyRow]:
    """The rows of Studies, made if they are new. They are locked in a fixed order, so that nobody waits in a ring."""
    return {(partition, uid): _open_study(tx, partition, uid) for partition, uid in sorted(wanted)}


def open_series(tx: Transaction, wanted: Iterable[SeriesId]) -> dict[SeriesId, SeriesRow]:
    """The rows of Series, made if they are new. Their Studies must be open."""
    return {(partition, key, uid): _open_series(tx, partition, key, uid) for partition, key, uid in sorted(wanted)}


def write(tx: Transaction, studies: Collection[StudyRow], serieses: Collection[SeriesRow]) -> None:
    """Write the rows as they have become. Most Instances say nothing new of them; then only numbers are written."""
    for series_row in serieses:
        statement = _UPDATE_SERIES[series_row.changed]
        statement.run(tx, [_numbers(series_row) | _values(Level.SERIES, series_row)])
    for row in studies:
        sets = {
            "series": row.series,
            "modalities": _SEPARATOR.join(row.modalities),
            "sop_classes": _SEPARATOR.join(row.sop_classes),
        }
        _UPDATE_STUDY[row.changed].run(tx, [_numbers(row) | sets | _values(Level.STUDY, row)])
    _write_further(tx, Level.SERIES, serieses)
    _write_further(tx, Level.STUDY, studies)


def write_expiry(tx: Transaction, study_key: int, at: float | None) -> None:
    """Let a Study expire at a time (seconds since 1970), or never."""
    _UPDATE_EXPIRY.run(tx, [{"row": study_key, "expires": at}])


def _write_further(tx: Transaction, level: Level, written: Iterable[StudyRow | SeriesRow]) -> None:
    """The values that no column has a place for, in place of those that were."""
    changed = [row for row in written if row.changed]
    if changed:
        _REMOVE_FURTHER[level].run(tx, [{"row_key": row.key} for row in changed])
    add_further(tx, level, ((row.key, columns.further(level, row.elements)) for row in changed))


def add_further(tx: Transaction, level: Level, of_rows: Iterable[tuple[int, Iterable[tuple[int, str]]]]) -> None:
    """Add values that no column has a place for, of rows by their keys."""
    values = [{"row": row, "tag": tag, "value": value} for row, found in of_rows for tag, value in found]
    if values:
        _ADD_FURTHER[level].run(tx, values)


def close(tx: Transaction, study_key: int, series_uid: str | None) -> None:
    """Settle the rows of a Study after Instances have gone: from one of its Series, or from any."""
    within = series.c.study_key == study_key
    touched = within if series_uid is None else within & (series.c.SeriesInstanceUID == series_uid)
    of_series, of_study = instance.c.series_key == series.c.key, series.c.study_key == study.c.key
    tx.core.execute(
        update(series)
        .where(touched)
        .values(
            instances=select(func.count()).where(of_series).scalar_subquery(),
            newest=select(func.coalesce(func.max(instance.c.watermark), 0)).where(of_series).scalar_subquery(),
        )
    )
    tx.core.execute(delete(series).where(touched, series.c.instances == 0))
    tx.core.execute(
        update(study)
        .where(study.c.key == study_key)
        .values(
            series=select(func.count()).where(of_study).scalar_subquery(),
            instances=select(func.coalesce(func.sum(series.c.instances), 0)).where(of_study).scalar_subquery(),
            newest=select(func.coalesce(func.max(series.c.newest), 0)).where(of_study).scalar_subquery(),
        )
    )
    tx.core.execute(delete(study).where(study.c.key == study_key, study.c.instances == 0))
    prune(tx, [study_key])


def prune(tx: Transaction, study_keys: Iterable[int]) -> None:
    """Drop the modalities and SOP Classes that no Series and no Instance of the Studies has any more."""
    for key in study_keys:
        row = tx.core.execute(select(study.c.modalities, study.c.sop_classes).where(study.c.key == key)).first()
        if row is None:
            continue
        modalities = [m for m in split(row.modalities) if _any(tx, series, study_key=key, Modality=fold(m))]
        sop_classes = [c for c in split(row.sop_classes) if _any(tx, instance, study_key=key, SOPClassUID=c)]
        tx.core.execute(
            update(study)
            .where(study.c.key == key)
            .values(modalities=_SEPARATOR.join(modalities), sop_classes=_SEPARATOR.join(sop_classes))
        )


def recount(tx: Transaction, study_key: int) -> None:
    """Count anew what a Study and its Series have, and gather the sets, after something went wrong."""
    there = select(study.c.modalities, study.c.sop_classes).where(study.c.key == study_key).with_for_update()
    if tx.core.execute(there).first() is None:
        return
    close(tx, study_key, None)
    row = tx.core.execute(there).first()
    if row is None:
        return
    modalities, sop_classes = split(row.modalities), split(row.sop_classes)
    of_series = select(series.c.attributes).where(series.c.study_key == study_key).order_by(series.c.key)
    for held in tx.core.scalars(of_series):
        modality = SeriesRow(0, 0, 0, orjson.loads(held)).modality
        if modality and fold(modality) not in map(fold, modalities):
            modalities.append(modality)
    classes = select(instance.c.SOPClassUID).where(instance.c.study_key == study_key).distinct()
    sop_classes += sorted(set(filter(None, tx.core.scalars(classes))) - set(sop_classes))
    sets = {"modalities": _SEPARATOR.join(modalities), "sop_classes": _SEPARATOR.join(sop_classes)}
    tx.core.execute(update(study).where(study.c.key == study_key).values(sets))


def fold(modality: str) -> str | int | None:
    """A modality as the column of a Series holds it."""
    return columns.comparable("CS", matching.fold("CS", modality))


def _any(tx: Transaction, table: Table, **values: Any) -> bool:
    return bool(tx.core.scalar(select(exists().where(*(table.c[name] == value for name, value in values.items())))))


def _open_study(tx: Transaction, partition: int, uid: str) -> StudyRow:
    row = _OPEN_STUDY.one(tx, {**_NEW_STUDY, "partition": partition, "StudyInstanceUID": uid})
    found = _by_name(row, _NEW_STUDY)
    return StudyRow(
        key=found["key"],
        series=found["series"],
        instances=found["instances"],
        newest=found["newest"],
        modalities=split(found["modalities"]),
        sop_classes=split(found["sop_classes"]),
        elements=orjson.loads(found["attributes"]),
        expires=found["expires"],
    )


def _open_series(tx: Transaction, partition: int, study_key: int, uid: str) -> SeriesRow:
    row = _OPEN_SERIES.one(
        tx, {**_NEW_SERIES, "partition": partition, "study_key": study_key, "SeriesInstanceUID": uid}
    )
    found = _by_name(row, _NEW_SERIES)
    return SeriesRow(
        key=found["key"],
        instances=found["instances"],
        newest=found["newest"],
        elements=orjson.loads(found["attributes"]),
    )


def _by_name(row: tuple[Any, ...] | None, new: Iterable[str]) -> dict[str, Any]:
    """What `_opening` returns."""
    assert row is not None
    return dict(zip(("key", *new), row, strict=True))


def _opening(table: Table, uids: Sequence[str], new: Iterable[str]) -> Prepared:
    """Makes a row, or finds it. The update that changes nothing is what locks and returns a row that is there."""

    def statement(database: str) -> ClauseElement:
        return (
            upsert(table, database)
            .on_conflict_do_update(index_elements=uids, set_={"instances": table.c.instances})
            .returning(table.c.key, *(table.c[name] for name in new))
        )

    return Prepared(statement, {*new, "partition", *uids})


def _numbers(row: StudyRow | SeriesRow) -> dict[str, Any]:
    return {"row": row.key, "instances": row.instances, "newest": row.newest}


def _values(level: Level, row: StudyRow | SeriesRow) -> dict[str, Any]:
    if not row.changed:
        return {}
    return {"attributes": orjson.dumps(row.elements), **columns.derived(level, row.elements)}


def _updates(table: Table, level: Level, numbers: Iterable[str]) -> dict[bool, Prepared]:
    """By whether the row's elements have changed, too."""
    statement = update(table).where(table.c.key == bindparam("row"))
    every = {*numbers, "attributes", *columns.derived(level, {})}
    return {False: Prepared(statement, numbers), True: Prepared(statement, every)}


_OPEN_STUDY = _opening(study, ("partition", "StudyInstanceUID"), _NEW_STUDY)
_OPEN_SERIES = _opening(series, ("study_key", "SeriesInstanceUID"), _NEW_SERIES)
_UPDATE_STUDY = _updates(study, Level.STUDY, ("instances", "newest", "series", "modalities", "sop_classes"))
_UPDATE_EXPIRY = Prepared(update(study).where(study.c.key == bindparam("row")), ("expires",))
_UPDATE_SERIES = _updates(series, Level.SERIES, ("instances", "newest"))
_ADD_FURTHER = {level: Prepared(insert(table), ("row", "tag", "value")) for level, table in FURTHER.items()}
_REMOVE_FURTHER = {
    level: Prepared(delete(table).where(table.c.row == bindparam("row_key"))) for level, table in FURTHER.items()
}

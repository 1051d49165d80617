"""Instances that people can look at, in the order in which they do: by the numbers of Series and Instances."""

from typing import Any

from sqlalchemy import Select, and_, bindparam, exists, func, not_, or_, select

from filmroom.dicom import transfer_syntax, uids
from filmroom.dicom.resources import Level, Resource
from filmroom.index import selects
from filmroom.index.instances import StoredInstance, stored_instance
from filmroom.index.tables import instance, links, series, study
from filmroom.index.transaction import Transaction

_MOST_SERIES, _AROUND = 3, 2  # for one image that stands for all, should others be damaged
_HAS_FRAMES = instance.c.frames > 0
_IS_VIDEO = instance.c.AvailableTransferSyntaxUID.in_([one.uid for one in transfer_syntax.ALL.values() if one.is_video])
_IS_DOCUMENT = or_(*(instance.c.SOPClassUID.startswith(kind) for kind in (uids.REPORTS, uids.ENCAPSULATED)))
_IS_IMAGE = and_(_HAS_FRAMES, not_(_IS_VIDEO))
# What has no number comes last, on every database.
_BY_SERIES = (series.c.SeriesNumber.is_(None), series.c.SeriesNumber, series.c.key)
_BY_NUMBER = (instance.c.InstanceNumber.is_(None), instance.c.InstanceNumber, instance.c.watermark)

_IN_ORDER = {
    level: selects.of(select(*selects.FILE), level)
    .where(or_(_HAS_FRAMES, _IS_VIDEO, _IS_DOCUMENT))
    .order_by(*_BY_SERIES, *_BY_NUMBER)
    for level in (Level.STUDY, Level.SERIES)
}
_IMAGE = selects.of(select(*selects.FILE), Level.INSTANCE).where(_IS_IMAGE)
_FIRST_SERIES = {  # and the next
    level: select(series.c.key)
    .where(*links({series, study}), *selects.HERE[:level])
    .where(exists().where(instance.c.series_key == series.c.key, _IS_IMAGE))
    .order_by(*_BY_SERIES)
    .limit(_MOST_SERIES)
    for level in (Level.STUDY, Level.SERIES)
}
_IN_SERIES = (instance.c.series_key == bindparam("series_key"), _IS_IMAGE)
_COUNT = select(func.count()).select_from(instance).where(*_IN_SERIES)
_AT_PLACE: Select[Any] = (
    select(*selects.FILE)
    .where(*links({instance, series, study}), *_IN_SERIES)
    .order_by(*_BY_NUMBER)
    .limit(bindparam("most"))
    .offset(bindparam("place"))
)


def fetch(tx: Transaction, resource: Resource) -> list[StoredInstance]:
    """Those of a Study or a Series."""
    return [stored_instance(row) for row in selects.run(tx, _IN_ORDER[resource.level], resource)]


def fetch_representatives(tx: Transaction, resource: Resource) -> list[StoredInstance]:
    """The image in the middle of the first Series that has any, those around it, and likewise of the next Series."""
    if resource.level is Level.INSTANCE:
        return [stored_instance(row) for row in selects.run(tx, _IMAGE, resource)]
    keys = list(selects.run(tx, _FIRST_SERIES[resource.level], resource).scalars())
    return [one for key in keys for one in _middle(tx, key)]


def _middle(tx: Transaction, key: int) -> list[StoredInstance]:
    place = (tx.core.scalar(_COUNT, {"series_key": key}) or 0) // 2
    begin = max(place - _AROUND, 0)
    rows = tx.core.execute(_AT_PLACE, {"series_key": key, "place": begin, "most": place + _AROUND + 1 - begin})
    found = [stored_instance(row) for row in rows]
    return [found[at] for at in sorted(range(len(found)), key=lambda at: abs(begin + at - place))]

"""Instances that people can look at, in the order in which they do: by the numbers of Series and Instances."""

from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, exists, func, not_, or_, select

from filmroom.dicom import transfer_syntax, uids
from filmroom.dicom.resources import Level, Resource
from filmroom.index import selects
from filmroom.index.instances import StoredInstance, stored_instance
from filmroom.index.tables import instance, links, series, study

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
    .limit(bindparam("most"))
    for level in Level
}
_IMAGE = selects.of(select(*selects.FILE), Level.INSTANCE).where(_IS_IMAGE)
_FIRST_SERIES = {
    level: select(series.c.key)
    .where(*links({series, study}), *selects.HERE[: min(level, Level.SERIES)])
    .where(exists().where(instance.c.series_key == series.c.key, _IS_IMAGE))
    .order_by(*_BY_SERIES)
    .limit(1)
    for level in Level
}
_IN_SERIES = (instance.c.series_key == bindparam("series_key"), _IS_IMAGE)
_COUNT = select(func.count()).select_from(instance).where(*_IN_SERIES)
_AT_PLACE: Select[Any] = (
    select(*selects.FILE)
    .where(*links({instance, series, study}), *_IN_SERIES)
    .order_by(*_BY_NUMBER)
    .limit(1)
    .offset(bindparam("place"))
)


def fetch(tx: Connection, resource: Resource, most: int) -> list[StoredInstance]:
    """The first `most` of a Study, a Series or one Instance."""
    parameters = selects.parameters(resource) | {"most": most}
    return [stored_instance(row) for row in tx.execute(_IN_ORDER[resource.level], parameters)]


def fetch_representative(tx: Connection, resource: Resource) -> StoredInstance | None:
    """The image in the middle of the first Series that has any; None if nothing has."""
    if resource.level is Level.INSTANCE:
        row = tx.execute(_IMAGE, selects.parameters(resource)).first()
        return stored_instance(row) if row else None
    key = tx.scalar(_FIRST_SERIES[resource.level], selects.parameters(resource))
    if key is None:
        return None
    count = tx.scalar(_COUNT, {"series_key": key}) or 0
    rows = tx.execute(_AT_PLACE, {"series_key": key, "place": count // 2})
    return next((stored_instance(row) for row in rows), None)

"""The SELECTs that find the rows of a Study, a Series or an Instance by its UIDs.

They are built once, for building one costs several times what running it does; `parameters` fills them in.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Column, CursorResult, Select, bindparam, literal, null, select

from filmroom.dicom.resources import Level, Resource
from filmroom.index.forms import in_core
from filmroom.index.prepared import Prepared
from filmroom.index.tables import instance, instance_data, links, series, study
from filmroom.index.transaction import Transaction
from filmroom.index.views import seen

_BATCH = 500  # of values in one statement; SQLite takes 32,766 parameters, older ones 999

T = TypeVar("T")

HERE = (
    (study.c.partition == bindparam("in_partition")) & (study.c.StudyInstanceUID == bindparam("of_study")),
    series.c.SeriesInstanceUID == bindparam("of_series"),
    instance.c.SOPInstanceUID == bindparam("of_instance"),
)


def batches(values: Iterable[T]) -> Iterator[list[T]]:
    """The values, as many at a time as go into one statement."""
    left = iter(values)
    while batch := list(islice(left, _BATCH)):
        yield batch


def run(tx: Transaction, selected: Select[Any], resource: Resource, **more: Any) -> CursorResult[Any]:
    """Run one of these SELECTs, with what else it takes. What the view of the resource does not show is not found."""
    if not resource.view.whole:  # else the statement stays the one that is compiled already
        selected = selected.where(*map(in_core, seen(resource.view, resource.partition)))
    return tx.core.execute(selected, parameters(resource) | more)


def rows(tx: Transaction, prepared: Prepared, resource: Resource, **more: Any) -> Sequence[Sequence[Any]]:
    """The same for one that is prepared: its rows, in which nothing has a name, and booleans may be numbers."""
    if not resource.view.whole:
        return run(tx, prepared.statement, resource, **more).all()
    return prepared.all(tx, parameters(resource) | more)


def parameters(resource: Resource) -> dict[str, Any]:
    """What the conditions of `of` are filled in with. Of a view they know nothing."""
    return {
        "in_partition": resource.partition,
        "of_study": resource.study,
        "of_series": resource.series,
        "of_instance": resource.instance,
    }


def of(selected: Select[Any], level: Level) -> Select[Any]:
    """What is selected, of the Instances that `parameters` name."""
    present = {
        instance,
        series,
        study,
        *(column.table for column in selected.selected_columns if isinstance(column, Column)),
    }
    return selected.where(*links(present), *HERE[:level])


NAME = (study.c.StudyInstanceUID, series.c.SeriesInstanceUID, instance.c.SOPInstanceUID, instance.c.partition)
# In the order of the fields of `instances.StoredInstance`, after those of `Resource`.
FILE = (
    *NAME,
    instance.c.watermark,
    instance.c.blob,
    instance.c.length,
    instance.c.digest,
    instance.c.AvailableTransferSyntaxUID,
    instance.c.complete,
    instance.c.SOPClassUID,
    instance.c.frames,
    instance.c.created,
)
_STORED = {level: of(select(*FILE), level).order_by(instance.c.watermark) for level in Level}
STORED = {level: Prepared(stored) for level, stored in _STORED.items()}
STORED_AFTER = {
    level: Prepared(stored.where(instance.c.watermark > bindparam("after")).limit(bindparam("most")))
    for level, stored in _STORED.items()
}
ALL_AFTER = Prepared(
    select(*FILE)
    .where(*links({instance, series, study}), instance.c.partition == bindparam("in_partition"))
    .where(instance.c.watermark > bindparam("after"))
    .order_by(instance.c.watermark)
    .limit(bindparam("most"))
)
METADATA = {
    level: Prepared(of(select(*NAME, instance_data.c.metadata), level).order_by(instance.c.watermark))
    for level in Level
}
_DATA = instance_data.c
FRAMES = Prepared(of(select(*FILE, _DATA.frame_start, _DATA.frame_bits, _DATA.frame_spans), Level.INSTANCE))
BULK = Prepared(of(select(*FILE, _DATA.bulk), Level.INSTANCE))
VERSION = {
    Level.STUDY: Prepared(select(study.c.newest, study.c.instances, null()).where(HERE[0])),
    Level.SERIES: Prepared(
        select(series.c.newest, series.c.instances, null()).where(*links({series, study}), *HERE[:2])
    ),
    Level.INSTANCE: Prepared(of(select(instance.c.watermark, literal(1), instance.c.created), Level.INSTANCE)),
}

"""What of the index must agree with other parts of it: what is counted with what there is, columns with attributes.

Everything is looked at in batches, each within one state of the database. No function commits.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Row, delete, func, insert, select, update

from filmroom.dicom.query_tags import BUILT_IN, QueryTag, Status
from filmroom.dicom.resources import Level, Resource
from filmroom.index import columns, query_tags, rows
from filmroom.index.packing import unpack
from filmroom.index.query_tags import Rows, TagValues, Value
from filmroom.index.rows import split
from filmroom.index.tables import FURTHER, TAG_VALUES, instance, instance_data, original, series, study
from filmroom.index.transaction import Transaction

_KEYS = {Level.STUDY: study.c.key, Level.SERIES: series.c.key, Level.INSTANCE: instance.c.watermark}
_NAMING = {False: instance, True: original}  # whose rows name files


class File(NamedTuple):
    """What a row says of its file."""

    watermark: int
    blob: str
    length: int
    digest: bytes
    first: bool  # of the first version of an Instance that was updated


def fetch_files(tx: Transaction, first: bool, after: int, limit: int) -> list[File]:
    """The files of the next Instances, by watermark, or of the first versions of those that were updated."""
    table = _NAMING[first]
    said = (table.c.watermark, table.c.blob, table.c.length, table.c.digest)
    found = select(*said).where(table.c.watermark > after).order_by(table.c.watermark).limit(limit)
    return [File(*row, first) for row in tx.core.execute(found)]


def count_files(tx: Transaction) -> int:
    """How many files rows name."""
    return sum(tx.core.scalar(select(func.count()).select_from(table)) or 0 for table in _NAMING.values())


def names_still(tx: Transaction, file: File) -> bool:
    """Whether the row that names a file is still there: an Instance may have been deleted or replaced meanwhile."""
    table = _NAMING[file.first]
    here = (table.c.watermark == file.watermark) & (table.c.blob == file.blob)
    return tx.core.scalar(select(table.c.watermark).where(here)) is not None


def resource_of(tx: Transaction, level: Level, key: int) -> Resource | None:
    """What a row is of."""
    uids = (study.c.StudyInstanceUID, series.c.SeriesInstanceUID, instance.c.SOPInstanceUID)[:level]
    joined: Any = study
    if level > Level.STUDY:
        joined = joined.join(series, series.c.study_key == study.c.key)
    if level > Level.SERIES:
        joined = joined.join(instance, instance.c.series_key == series.c.key)
    row = tx.core.execute(select(study.c.partition, *uids).select_from(joined).where(_KEYS[level] == key)).first()
    if row is None:
        return None
    named = [*row[1:], None, None]
    return Resource(named[0], named[1], named[2], row[0])


def fetch_without_data(tx: Transaction, after: int, limit: int) -> list[int]:
    """The next Instances that lack what a retrieve needs, by their watermarks."""
    both = instance.outerjoin(instance_data, instance_data.c.watermark == instance.c.watermark)
    found = select(instance.c.watermark).select_from(both).where(instance_data.c.watermark.is_(None))
    return list(tx.core.scalars(found.where(instance.c.watermark > after).order_by(instance.c.watermark).limit(limit)))


# --- What Studies and Series count


def fetch_keys(tx: Transaction, level: Level, after: int, limit: int) -> list[int]:
    """The keys of the next rows."""
    key = _KEYS[level]
    return list(tx.core.scalars(select(key).where(key > after).order_by(key).limit(limit)))


def miscounted(tx: Transaction, keys: Sequence[int]) -> list[int]:
    """Those of the Studies whose counts, sets or newest watermarks, or those of their Series, are not what is there."""
    there = select(
        instance.c.study_key,
        instance.c.series_key,
        instance.c.SOPClassUID,
        func.count().label("number"),
        func.max(instance.c.watermark).label("newest"),
    ).where(instance.c.study_key.in_(keys))
    grouped = tx.core.execute(there.group_by(instance.c.study_key, instance.c.series_key, instance.c.SOPClassUID))
    counts: dict[int, list[Any]] = defaultdict(list)
    for row in grouped:
        counts[row.series_key].append(row)
    of_study: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in tx.core.execute(select(series).where(series.c.study_key.in_(keys))):
        of_study[row.study_key].append(row)
    return [
        row.key
        for row in tx.core.execute(select(study).where(study.c.key.in_(keys)).order_by(study.c.key))
        if not _counts_right(row, of_study[row.key], counts)
    ]


def _counts_right(row: Row[Any], serieses: Sequence[Row[Any]], counts: Mapping[int, Sequence[Any]]) -> bool:
    found = {one.key: (sum(each.number for each in counts[one.key]), _largest(counts[one.key])) for one in serieses}
    if any((one.instances, one.newest) != found[one.key] or not one.instances for one in serieses):
        return False
    everything = [each for one in serieses for each in counts[one.key]]
    modalities = {one.Modality for one in serieses if one.Modality is not None}
    classes = {each.SOPClassUID for each in everything if each.SOPClassUID}
    return bool(
        row.series == len(serieses) > 0
        and row.instances == sum(number for number, _ in found.values())
        and row.newest == _largest(everything)
        and {rows.fold(modality) for modality in split(row.modalities)} == modalities
        and set(split(row.sop_classes)) == classes
    )


def _largest(counted: Iterable[Any]) -> int:
    return max((each.newest for each in counted), default=0)


# --- What rows are searched by


def badly_derived(tx: Transaction, keys: Sequence[int], level: Level) -> list[int]:
    """Those of the rows whose columns or further values are not those of their attributes."""
    table, further = _KEYS[level].table, FURTHER[level]
    beside: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for row, tag, value in tx.core.execute(
        select(further.c.row, further.c.tag, further.c.value).where(further.c.row.in_(keys))
    ):
        beside[row].append((tag, value))
    found = []
    for row in tx.core.execute(select(table).where(_KEYS[level].in_(keys)).order_by(_KEYS[level])):
        values, elements = row._mapping, orjson.loads(row.attributes)
        key = values[_KEYS[level]]
        derived = columns.derived(level, elements)
        right = sorted(columns.further(level, elements)) == sorted(beside[key])
        if not right or any(values[table.c[name]] != value for name, value in derived.items()):
            found.append(key)
    return found


def derive(tx: Transaction, key: int, level: Level) -> None:
    """Write the columns and further values of a row anew, from its attributes."""
    table, further = _KEYS[level].table, FURTHER[level]
    here = _KEYS[level] == key
    held = tx.core.scalar(select(table.c.attributes).where(here).with_for_update())
    if held is None:
        return
    elements = orjson.loads(held)
    tx.core.execute(update(table).where(here).values(columns.derived(level, elements)))
    tx.core.execute(delete(further).where(further.c.row == key))
    rows.add_further(tx, level, [(key, columns.further(level, elements))])


def badly_tagged(tx: Transaction, keys: Sequence[int]) -> list[int]:
    """Those of the Instances whose values of query tags are not those of their Metadata."""
    return [one.watermark for one, _ in _tagged(tx, keys)]


def retag(tx: Transaction, key: int) -> None:
    """Write the values of query tags of an Instance anew, from its Metadata."""
    table = TAG_VALUES[Level.INSTANCE]
    tx.core.execute(select(instance.c.watermark).where(instance.c.watermark == key).with_for_update())
    for place, values in _tagged(tx, [key]):
        tags = [one.tag.key for one in values]
        indexed = [tag.key for tag in _ready(tx)]
        tx.core.execute(delete(table).where(table.c.row == key, table.c.tag.in_({*tags, *indexed})))
        made = [
            {"tag": one.tag.key, "partition": place.partition, "row": key, **value._asdict()}
            for one in values
            for value in one.values
        ]
        if made:
            tx.core.execute(insert(table), made)


def _ready(tx: Transaction) -> list[QueryTag]:
    """The tags of Instances that every row has its values of."""
    known = (*BUILT_IN, *query_tags.indexed(tx))
    return [tag for tag in known if tag.level is Level.INSTANCE and tag.status is Status.READY]


def _tagged(tx: Transaction, keys: Sequence[int]) -> list[tuple[Rows, list[TagValues]]]:
    """The Instances whose values differ, with what they should be."""
    tags, table = _ready(tx), TAG_VALUES[Level.INSTANCE]
    there: dict[int, set[tuple[int, Value]]] = defaultdict(set)
    for row, tag, *value in tx.core.execute(
        select(table.c.row, table.c.tag, table.c.value, table.c.words, table.c.in_items).where(
            table.c.row.in_(keys), table.c.tag.in_([tag.key for tag in tags])
        )
    ):
        there[row].add((tag, Value(*value)))
    found = []
    places = (instance.c.partition, instance.c.study_key, instance.c.series_key, instance.c.watermark)
    both = instance.join(instance_data, instance_data.c.watermark == instance.c.watermark)
    asked = select(*places, instance_data.c.metadata).select_from(both).where(instance.c.watermark.in_(keys))
    for *keys_of, packed in tx.core.execute(asked):
        place = Rows(*keys_of)
        values = query_tags.of_metadata(tags, unpack(packed))
        right = {(one.tag.key, value) for one in values for value in one.values}
        if right != there[place.watermark]:
            found.append((place, values))
    return found

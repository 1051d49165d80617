"""Query tags and their values. No function commits.

Whoever changes the tags holds the lock of watermarks and raises their version. A store looks at the version under the
same lock: so it never misses a tag that was declared meanwhile, and what has a smaller watermark is the re-index's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple

import orjson
from sqlalchemy import bindparam, delete, func, insert, select, update

from filmroom.dicom import json_model, matching, query_tags
from filmroom.dicom.query_tags import BUILT_IN, MOST_VALUES, BadValue, Found, Listed, QueryTag, Status, Texts
from filmroom.dicom.resources import Level
from filmroom.index import columns, tables, watermarks
from filmroom.index.prepared import Prepared
from filmroom.index.tables import TAG_VALUES, counter, instance, query_tag, query_tag_error, series, study
from filmroom.index.transaction import Transaction

LAST_ITEM = 62  # has the last bit that databases have, and shares it with all behind it: some are found too often


class Tags(NamedTuple):
    """The tags that stores index and searches know, as of a version."""

    version: int
    tags: tuple[QueryTag, ...]


class Known:
    """The tags that a process has seen last. They cost a look at a number, as long as nobody changes them."""

    def __init__(self) -> None:
        self.last = Tags(-1, BUILT_IN)

    def of(self, tx: Transaction) -> Tags:
        """The tags as a transaction sees them."""
        found, last = _VERSION.one(tx, {}), self.last
        assert found is not None
        if found[0] != last.version:
            last = self.last = Tags(found[0], (*BUILT_IN, *indexed(tx)))
        return last


class Value(NamedTuple):
    """A value as it is compared; of a person name its words as well."""

    value: str  # empty: there is none in these Items
    words: str | None
    in_items: int | None  # a bit for each Item that has it; None outside of sequences


@dataclass(frozen=True, slots=True)
class TagValues:
    """What an Instance has of a query tag."""

    tag: QueryTag
    values: tuple[Value, ...]


class Rows(NamedTuple):
    """The rows that an Instance belongs to."""

    partition: int
    study: int
    series: int
    watermark: int

    def of(self, level: Level) -> int:
        """The key of the row at a level."""
        return self[level]


Whole = tuple[Level, int]


def whole(tag: QueryTag) -> Whole:
    """What rows take over from one Instance: an attribute, or an outermost sequence with all tags inside it."""
    return tag.level, tag.tag


def prepare(found: Iterable[Found]) -> list[TagValues]:
    """Values as rows have them: of one that can't be compared nothing is left.

    Where a sequence has a value for one of its tags, each of them has a row at least: so a row that was taken over is
    told from one that was never looked at.
    """
    prepared = [TagValues(tag, tuple(_values(tag, items))) for tag, items in found]
    spoken = {whole(one.tag) for one in prepared if any(has.value for has in one.values)}
    return [one for one in prepared if whole(one.tag) in spoken]


def _values(tag: QueryTag, items: Iterable[Texts]) -> list[Value]:
    """The values of a tag, with the Items that have them."""
    folded: dict[str, dict[str, str | None]] = {}
    masks: dict[str, int] = {}
    for place, texts in enumerate(items):
        for text in texts:
            if text not in folded and len(folded) < MOST_VALUES:
                folded[text] = _folded(tag.vr, text)
        here = dict.fromkeys(value for text in texts for value in folded.get(text, ()))
        nothing = ("",) if folded.keys() >= {*texts} else ()  # what is not compared is a value nevertheless
        for value in here or nothing:
            masks[value] = masks.get(value, 0) | 1 << min(place, LAST_ITEM)
    words = {value: said for each in folded.values() for value, said in each.items() if said is not None}
    if tag.holder:
        return [Value(value, words.get(value), mask) for value, mask in (masks or {"": 0}).items()]
    return [Value(value, words.get(value), None) for value in masks if value]


def _folded(vr: str, text: str) -> dict[str, str | None]:
    """What a value is found by. Numbers are text here, so that they share an index with all else."""
    value = columns.comparable("UN", matching.fold(vr, text))
    if value is None:
        return {}
    if vr != "PN":
        return {str(value): None}
    # A name is asked for as a whole, or by a component group.
    named = dict.fromkeys(matching.found_by(str(value)))
    return named | {str(value): str(columns.comparable("UN", matching.words(text)))}


def of_metadata(tags: Iterable[QueryTag], text: bytes) -> list[TagValues]:
    """The same, from the stored text of Metadata: what is hidden or binary is not searched by."""
    return prepare(query_tags.extract(tags, orjson.loads(json_model.azure(text))))


def add(tx: Transaction, added: Iterable[tuple[Rows, Iterable[TagValues]]]) -> None:
    """Add the values of new Instances, oldest first. A Study and a Series have those of the newest that has any.

    Tags of one sequence come together, so those of a row are of one Instance, and so are the Items that are counted.
    """
    latest = {(one.tag, rows.of(one.tag.level)): (rows.partition, one.values) for rows, found in added for one in found}
    fresh = {}
    for (tag, row), (partition, values) in latest.items():
        if tag.level is not Level.INSTANCE:
            present = {Value(*found) for found in _PRESENT[tag.level].all(tx, {"of_tag": tag.key, "of_row": row})}
            if present == set(values):
                continue
            if present:
                _REMOVE[tag.level].run(tx, [{"of_tag": tag.key, "of_row": row}])
        fresh[tag, row] = partition, values
    _insert(tx, fresh)


def fill(tx: Transaction, added: Iterable[tuple[Rows, Iterable[TagValues]]], keys: set[int]) -> None:
    """Add the values of Instances stored earlier, newest first: what a Study or a Series has already is newer.

    `keys` are those of the tags that are being added. With each come the other tags of its sequence, whose rows are
    made anew, for they may be those of an older Instance.
    """
    wanted: dict[tuple[Whole, int], tuple[int, list[TagValues]]] = {}
    for rows, found in added:
        for of, together in groupby(sorted(found, key=_whole), _whole):
            wanted.setdefault((of, rows.of(of[0])), (rows.partition, list(together)))
    fresh: dict[tuple[QueryTag, int], tuple[int, tuple[Value, ...]]] = {}
    for ((level, _), row), (partition, values) in wanted.items():
        own = {one.tag.key: {"of_tag": one.tag.key, "of_row": row} for one in values}
        if level is not Level.INSTANCE and all(_PRESENT[level].all(tx, own[key]) for key in own.keys() & keys):
            continue
        if len(values) > 1:
            _REMOVE[level].run(tx, list(own.values()))
        fresh |= {(one.tag, row): (partition, one.values) for one in values}
    _insert(tx, fresh)


def _whole(values: TagValues) -> Whole:
    return whole(values.tag)


def _insert(tx: Transaction, fresh: Mapping[tuple[QueryTag, int], tuple[int, tuple[Value, ...]]]) -> None:
    def level(item: tuple[tuple[QueryTag, int], Any]) -> Level:
        return item[0][0].level

    for at, items in groupby(sorted(fresh.items(), key=level), level):
        _INSERT[at].run(
            tx,
            [
                {"tag": tag.key, "partition": partition, "row": row, **value._asdict()}
                for (tag, row), (partition, values) in items
                for value in values
            ],
        )


def fetch(tx: Transaction, path: str) -> Listed | None:
    """One tag that was declared."""
    return next(iter(_listed(tx, query_tag.c.path == path)), None)


def fetch_all(tx: Transaction, limit: int = -1, offset: int = 0) -> list[Listed]:
    """The tags that were declared, in the order of that."""
    return _listed(tx, limit=limit, offset=offset)


def _listed(tx: Transaction, *where: Any, limit: int = 1, offset: int = 0) -> list[Listed]:
    errors = select(func.count()).where(query_tag_error.c.tag == query_tag.c.key).scalar_subquery()
    found = select(*COLUMNS, errors).where(*where).order_by(query_tag.c.key).offset(offset)
    return [Listed(tag_of(row), row[-1]) for row in tx.core.execute(found.limit(limit) if limit >= 0 else found)]


def beside(tag: QueryTag, known: Iterable[QueryTag]) -> tuple[QueryTag, ...]:
    """The other tags of the same outermost sequence."""
    if not tag.holder:
        return ()
    return tuple(one for one in known if whole(one) == whole(tag) and one.key != tag.key)


def indexed(tx: Transaction) -> list[QueryTag]:
    """The tags that rows have values for, or get them, in the order in which they were declared."""
    there = select(*COLUMNS).where(query_tag.c.status != Status.DELETING).order_by(query_tag.c.key)
    return [tag_of(row) for row in tx.core.execute(there)]


def tag_of(row: Sequence[Any]) -> QueryTag:
    """The tag of a row with `COLUMNS`, first and in that order."""
    key, path, vr, level, creator, status, enabled, operation = row[:8]
    return QueryTag(key, path, vr, Level(level), creator, Status(status), enabled, operation)


def change(tx: Transaction) -> int:
    """Begin a change of tags: stores wait until it is done, and then see it. Gives the next watermark."""
    following = watermarks.lock(tx)
    tx.core.execute(update(counter).where(counter.c.name == "query_tags").values(value=counter.c.value + 1))
    return following


def declare(tx: Transaction, tags: Iterable[QueryTag], before: int) -> list[QueryTag]:
    """Add tags, with their keys. Instances with watermarks below `before` are to be indexed."""
    declared = []
    for tag in tags:
        values = {
            "path": tag.path,
            "vr": tag.vr,
            "level": int(tag.level),
            "creator": tag.creator,
            "status": Status.ADDING,
            "enabled": True,
            "before": before,
        }
        key = tx.core.scalar(insert(query_tag).values(values).returning(query_tag.c.key))
        declared.append(replace(tag, key=key or 0, status=Status.ADDING))
    return declared


def assign(tx: Transaction, keys: Iterable[int], **values: Any) -> None:
    """Set columns of tags."""
    tx.core.execute(update(query_tag).where(query_tag.c.key.in_(list(keys))).values(values))


def remove_values(tx: Transaction, tag: QueryTag, limit: int) -> int:
    """Remove some of a tag's values; gives how many."""
    table = TAG_VALUES[tag.level]
    names = [table.c[name] for name in ("partition", "value", "row")]
    some = select(*names).where(table.c.tag == tag.key).limit(limit)
    found = tx.core.execute(some).all()
    if found:
        own = [
            {"of_tag": tag.key, "of_" + names[0].name: row[0], "of_value": row[1], "of_row": row[2]} for row in found
        ]
        _REMOVE_ONE[tag.level].run(tx, own)
    return len(found)


def remove(tx: Transaction, tag: QueryTag) -> None:
    """Remove a tag without values, with its errors."""
    tx.core.execute(delete(query_tag).where(query_tag.c.key == tag.key))


def with_errors(tx: Transaction, tags: Iterable[QueryTag]) -> list[str]:
    """The paths of those for which there are values that are not valid."""
    keys = [tag.key for tag in tags]
    found = select(query_tag.c.path).where(
        query_tag.c.key.in_(keys), query_tag.c.key.in_(select(query_tag_error.c.tag))
    )
    return list(tx.core.scalars(found.order_by(query_tag.c.key)))


def fetch_errors(tx: Transaction, tag: QueryTag, limit: int, offset: int) -> list[BadValue]:
    """What is not valid, in the order in which it was stored."""
    return [
        BadValue(*row)
        for row in tx.core.execute(
            select(
                study.c.StudyInstanceUID,
                series.c.SeriesInstanceUID,
                instance.c.SOPInstanceUID,
                tables.partition.c.name,
                query_tag_error.c.created,
                query_tag_error.c.message,
            )
            .where(
                query_tag_error.c.tag == tag.key,
                query_tag_error.c.watermark == instance.c.watermark,
                instance.c.series_key == series.c.key,
                instance.c.study_key == study.c.key,
                instance.c.partition == tables.partition.c.key,
            )
            .order_by(query_tag_error.c.watermark)
            .limit(limit)
            .offset(offset)
        )
    ]


_C = query_tag.c
COLUMNS = (_C.key, _C.path, _C.vr, _C.level, _C.creator, _C.status, _C.enabled, _C.operation)
_VERSION = Prepared(select(counter.c.value).where(counter.c.name == "query_tags"))
_INSERT = {level: Prepared(insert(table), table.c.keys()) for level, table in TAG_VALUES.items()}
_OF = {
    level: (table.c.tag == bindparam("of_tag"), table.c.row == bindparam("of_row"))
    for level, table in TAG_VALUES.items()
}
_PRESENT = {
    level: Prepared(select(table.c.value, table.c.words, table.c.in_items).where(*_OF[level]))
    for level, table in TAG_VALUES.items()
}
_REMOVE = {level: Prepared(delete(table).where(*_OF[level])) for level, table in TAG_VALUES.items()}
_REMOVE_ONE = {
    level: Prepared(
        delete(table).where(
            *_OF[level], table.c.partition == bindparam("of_partition"), table.c.value == bindparam("of_value")
        )
    )
    for level, table in TAG_VALUES.items()
}

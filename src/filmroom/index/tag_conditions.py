"""Matching keys of query tags in SQL. The keys of one sequence are met by one of its Items (PS3.4 C.2.2.2.6)."""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, and_, exists, not_, or_, select
from sqlalchemy.sql.selectable import NamedFromClause

from filmroom.dicom.conditions import AllOf, Condition, Empty, Equal, Key
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import Level
from filmroom.errors import BadParameter
from filmroom.index import conditions
from filmroom.index.conditions import ROWS, Sql
from filmroom.index.tables import TAG_VALUES

MOST_IN_ITEM = 20  # conditions on one Item: each is one more table in a join, of which SQLite takes 64
_MOST_JOINED = 20  # tables that a search is joined with


class Holds(NamedTuple):
    """What must hold of the row of a level."""

    level: Level
    condition: Sql
    newest: ColumnElement[int] | None  # the key of the row as a column that comes in order without a sort


class _Asked(NamedTuple):
    """A condition for a value of a tag."""

    tag: QueryTag
    condition: Condition


def of(keys: Iterable[Key], partition: int) -> Iterator[Holds]:
    """What must hold for keys of query tags to match, each for itself or together with those of its sequence."""
    alone: list[list[_Asked]] = []
    in_item: dict[tuple[Level, str], list[_Asked]] = {}
    for key in keys:
        if key.by is None:
            continue
        asked = [_Asked(key.by, condition) for condition in _each(key.condition)]
        if key.by.holder:
            in_item.setdefault((key.by.level, key.by.holder), []).extend(asked)
        else:
            alone += [[one] for one in asked]
    joined = 0
    for together in (*alone, *in_item.values()):
        _check_count(together)
        if all(isinstance(one.condition, Empty) for one in together):
            yield _without_values(together)
            continue
        few = joined + len(together) <= _MOST_JOINED
        found = _with_values(together, partition, joins=few)
        joined += len(together) if found.newest is not None else 0
        yield found


def _each(condition: Condition) -> Iterator[Condition]:
    """Several values that must all be there; within a sequence in the same Item."""
    if isinstance(condition, AllOf):
        for one in condition.conditions:
            yield from _each(one)
    else:
        yield condition


def _check_count(together: list[_Asked]) -> None:
    if len(together) > MOST_IN_ITEM:
        sequence = together[0].tag.name.rpartition(".")[0]
        raise BadParameter(
            f"Of an Item of {sequence} {len(together)} values are asked, and {MOST_IN_ITEM} can be searched by at once."
        )


def _with_values(together: list[_Asked], partition: int, *, joins: bool) -> Holds:
    level = together[0].tag.level
    row = ROWS[level]
    # A value comes in the order of rows, and once at most for each of them. What has none comes last: it is many rows.
    together = sorted(together, key=lambda one: isinstance(one.condition, Empty))
    values = [TAG_VALUES[level].alias() for _ in together]
    met = [_met(each, one, partition) for each, one in zip(values, together, strict=True)]
    met += _of_one_item(values)
    if joins and all(isinstance(one.condition, Equal | Empty) for one in together):
        return Holds(level, and_(*met, values[0].c.row == row), values[0].c.row)
    return Holds(level, row.in_(select(values[0].c.row).where(*met)), None)


def _met(values: NamedFromClause, asked: _Asked, partition: int) -> Sql:
    holds = values.c.value == "" if isinstance(asked.condition, Empty) else conditions.of_value(values, asked.condition)
    return and_(values.c.tag == asked.tag.key, values.c.partition == partition, holds)


def _of_one_item(values: Sequence[NamedFromClause]) -> Iterator[Sql]:
    yield from (other.c.row == values[0].c.row for other in values[1:])
    if len(values) > 1:
        masks: list[ColumnElement[int]] = [each.c.in_items for each in values]
        yield reduce(lambda items, mask: items.bitwise_and(mask), masks) != 0


def _without_values(together: list[_Asked]) -> Holds:
    """There is no value at all, or none in one of the Items: an absent sequence is as one Item without anything."""
    level, row = together[0].tag.level, ROWS[together[0].tag.level]
    absent = and_(*(not_(_has_any(one.tag, row)) for one in together))
    if not together[0].tag.holder:
        return Holds(level, absent, None)
    values = [TAG_VALUES[level].alias() for _ in together]
    none = [and_(each.c.tag == one.tag.key, each.c.value == "") for each, one in zip(values, together, strict=True)]
    of_item = exists().where(*none, values[0].c.row == row, values[0].c.in_items != 0, *_of_one_item(values))
    return Holds(level, or_(absent, of_item), None)


def _has_any(tag: QueryTag, row: Column[Any]) -> Sql:
    values = TAG_VALUES[tag.level].alias()
    return exists().where(values.c.row == row, values.c.tag == tag.key, values.c.value != "")

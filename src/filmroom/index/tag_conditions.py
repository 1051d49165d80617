"""Matching keys of query tags in SQL. The keys of one sequence are met by one of its Items (PS3.4 C.2.2.2.6)."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, reduce
from operator import eq
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select
from sqlalchemy.sql.selectable import NamedFromClause

from filmroom.dicom.conditions import AllOf, Condition, Empty, Equal, Key
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import Level
from filmroom.errors import BadParameter
from filmroom.index import conditions
from filmroom.index.conditions import ROWS, Sql
from filmroom.index.forms import Part, Value, part
from filmroom.index.tables import TAG_VALUES

MOST_IN_ITEM = 20  # conditions on one Item: each is one more table in a join, of which SQLite takes 64
_MOST_JOINED = 20  # tables that a search is joined with


class Holds(NamedTuple):
    """What must hold of the row of a level."""

    level: Level
    condition: Part
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
        found = _with_values(together, partition, joined if few else None)
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


def _with_values(together: list[_Asked], partition: int, joined: int | None) -> Holds:
    """`joined` is how many tables are joined already; None: no more may be."""
    level = together[0].tag.level
    joins = joined is not None and all(isinstance(one.condition, Equal | Empty) for one in together)
    first = joined if joined is not None and joins else 0
    # A value comes in the order of rows, and once at most for each of them. What has none comes last: it is many rows.
    together = sorted(together, key=lambda one: isinstance(one.condition, Empty))
    places = range(first, first + len(together))
    met = [_met(_values(level, place), one, partition) for place, one in zip(places, together, strict=True)]
    if joins:
        return Holds(level, part(_are_joined, level, places, *met), _values(level, first).c.row)
    return Holds(level, part(_are_somewhere, level, places, *met), None)


@cache
def _values(level: Level, place: int) -> NamedFromClause:
    """A table of values of which another may be in the same FROM. There are `_MOST_JOINED` at most, or an Item's."""
    return TAG_VALUES[level].alias()


def _are_joined(level: Level, places: Sequence[int], *met: Sql) -> Sql:
    values = [_values(level, place) for place in places]
    return and_(*met, *_of_one_item(values), values[0].c.row == ROWS[level])


def _are_somewhere(level: Level, places: Sequence[int], *met: Sql) -> Sql:
    values = [_values(level, place) for place in places]
    # Not correlated: the search itself may be joined with others of the same name.
    return ROWS[level].in_(select(values[0].c.row).where(*met, *_of_one_item(values)).correlate(None))


def _met(values: NamedFromClause, asked: _Asked, partition: int) -> Part:
    nothing = isinstance(asked.condition, Empty)
    holds = part(eq, values.c.value, "") if nothing else conditions.of_value(values, asked.condition)
    of_tag, here = part(eq, values.c.tag, Value(asked.tag.key)), part(eq, values.c.partition, Value(partition))
    return part(and_, of_tag, here, holds)


def _of_one_item(values: Sequence[NamedFromClause]) -> Iterator[Sql]:
    yield from (other.c.row == values[0].c.row for other in values[1:])
    if len(values) > 1:
        masks: list[ColumnElement[int]] = [each.c.in_items for each in values]
        yield reduce(lambda items, mask: items.bitwise_and(mask), masks) != 0


def _without_values(together: list[_Asked]) -> Holds:
    """There is no value at all, or none in one of the Items: an absent sequence is as one Item without anything."""
    level, keys = together[0].tag.level, [Value(one.tag.key) for one in together]
    absent = part(and_, *(part(_has_none, level, key) for key in keys))
    if not together[0].tag.holder:
        return Holds(level, absent, None)
    return Holds(level, part(or_, absent, part(_has_none_in_an_item, level, *keys)), None)


def _has_none(level: Level, key: Any) -> Sql:
    values = TAG_VALUES[level].alias()
    return not_(exists().where(values.c.row == ROWS[level], values.c.tag == key, values.c.value != ""))


def _has_none_in_an_item(level: Level, *keys: Any) -> Sql:
    values = [TAG_VALUES[level].alias() for _ in keys]
    none = [and_(each.c.tag == key, each.c.value == "") for each, key in zip(values, keys, strict=True)]
    return exists().where(*none, values[0].c.row == ROWS[level], values[0].c.in_items != 0, *_of_one_item(values))

"""Attribute matching (PS3.4 C.2.2.2) in SQL: a matching key becomes a condition on the columns of the index."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from operator import eq, ge, le, lt, ne
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, bindparam, exists, false, func, not_, or_, select
from sqlalchemy.sql.operators import is_, is_not
from sqlalchemy.sql.selectable import NamedFromClause

from filmroom.dicom import attributes
from filmroom.dicom.conditions import (
    AllOf,
    AnyOf,
    Condition,
    Empty,
    Equal,
    Key,
    Moments,
    OneOf,
    Range,
    TimeOfDay,
    Wildcard,
    Words,
    Zoned,
)
from filmroom.dicom.moments import TIMES
from filmroom.dicom.resources import Level
from filmroom.dicom.search_attributes import MATCHING_KEYS
from filmroom.errors import BadParameter
from filmroom.index import forms
from filmroom.index.columns import comparable, text
from filmroom.index.forms import Part, Value, is_one_of, part
from filmroom.index.prepared import Prepared
from filmroom.index.tables import (
    COLUMNS,
    FURTHER,
    MODALITIES_IN_STUDY,
    SOP_CLASSES_IN_STUDY,
    UTC,
    WORDS,
    instance,
    series,
    study,
)
from filmroom.index.transaction import Transaction

_LONGEST_PATTERN = 4096  # characters; SQLite takes LIKE patterns of 50,000 bytes
_AFTER_ALL = "\U0010ffff"  # sorts behind every character
_LITERALLY = str.maketrans({"%": "/%", "_": "/_", "/": "//"})
_LIKE = _LITERALLY | str.maketrans({"*": "%", "?": "_"})
# Special in the regular expressions of Python (SQLite) or of PostgreSQL. Blanks and other signs stand for themselves.
_SPECIAL = re.compile(r"([\\.^$*+?()\[\]{}|])")
_MOST_SOP_CLASSES = 200  # in one matching key: SQLite takes 1,000 conditions
_TIME_OF_MOMENT = 9  # the place in a moment at which the time begins, counted as SQL does
_MIDNIGHT = "000000.000000"

Sql = ColumnElement[bool]
_NEVER = part(false)


def sql(key: Key, further: Collection[Key] = ()) -> Part:
    """What must hold of the row of the key's level. Of an attribute without a value only `Empty` holds.

    `further` are the keys for which there are values beside those of the columns, as `matched_further` says.
    """
    if isinstance(key.condition, AllOf):
        each = [replace(key, condition=condition) for condition in key.condition.conditions]
        return part(and_, *(sql(one, each if key in further else ()) for one in each))
    if key.tag in _SETS:
        return _SETS[key.tag](key.condition)
    if key.tag not in COLUMNS:
        name = attributes.name(key.tag)
        raise BadParameter(f"The attribute {name} can't be searched by.")
    if isinstance(key.condition, Zoned | Moments):
        return _in_time(key.tag, key.condition)
    column = WORDS[key.tag] if type(key.condition) in _OF_WORDS else COLUMNS[key.tag]
    here = _sql(key.tag, column, key.condition)
    if key not in further:
        return here
    level = MATCHING_KEYS[key.tag]
    return part(or_, here, part(_is_further, level, _further(key.tag, level, key.condition)))


def _is_further(level: Level, matching: Sql) -> Sql:
    return ROWS[level].in_(_rows_of_further(level, matching))


def _rows_of_further(level: Level, matching: Sql) -> Select[Any]:
    return select(FURTHER[level].c.row).where(matching)


def _any_further(level: Level, matching: Sql) -> Select[Any]:
    return select(exists(_rows_of_further(level, matching)))


def anywhere(key: Key) -> Part:
    """What must hold of the row of the key's level, without a look whether there are values beside the columns."""
    return sql(key, [key] if key.tag in COLUMNS and not _in_columns(key) else ())


def matched_further(tx: Transaction, keys: Iterable[Key]) -> list[Key]:
    """The keys that values match for which columns have no place. Mostly there are none, and indexes serve best."""
    return [key for key in keys if key.by is None and key.tag in COLUMNS and _is_matched_further(tx, key)]


def _in_columns(key: Key) -> bool:
    """Whether the columns are enough."""
    return type(key.condition) in _OF_WORDS or isinstance(key.condition, Empty | Zoned | Moments)


def _is_matched_further(tx: Transaction, key: Key) -> bool:
    if _in_columns(key):
        return False
    level = MATCHING_KEYS[key.tag]
    if _ANY_FURTHER[level].one(tx, {"tag": key.tag}) is None:
        return False
    if isinstance(key.condition, AllOf):
        return True
    [(found,)] = forms.rows(tx, part(_any_further, level, _further(key.tag, level, key.condition)))
    return bool(found)


def _further(tag: int, level: Level, condition: Condition) -> Part:
    """What must hold of one of the values that no column has a place for; they are text, whatever the VR."""
    values = FURTHER[level].c
    return part(and_, part(eq, values.tag, Value(tag)), _SQL[type(condition)]("UN", values.value, condition))


def of_value(values: NamedFromClause, condition: Condition) -> Part:
    """What must hold of a value of a query tag, in an alias of `TAG_VALUES`."""
    column: Any = values.c.words if type(condition) in _OF_WORDS else values.c.value
    holds = _SQL[type(condition)]("UN", column, condition)  # they are text, whatever the VR
    return part(and_, part(ne, column, ""), holds) if _takes_nothing(condition) else holds


def _takes_nothing(condition: Condition) -> bool:
    """Whether the empty text, which says that Items have no value, might meet it."""
    if isinstance(condition, AnyOf):
        return any(map(_takes_nothing, condition.conditions))
    if isinstance(condition, Wildcard):
        return condition.pattern.startswith(("*", "?"))
    return isinstance(condition, Range) and condition.first is None


def _sql(tag: int, column: Column[Any], condition: Condition) -> Part:
    return _SQL[type(condition)](attributes.vr(tag) or "UN", column, condition)


def _modalities(condition: Condition) -> Part:
    """One Series will do."""
    if isinstance(condition, Empty):
        return part(not_, part(_in_a_series, part(is_not, _MODALITY, None)))
    return part(_in_a_series, _sql(MODALITIES_IN_STUDY, _MODALITY, condition))


def _in_a_series(holds: Sql) -> Sql:
    return exists().where(_OTHER.c.study_key == study.c.key, holds)


def _sop_classes(condition: Condition) -> Part:
    """The Study's row gathers them: 1.2\\1.3."""
    if isinstance(condition, Empty):
        return part(eq, study.c.sop_classes, "")
    uids = condition.values if isinstance(condition, OneOf) else ()
    if isinstance(condition, Equal):
        uids = (condition.value,)
    if len(uids) > _MOST_SOP_CLASSES:
        raise BadParameter(f"SOPClassesInStudy is given {len(uids)} values, and it takes {_MOST_SOP_CLASSES} at most.")
    wanted = [uid.translate(_LITERALLY) for uid in map(text, uids) if uid]
    return part(or_, _NEVER, *(part(_is_like, _ALL_SOP_CLASSES, Value(f"%\\{uid}\\%")) for uid in wanted))


def _in_time(tag: int, condition: Zoned | Moments) -> Part:
    """Dates and times, together or in a timezone."""
    column = COLUMNS[tag]
    if isinstance(condition, Moments):
        first, last = condition.first, condition.last
        days = Range(first and first[:8], last and last[:8])  # for the index
        return part(and_, _range("DA", column, days), _range("DT", _MOMENTS[tag], Range(first, last)))
    utc, near = UTC[tag], condition.near
    plain = sql(Key(tag, condition.plain))
    known = _utc(tag, condition.utc)
    either = part(or_, part(and_, part(is_not, utc, None), known), part(and_, part(is_, utc, None), plain))
    return part(and_, _range("DA", column, near), either) if near else either


def _utc(tag: int, condition: Range | TimeOfDay) -> Part:
    if isinstance(condition, Range):
        return _range("DT", UTC[tag], condition)
    return part(or_, *(_range("TM", _UTC_TIMES[tag], each) for each in condition.ranges))


def _equal(vr: str, column: Column[Any], condition: Equal) -> Part:
    value = comparable(vr, condition.value)
    return _NEVER if value is None else part(eq, column, Value(value))


def _one_of(vr: str, column: Column[Any], condition: OneOf) -> Part:
    values = [comparable(vr, value) for value in condition.values]
    known = [value for value in values if value is not None]
    return is_one_of(column, known) if known else _NEVER


def _any_of(vr: str, column: Column[Any], condition: AnyOf) -> Part:
    return part(or_, *(_SQL[type(one)](vr, column, one) for one in condition.conditions))


def _empty(_: str, column: Column[Any], __: Empty) -> Part:
    return part(is_, column, None)


def _range(vr: str, column: ColumnElement[Any], condition: Range) -> Part:
    ends = ((ge, condition.first), (le, condition.last))
    within = (part(end, column, Value(comparable(vr, value))) for end, value in ends if value is not None)
    return part(and_, part(is_not, column, None), *within)


def _wildcard(_: str, column: Column[Any], condition: Wildcard) -> Part:
    pattern = re.sub(r"\*+", "*", condition.pattern.replace("\0", ""))
    matches = _like(column, pattern.translate(_LIKE))
    literal = re.split(r"[*?]", pattern, maxsplit=1)[0]
    # What the pattern begins with is a range as well: for that an index will do, for LIKE it won't everywhere.
    if not literal:
        return matches
    return part(and_, part(ge, column, Value(literal)), part(lt, column, Value(literal + _AFTER_ALL)), matches)


def _words(_: str, column: Column[Any], condition: Words) -> Part:
    """The column holds " doe john ", and all further names behind another blank.

    LIKE alone can't say that two words are neighbours, for % passes over others; a regular expression can, but costs
    more, so it is put only to what LIKE lets through.
    """
    words = [word.replace("\0", "") for word in condition.words]
    like = "%".join(f" {word.translate(_LITERALLY)}" for word in words)
    expression = "[^ ]*".join(" " + _SPECIAL.sub(r"\\\1", word) for word in words)
    return part(and_, _like(column, f"%{like}%"), part(_is_met, column, Value(expression)))


def _is_met(column: Column[Any], expression: Any) -> Sql:
    return column.regexp_match(expression)


def _like(column: Column[Any], pattern: str) -> Part:
    if len(pattern) > _LONGEST_PATTERN:
        raise BadParameter(f"A matching key that is not a plain value takes {_LONGEST_PATTERN} characters at most.")
    return part(_is_like, column, Value(pattern))


def _is_like(column: ColumnElement[str], pattern: Any) -> Sql:
    return column.like(pattern, escape="/")


_SQL: Mapping[type[Condition], Callable[[str, Column[Any], Any], Part]] = {
    Equal: _equal,
    OneOf: _one_of,
    AnyOf: _any_of,
    Range: _range,
    Wildcard: _wildcard,
    Words: _words,
    Empty: _empty,
}
# Fuzzy matching. A further method is one more condition here and in `_SQL`, made by `matching.condition`: the column
# has all words of a name in order, folded, so that none of them needs another column.
_OF_WORDS: frozenset[type[Condition]] = frozenset({Words})

# What is gathered from below.
_SETS: Mapping[int, Callable[[Condition], Part]] = {
    MODALITIES_IN_STUDY: _modalities,
    SOP_CLASSES_IN_STUDY: _sop_classes,
}
ROWS: Mapping[Level, Column[int]] = {
    Level.STUDY: study.c.key,
    Level.SERIES: series.c.key,
    Level.INSTANCE: instance.c.watermark,
}
_OTHER = series.alias("other_series")  # for the search itself may walk through Series, too
_MODALITY = _OTHER.c.Modality
_ALL_SOP_CLASSES = "\\" + study.c.sop_classes + "\\"
_MOMENTS = {date: COLUMNS[date] + func.coalesce(COLUMNS[time], _MIDNIGHT) for date, time in TIMES.items()}
_UTC_TIMES = {tag: func.substr(column, _TIME_OF_MOMENT) for tag, column in UTC.items()}
_ANY_FURTHER = {
    level: Prepared(select(values.c.row).where(values.c.tag == bindparam("tag")).limit(1))
    for level, values in FURTHER.items()
}

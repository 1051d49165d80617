"""Attribute matching (PS3.4 C.2.2.2) in SQL: a matching key becomes a condition on the columns of the index."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, exists, false

from filmroom.dicom import attributes
from filmroom.dicom.matching import Condition, Equal, Key, OneOf, Range, Wildcard, Words
from filmroom.errors import BadParameter
from filmroom.index.columns import comparable
from filmroom.index.tables import COLUMNS, MODALITIES_IN_STUDY, WORDS, series, study

_LONGEST_PATTERN = 4096  # characters; SQLite takes LIKE patterns of 50,000 bytes
_AFTER_ALL = "\U0010ffff"  # sorts behind every character
_LIKE = str.maketrans({"*": "%", "?": "_", "%": "/%", "_": "/_", "/": "//"})
# Special in the regular expressions of Python (SQLite) or of PostgreSQL. Blanks and other signs stand for themselves.
_SPECIAL = re.compile(r"([\\.^$*+?()\[\]{}|])")

Sql = ColumnElement[bool]


def sql(key: Key) -> Sql:
    """What must hold of the columns of the key's level. It never holds of an attribute without a value."""
    if key.tag == MODALITIES_IN_STUDY:
        # One Series will do. An alias, for the search itself may walk through Series too.
        other = series.alias("other_series")
        return exists().where(other.c.study_key == study.c.key, _sql(key.tag, other.c.Modality, key.condition))
    if key.tag not in COLUMNS:
        name = attributes.keyword(key.tag) or attributes.key(key.tag)
        raise BadParameter(f"The attribute {name} can't be searched by.")
    column = WORDS[key.tag] if isinstance(key.condition, Words) else COLUMNS[key.tag]
    return _sql(key.tag, column, key.condition)


def _sql(tag: int, column: Column[Any], condition: Condition) -> Sql:
    return _SQL[type(condition)](attributes.vr(tag) or "UN", column, condition)


def _equal(vr: str, column: Column[Any], condition: Equal) -> Sql:
    value = comparable(vr, condition.value)
    return false() if value is None else column == value


def _one_of(vr: str, column: Column[Any], condition: OneOf) -> Sql:
    values = [comparable(vr, value) for value in condition.values]
    return column.in_([value for value in values if value is not None])


def _range(vr: str, column: Column[Any], condition: Range) -> Sql:
    first = None if condition.first is None else column >= comparable(vr, condition.first)
    last = None if condition.last is None else column <= comparable(vr, condition.last)
    return and_(column.is_not(None), *(end for end in (first, last) if end is not None))


def _wildcard(_: str, column: Column[Any], condition: Wildcard) -> Sql:
    pattern = re.sub(r"\*+", "*", condition.pattern.replace("\0", ""))
    matches = _like(column, pattern.translate(_LIKE))
    literal = re.split(r"[*?]", pattern, maxsplit=1)[0]
    # What the pattern begins with is a range as well: for that an index will do, for LIKE it won't everywhere.
    return and_(column >= literal, column < literal + _AFTER_ALL, matches) if literal else matches


def _words(_: str, column: Column[Any], condition: Words) -> Sql:
    """The column holds " doe john ". LIKE alone can't say that two words are neighbours, for % passes over others;
    a regular expression can, but costs more, so it is put only to what LIKE lets through.
    """
    like = "%".join(f" {word.translate(_LITERALLY)}" for word in condition.words)
    expression = "[^ ]*".join(" " + _SPECIAL.sub(r"\\\1", word) for word in condition.words)
    return and_(_like(column, f"%{like}%"), column.regexp_match(expression))


def _like(column: Column[Any], pattern: str) -> Sql:
    if len(pattern) > _LONGEST_PATTERN:
        raise BadParameter(f"A matching key that is not a plain value takes {_LONGEST_PATTERN} characters at most.")
    return column.like(pattern, escape="/")


_LITERALLY = str.maketrans({"%": "/%", "_": "/_", "/": "//"})

_SQL: Mapping[type[Condition], Callable[[str, Column[Any], Any], Sql]] = {
    Equal: _equal,
    OneOf: _one_of,
    Range: _range,
    Wildcard: _wildcard,
    Words: _words,
}

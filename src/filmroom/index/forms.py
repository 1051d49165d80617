"""Statements that are put together anew for each request, and compiled once for each form that they take.

To put one together in Core and to have Core run it takes several times what the database does (decision 8). So what is
put together here is only a description, the form, and beside it the values. From a form that has not been seen lately
Core makes a statement. All that the text of a statement depends on belongs to its form: how many values a list has,
which end of a range is open.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, type_coerce

from filmroom.index.listed import IsIn, Listed
from filmroom.index.prepared import Prepared
from filmroom.index.transaction import Transaction

_MOST = 512  # forms; some kilobytes each. Who asks for others all the time pays for making them
_LONG = 256  # values in a list; one of more is one value


class Form(NamedTuple):
    """A function that makes something of Core, and what it is given: columns, other forms, places of values."""

    make: Callable[..., Any]
    given: tuple[Any, ...]


class Part(NamedTuple):
    """A part of a statement, or all of it: its form, and the values in it, in order."""

    form: Form
    values: tuple[Any, ...]


class Value(NamedTuple):
    """What is no part of the form."""

    value: Any


_HERE = Value(None)  # in a form: a place for a value


def part(make: Callable[..., Any], *given: Any) -> Part:
    """What `make` is to make of what is given: parts, values, and what belongs to the form."""
    forms: list[Any] = []
    values: list[Any] = []
    for one in given:
        if type(one) is Part:
            forms.append(one.form)
            values += one.values
        elif type(one) is Value:
            forms.append(_HERE)
            values.append(one.value)
        else:
            forms.append(one)
    return Part(Form(make, tuple(forms)), tuple(values))


def is_one_of(column: ColumnElement[Any], values: Iterable[Any]) -> Part:
    """The condition that a column is one of some values, at least one. Lists of about the same length are one form.

    A long one is one value: ten thousand places for values take the compiler half a second.
    """
    given = [*values]
    if len(given) > _LONG:
        return part(IsIn, column, Value(Listed(given)))
    given += given[-1:] * ((1 << (len(given) - 1).bit_length()) - len(given))
    return part(_is_one_of, column, *map(Value, given))


def _is_one_of(column: ColumnElement[Any], *values: Any) -> ColumnElement[bool]:
    return column.in_([type_coerce(value, column.type) for value in values])


def in_core(made: Part) -> Any:
    """It, as Core has it, with its values."""
    return _make(made.form, iter(made.values))


def rows(tx: Transaction, statement: Part) -> list[tuple[Any, ...]]:
    """Run a statement, and give what it finds as the driver does (`prepared`)."""
    names = _names(len(statement.values))
    return _prepared(statement.form).all(tx, dict(zip(names, statement.values, strict=True)))


@lru_cache(_MOST)
def _prepared(form: Form) -> Prepared:
    return Prepared(lambda _: _make(form, (bindparam(_name(number)) for number in count())))


@lru_cache(64)
def _names(many: int) -> tuple[str, ...]:
    return tuple(map(_name, range(many)))


def _name(number: int) -> str:
    return f"given{number}"  # Core names what it makes up itself after columns, with a number behind "_"


def _make(form: Form, values: Iterator[Any]) -> Any:
    return form.make(
        *(_make(one, values) if type(one) is Form else next(values) if one is _HERE else one for one in form.given)
    )

"""The order of matches, and where in it a page begins.

Newest first, by a key of its own for each row, behind whatever else was asked for: a total order, so that pages neither
overlap nor leave out. What has no value comes last on both databases. Where the values are a total order themselves
there is no such key.
"""

from collections.abc import Sequence
from operator import eq, gt, lt
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_
from sqlalchemy.sql.operators import is_

from filmroom.dicom.order import By, Place
from filmroom.index.forms import Part, Value, part

Values = Sequence[ColumnElement[Any]]


def terms(order: Sequence[By], values: Values, key: ColumnElement[int] | None) -> list[ColumnElement[Any]]:
    """What an ORDER BY says of the columns with the values, and of that with the key."""
    ways = [value.desc() if by.descending else value.asc() for by, value in zip(order, values, strict=True)]
    return [*(way.nulls_last() for way in ways), *([] if key is None else [key.desc()])]


def behind(place: Place, order: Sequence[By], values: Values, key: ColumnElement[int] | None) -> Part:
    """What holds of the rows that come after a place."""
    found = part(false) if key is None else part(lt, key, Value(place[-1]))
    for by, value, last in reversed([*zip(order, values, place[: len(order)], strict=True)]):
        if last is None:
            found = part(and_, part(is_, value, None), found)
        else:
            later = part(lt if by.descending else gt, value, Value(last))
            found = part(or_, later, part(is_, value, None), part(and_, part(eq, value, Value(last)), found))
    return found

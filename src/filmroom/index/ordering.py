"""The order of matches, and where in it a page begins.

Newest first, by a key of its own for each row, behind whatever else was asked for: a total order, so that pages neither
overlap nor leave out. What has no value comes last on both databases. Where the values are a total order themselves
there is no such key.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_

from filmroom.dicom.order import By, Place

Values = Sequence[ColumnElement[Any]]


def terms(order: Sequence[By], values: Values, key: ColumnElement[int] | None) -> list[ColumnElement[Any]]:
    """What an ORDER BY says of the columns with the values, and of that with the key."""
    ways = [value.desc() if by.descending else value.asc() for by, value in zip(order, values, strict=True)]
    return [*(way.nulls_last() for way in ways), *([] if key is None else [key.desc()])]


def behind(place: Place, order: Sequence[By], values: Values, key: ColumnElement[int] | None) -> ColumnElement[bool]:
    """What holds of the rows that come after a place."""
    found: ColumnElement[bool] = false() if key is None else key < place[-1]
    for by, value, last in reversed([*zip(order, values, place[: len(order)], strict=True)]):
        if last is None:
            found = and_(value.is_(None), found)
        else:
            later = value < last if by.descending else value > last
            found = or_(later, value.is_(None), and_(value == last, found))
    return found

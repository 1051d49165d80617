"""Views (`dicom.views`) in SQL: what must hold of the row of a Study that may be seen."""

from collections.abc import Iterator, Sequence

from sqlalchemy import and_, exists, false, literal, or_, select

from filmroom.dicom.conditions import Key
from filmroom.dicom.levels import Level
from filmroom.dicom.search_attributes import MATCHING_KEYS
from filmroom.dicom.views import View
from filmroom.index import conditions, tag_conditions
from filmroom.index.conditions import Sql
from filmroom.index.forms import Part, part
from filmroom.index.tables import series, study

_OF_STUDY = series.c.study_key == study.c.key


def seen(view: View, partition: int) -> tuple[Part, ...]:
    """The conditions of a view on `study`; none if everything is seen."""
    if view.studies is None:
        return ()
    return (part(or_, part(false), *(part(and_, *_found(keys, partition)) for keys in view.studies)),)


def _found(keys: Sequence[Key], partition: int) -> Iterator[Part]:
    """The tables of values are looked at apart: joined, those of one search would have to hold for the other, too."""
    of_series = []
    for key in keys:
        if key.by is not None:
            continue
        if MATCHING_KEYS[key.tag] is Level.STUDY:
            yield conditions.anywhere(key)
        else:
            of_series.append(conditions.anywhere(key))
    for level, condition, _ in tag_conditions.of(keys, partition):
        if level is Level.STUDY:
            yield part(_there_is, condition)
        else:
            of_series.append(condition)
    if of_series:  # of one Series
        yield part(_there_is, _OF_STUDY, *of_series)


def _there_is(*these: Sql) -> Sql:
    """Rows, beside those of `study`, of which these hold."""
    return exists(select(literal(1)).where(*these).correlate(study))

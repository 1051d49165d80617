"""Searches for patients: who has a Patient ID, as the rows of Studies tell.

Patients are told apart by Patient ID and its issuer, compared as matching does. These two are also their order, behind
what else was asked for: they stay as they are, whatever is stored or deleted; a date of arrival would not. Studies
without a Patient ID are nobody's.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, func, select

from filmroom.dicom import attributes
from filmroom.dicom.json_model import first
from filmroom.dicom.order import By, Place
from filmroom.dicom.query import Query
from filmroom.dicom.search_attributes import OF_PATIENTS, SORTABLE
from filmroom.index import forms, ordering, views
from filmroom.index.columns import Elements
from filmroom.index.conditions import Sql
from filmroom.index.forms import Value, is_one_of, part
from filmroom.index.prepared import Prepared
from filmroom.index.search import further, matching
from filmroom.index.selects import HERE
from filmroom.index.tables import COLUMNS, study
from filmroom.index.transaction import Transaction

_ID, _ISSUER = By(0x00100020), By(0x00100021)
_OWN = [COLUMNS[by.tag] for by in (_ID, _ISSUER)]
_LATEST = {tag: func.max(COLUMNS[tag]) for tag in OF_PATIENTS & SORTABLE.keys()}
_ATTRIBUTES = Prepared(select(study.c.attributes).where(HERE[0]))
_COUNTS = ("00201200", "00201202", "00201204")  # NumberOfPatientRelatedStudies, Series, Instances


def identifiers(tx: Transaction, studies: Iterable[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """The Patient IDs of Studies, by data partition and UID; of those that are there and have one."""
    found: dict[tuple[int, str], str] = {}
    for partition, uid in studies:
        row = _ATTRIBUTES.one(tx, {"in_partition": partition, "of_study": uid})
        identifier = first(orjson.loads(row[0]), 0x00100020) if row else None
        if identifier:
            found[partition, uid] = str(identifier)
    return found


def places(tx: Transaction, query: Query) -> list[Place]:
    """The places of the patients of the page, in order; the Patient ID and its issuer are at the end."""
    keys, _ = matching(query, further(tx, query))
    order = (*query.order, _ID, _ISSUER)
    place = [] if query.after is None else [ordering.behind(query.after, order, _values(query.order), None)]
    return forms.rows(tx, part(_page_of, keys, order, Value(query.limit), Value(query.offset), *place))


def find(tx: Transaction, query: Query, wanted: Sequence[Place]) -> list[Elements]:
    """What is known of the patients at these places, from the newest of their Studies; but for those that are gone."""
    if not wanted:
        return []
    scope, identifiers = query.scope, sorted({str(one[-2]) for one in wanted})
    seen = views.seen(scope.view, scope.partition)
    described = part(_described, Value(scope.partition), is_one_of(study.c.PatientID, identifiers), *seen)
    found = {row[:2]: row for row in forms.rows(tx, described)}
    return [_elements(found[place[-2:]]) for place in wanted if place[-2:] in found]


def count(tx: Transaction, query: Query) -> int:
    """How many patients there are, on whatever page."""
    keys, _ = matching(query, further(tx, query))
    [(found,)] = forms.rows(tx, part(_number_of, keys))
    return int(found)


def _patients(studies: Select[Any]) -> Select[Any]:
    return studies.where(study.c.PatientID.is_not(None)).group_by(*_OWN)


def _values(order: Sequence[By]) -> list[ColumnElement[Any]]:
    return [*(_LATEST[by.tag] for by in order), *_OWN]


def _page_of(studies: Select[Any], order: Sequence[By], limit: Any, offset: Any, *place: Sql) -> Select[Any]:
    values = _values(order[:-2])
    page = _patients(studies).having(*place).with_only_columns(*values)
    return page.order_by(*ordering.terms(order, values, None)).limit(limit).offset(offset)


def _number_of(studies: Select[Any]) -> Select[Any]:
    return select(func.count()).select_from(_patients(studies).with_only_columns(*_OWN).subquery())


def _described(partition: Any, *holds: Sql) -> Select[Any]:
    """All Studies of a patient count that may be seen, whether they match or not."""
    patients = (
        select(
            *_OWN,
            func.max(study.c.key).label("newest"),
            func.count().label("studies"),
            func.sum(study.c.series).label("series"),
            func.sum(study.c.instances).label("instances"),
        )
        .where(study.c.partition == partition, *holds)
        .group_by(*_OWN)
        .subquery()
    )
    return select(patients, study.c.attributes).where(study.c.key == patients.c.newest)


def _elements(row: Any) -> Elements:
    _, _, _, *counts, held = row
    known: Elements = orjson.loads(held)
    found = {key: known[key] for key in map(attributes.key, OF_PATIENTS) if key in known}
    found |= {key: {"vr": "IS", "Value": [int(number)]} for key, number in zip(_COUNTS, counts, strict=True)}
    return dict(sorted(found.items()))

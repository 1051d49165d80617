"""Searches for patients: who has a Patient ID, as the rows of Studies tell.

Patients are told apart by Patient ID and its issuer, compared as matching does. These two are also their order, behind
what else was asked for: they stay as they are, whatever is stored or deleted; a date of arrival would not. Studies
without a Patient ID are nobody's.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Select, func, select

from filmroom.dicom import attributes
from filmroom.dicom.json_model import first
from filmroom.dicom.order import By, Place
from filmroom.dicom.query import Query
from filmroom.dicom.resources import Resource
from filmroom.dicom.search_attributes import OF_PATIENTS
from filmroom.index import ordering, views
from filmroom.index.columns import Elements
from filmroom.index.forms import in_core
from filmroom.index.prepared import Prepared
from filmroom.index.search import further, matching
from filmroom.index.selects import HERE
from filmroom.index.tables import COLUMNS, study
from filmroom.index.transaction import Transaction

_ID, _ISSUER = By(0x00100020), By(0x00100021)
_OWN = [COLUMNS[by.tag] for by in (_ID, _ISSUER)]
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
    page = _patients(tx, query)
    order = (*query.order, _ID, _ISSUER)
    values = [*(func.max(COLUMNS[by.tag]) for by in query.order), *_OWN]
    if query.after is not None:
        page = page.having(in_core(ordering.behind(query.after, order, values, None)))
    page = page.with_only_columns(*values).order_by(*ordering.terms(order, values, None))
    return [tuple(row) for row in tx.core.execute(page.limit(query.limit).offset(query.offset))]


def find(tx: Transaction, query: Query, wanted: Sequence[Place]) -> list[Elements]:
    """What is known of the patients at these places, from the newest of their Studies; but for those that are gone."""
    found = {tuple(row[:2]): row for row in tx.core.execute(_described(query.scope, {one[-2] for one in wanted}))}
    return [_elements(found[place[-2:]]) for place in wanted if place[-2:] in found]


def count(tx: Transaction, query: Query) -> int:
    """How many patients there are, on whatever page."""
    patients = _patients(tx, query).with_only_columns(*_OWN).subquery()
    return int(tx.core.scalar(select(func.count()).select_from(patients)) or 0)


def _patients(tx: Transaction, query: Query) -> Select[Any]:
    keys: Select[Any] = in_core(matching(query, further(tx, query))[0])
    return keys.where(study.c.PatientID.is_not(None)).group_by(*_OWN)


def _described(scope: Resource, identifiers: Collection[str | int | None]) -> Select[Any]:
    """All Studies of a patient count that may be seen, whether they match or not."""
    patients = (
        select(
            *_OWN,
            func.max(study.c.key).label("newest"),
            func.count().label("studies"),
            func.sum(study.c.series).label("series"),
            func.sum(study.c.instances).label("instances"),
        )
        .where(study.c.partition == scope.partition, study.c.PatientID.in_(identifiers))
        .where(*map(in_core, views.seen(scope.view, scope.partition)))
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

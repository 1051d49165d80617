"""Builders for the tests of the index: Instances to add, searches in the words of a URL."""

import hashlib
import sqlite3
from collections.abc import Collection
from dataclasses import replace as replaced
from typing import Any

import orjson
import psycopg
import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from filmroom.blobs import new_keys
from filmroom.dicom import attributes, json_model, matching
from filmroom.dicom.conditions import Condition, Key
from filmroom.dicom.frames import Frames
from filmroom.dicom.json_model import Bulk
from filmroom.dicom.query import Query
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import DEFAULT_PARTITION, Level, Resource
from filmroom.dicom.values import COMPONENT_GROUPS
from filmroom.index import additions, instances, query_tags, reindexing, search
from filmroom.index.additions import ANY, NewInstance, Status
from filmroom.index.answers import by_tag
from filmroom.index.database import Database
from filmroom.index.transaction import Transaction

# What is raised for a row that breaks a rule of its table, by Core or by a driver.
BROKEN_RULE = (IntegrityError, sqlite3.IntegrityError, psycopg.IntegrityError, psycopg.DataError)


def only(kind: str) -> pytest.MarkDecorator:
    """For a test about one database alone."""
    return pytest.mark.parametrize("url", [kind], indirect=True)


EXPLICIT = "1.2.840.10008.1.2.1"
EVERYTHING = Resource()


def tag(keyword: str) -> int:
    found = attributes.parse(keyword)
    assert found is not None
    return found


def element(keyword: str, *values: Any) -> dict[str, Any]:
    """An element of the DICOM JSON Model; no values make it empty."""
    vr = attributes.vr(tag(keyword)) or "UN"
    made = [_name(value) if vr == "PN" else value for value in values]
    return {"vr": vr, "Value": made} if made else {"vr": vr}


def _name(value: str) -> dict[str, str]:
    """A person name by component groups, as in "A=I=P"."""
    groups = dict(zip(COMPONENT_GROUPS, value.split("="), strict=False))
    return {group: text for group, text in groups.items() if text or len(groups) == 1}


def elements(**values: Any) -> dict[str, Any]:
    """Elements in tag order. () is an empty one, several values are a tuple."""
    made = {
        attributes.key(tag(name)): element(name, *(value if isinstance(value, tuple) else (value,)))
        for name, value in values.items()
    }
    return dict(sorted(made.items()))


def new(
    study: str,
    series: str,
    instance: str,
    *,
    partition: int = DEFAULT_PARTITION,
    sop_class: str = "1.2.840.10008.5.1.4.1.1.7",
    frames: Frames | None = None,
    bulk: dict[str, Bulk] | None = None,
    hidden: Collection[str] = (),
    **values: Any,
) -> NewInstance:
    """An Instance whose file says what `values` say."""
    uids = {
        "SOPClassUID": sop_class,
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "SOPInstanceUID": instance,
    }
    said = elements(**(uids | values))
    text = orjson.dumps(said)
    return NewInstance(
        resource=Resource(study, series, instance, partition),
        sop_class=sop_class,
        transfer_syntax=EXPLICIT,
        complete=True,
        key=new_keys(1)[0],
        length=len(text),
        digest=hashlib.sha256(text).digest(),
        elements={key: value for key, value in said.items() if key not in hidden},
        metadata=json_model.format(said, hidden),
        frames=frames,
        bulk=bulk or {},
    )


def add(database: Database, *added: NewInstance, replace: bool = False) -> list[Status]:
    rows = [additions.prepare(one if not replace else replaced(one, replaces=ANY)) for one in added]
    return database.transact(lambda tx: additions.add(tx, rows))


def named(study: str, series: str | None = None, instance: str | None = None) -> Resource:
    return Resource(study, series, instance)


def remove(database: Database, *uids: str) -> int:
    return database.transact(lambda tx: instances.remove(tx, named(*uids)))


def declare(database: Database, *tags: QueryTag) -> list[QueryTag]:
    """Declare query tags: from now on what is added is indexed by them."""
    with database.begin() as tx:
        return query_tags.declare(tx, tags, query_tags.change(tx))


def index(database: Database, *tags: QueryTag, limit: int = 100) -> None:
    """Index tags for what is stored, as the operation does."""
    keys = [tag.key for tag in tags]
    while True:
        with database.read() as tx:
            pending = reindexing.fetch_pending(tx, keys)
            batch = reindexing.read(tx, pending, limit) if pending else []
        if not pending:
            return
        with database.begin() as tx:
            reindexing.write(tx, pending, batch)


def declared(database: Database, *tags: QueryTag) -> list[QueryTag]:
    """Query tags that are ready."""
    made = declare(database, *tags)
    index(database, *made)
    return made


def asked(
    level: Level,
    scope: Resource = EVERYTHING,
    *,
    returned: Collection[str] = (),
    everything: bool = False,
    limit: int = 100,
    offset: int = 0,
    fuzzy: bool = False,
    **keys: str | Condition,
) -> Query:
    """A search as `/dicomweb` understands it: PatientName="Doe*"."""
    conditions = [
        (tag(name), value if isinstance(value, Condition) else read(name, value, fuzzy=fuzzy))
        for name, value in keys.items()
    ]
    return Query(
        level=level,
        scope=scope,
        keys=tuple(Key(of, condition) for of, condition in conditions if condition is not None),
        attributes=frozenset(map(tag, returned)),
        all_attributes=everything,
        limit=limit,
        offset=offset,
    )


def read(name: str, value: str, *, fuzzy: bool = False) -> Condition | None:
    vr = attributes.vr(tag(name)) or "UN"
    return matching.condition(tag(name), vr, value, matching.Manner(True, True, fuzzy))


def answers(database: Database, query: Query) -> list[dict[str, Any]]:
    with database.read() as tx:
        return [by_tag(match.found) for match in search.search(tx, query)]


def matches(database: Database, query: Query) -> list[str]:
    """The UIDs of what matches, newest first."""
    with database.read() as tx:
        found = [match.resource for match in search.search(tx, query)]
    return [str((of.study, of.series, of.instance)[query.level - 1]) for of in found]


def value(found: dict[str, Any], keyword: str) -> Any:
    return json_model.first(found, tag(keyword))


def postgresql_plan(tx: Transaction, statement: Select[object], **values: object) -> list[str]:
    """What PostgreSQL would do, step by step, if walking through a table were as dear as in a full one."""
    tx.core.exec_driver_sql("SET LOCAL enable_seqscan = off")
    literal = statement.params(values).compile(tx.core, compile_kwargs={"literal_binds": True})
    return list(tx.core.exec_driver_sql(f"EXPLAIN {literal}").scalars())


def plan(tx: Transaction, statement: Select[object], **values: object) -> list[str]:
    """What SQLite would do, step by step."""
    expanded = statement.compile(dialect=sqlite.dialect()).construct_expanded_state(values)
    parameters = tuple(expanded.parameters[name] for name in expanded.positiontup or ())
    return [str(row[3]) for row in tx.core.exec_driver_sql(f"EXPLAIN QUERY PLAN {expanded.statement}", parameters)]

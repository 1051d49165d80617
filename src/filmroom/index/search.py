"""Searches for Studies, Series and Instances: a Query becomes one SELECT, and its rows hold the answer.

The page is found first, from the keys of rows alone; only then their JSON is read. So a sort, where one is
needed, never carries more than keys and what is ordered by.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import eq
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Select, Table, case, func, select

from filmroom.dicom import attributes
from filmroom.dicom.conditions import Key
from filmroom.dicom.order import By, Place
from filmroom.dicom.query import Query
from filmroom.dicom.resources import Level, Resource
from filmroom.dicom.search_attributes import HELD, MATCHING_KEYS, RETRIEVE_URL, SORTABLE
from filmroom.errors import BadParameter
from filmroom.index import conditions, forms, ordering, tag_conditions, views
from filmroom.index.answers import Answers, Found
from filmroom.index.columns import Elements
from filmroom.index.conditions import ROWS, Sql
from filmroom.index.forms import Part, Value, is_one_of, part
from filmroom.index.rows import split
from filmroom.index.tables import COLUMNS, instance, instance_data, links, series, study
from filmroom.index.transaction import Transaction

_LONGEST_READ = 256 << 10  # bytes of packed Metadata of one match: a batch has more than a hundred

_TABLES: Mapping[Level, Table] = {Level.STUDY: study, Level.SERIES: series, Level.INSTANCE: instance}
_UIDS = {
    Level.STUDY: study.c.StudyInstanceUID,
    Level.SERIES: series.c.SeriesInstanceUID,
    Level.INSTANCE: instance.c.SOPInstanceUID,
}
# The watermark of the Instance that speaks for a row about what rows don't hold.
_NEWEST: Mapping[Level, Column[int]] = {
    Level.STUDY: study.c.newest,
    Level.SERIES: series.c.newest,
    Level.INSTANCE: instance.c.watermark,
}


def _number(value: int) -> Elements:
    return {"vr": "IS", "Value": [value]}


def _several(vr: str, joined: str) -> Elements:
    return {"vr": vr, "Value": split(joined)} if joined else {"vr": vr}


_codes, _uids = partial(_several, "CS"), partial(_several, "UI")


# What the index counts and gathers (PS3.18 Tables 10.6.3-3 to 10.6.3-5): its level, column and element.
_GATHERED: Mapping[int, tuple[Level, Column[Any], Callable[[Any], Elements]]] = {
    0x00080061: (Level.STUDY, study.c.modalities, _codes),  # ModalitiesInStudy
    0x00080062: (Level.STUDY, study.c.sop_classes, _uids),  # SOPClassesInStudy
    0x00201206: (Level.STUDY, study.c.series, _number),  # NumberOfStudyRelatedSeries
    0x00201208: (Level.STUDY, study.c.instances, _number),  # NumberOfStudyRelatedInstances
    0x00201209: (Level.SERIES, series.c.instances, _number),  # NumberOfSeriesRelatedInstances
    0x00083002: (Level.INSTANCE, instance.c.AvailableTransferSyntaxUID, _uids),
}
# What is answered without a look at the Metadata
_IN_ROWS = {
    last: frozenset({RETRIEVE_URL, *_GATHERED}).union(*(HELD[level] for level in Level if level <= last))
    for last in Level
}


class Match(NamedTuple):
    """One of what was found."""

    row: Found
    query: Query
    answers: Answers

    @property
    def resource(self) -> Resource:
        """Which it is."""
        study_uid, series_uid, instance_uid = (*self.row[: self.query.level], None, None)[:3]
        return Resource(study_uid, series_uid, instance_uid, self.query.scope.partition)

    @property
    def place(self) -> Place:
        """Where the next page would begin if this were the last."""
        return self.row[-1 - len(self.query.order) :]

    @property
    def found(self) -> Elements:
        """What to answer with, in no order. Made when it is asked for: what takes kilobytes in a row takes a hundred
        times as much here, and the answer needs one after the other."""
        return self.answers.of(self.row)


def search(tx: Transaction, query: Query) -> list[Match]:
    """The matches of the page, in order."""
    return _matches(tx, query, _page(query, further(tx, query)))


def places(tx: Transaction, query: Query) -> list[Place]:
    """The places of the matches of the page, in order: what is needed to find them again, and little beside."""
    page = _page(query, further(tx, query))
    return [(*values, key) for key, *values in forms.rows(tx, page)]


def find(tx: Transaction, query: Query, wanted: Sequence[Place]) -> list[Match]:
    """The matches at these places, but for those that are gone."""
    own, keys = ROWS[query.level], [place[-1] for place in wanted]
    rows = replace(query, order=())
    found = {
        match.place[-1]: match for match in (_matches(tx, rows, part(_at, own, is_one_of(own, keys))) if keys else ())
    }
    there = ((found[place[-1]], place) for place in wanted if place[-1] in found)
    return [match._replace(row=match.row[:-1] + place, query=query) for match, place in there]


def count(tx: Transaction, query: Query) -> int:
    """How many match, on whatever page."""
    keys, _ = matching(query, further(tx, query))
    [(found,)] = forms.rows(tx, part(_number_of, keys))
    return int(found)


def _at(own: Column[int], condition: Sql) -> Select[Any]:
    return select(own).where(condition)


def _number_of(keys: Select[Any]) -> Select[Any]:
    return keys.with_only_columns(func.count())


def further(tx: Transaction, query: Query) -> Collection[Key]:
    """The keys that values match for which columns have no place."""
    return conditions.matched_further(tx, query.keys) if query.every_value else ()


def reads_metadata(query: Query) -> bool:
    """Whether rows alone don't hold the answer: of each match the Metadata of an Instance is read, which is large."""
    wanted = _beyond_rows(query)
    return wanted is None or bool(wanted or query.groups or query.private)


def _beyond_rows(query: Query) -> frozenset[int] | None:
    """What is to be answered and no row holds. None is everything there is."""
    if query.all_attributes and query.level is Level.INSTANCE:  # only an Instance has one Metadata that speaks for it
        return None
    return query.attributes - _IN_ROWS[query.level]


def _matches(tx: Transaction, query: Query, page: Part) -> list[Match]:
    gathered = tuple(
        tag
        for tag, (level, _, _) in _GATHERED.items()
        if level <= query.level and (query.all_attributes or tag in query.attributes or tag >> 16 in query.groups)
    )
    with_metadata = reads_metadata(query)
    elements = {attributes.key(tag): _GATHERED[tag][2] for tag in gathered}
    answers = Answers(query, _beyond_rows(query), elements, reads_metadata=with_metadata)
    statement = part(_statement, query.level, query.order, gathered, with_metadata, page)
    return [Match(row, query, answers) for row in forms.rows(tx, statement)]


def _levels(last: Level) -> Sequence[Level]:
    return [level for level in Level if level <= last]


def _statement(
    level: Level, order: Sequence[By], gathered: Collection[int], with_metadata: bool, of: Select[Any]
) -> Select[Any]:
    """One row for each match of the page, with its place at the end."""
    page = of.subquery("page")
    own, levels = ROWS[level], _levels(level)
    key, *values = page.c
    columns: list[Any] = [_UIDS[each] for each in levels]
    columns += [_TABLES[each].c.attributes.label(f"held_{each}") for each in levels]
    columns += [_GATHERED[tag][1].label(attributes.key(tag)) for tag in gathered]
    belong = [own == key, *links([_TABLES[each] for each in levels])]
    if with_metadata:
        short = func.length(instance_data.c.metadata) <= _LONGEST_READ
        columns.append(case((short, instance_data.c.metadata)).label("metadata"))
        belong.append(instance_data.c.watermark == _NEWEST[level])
    return select(*columns, *values, own).where(*belong).order_by(*ordering.terms(order, values, own))


def _page(query: Query, others: Collection[Key] = ()) -> Part:
    """The keys of the matches of the page and what they are ordered by, from the tables that have a say."""
    keys, key = matching(query, others)
    place = [] if query.after is None else [ordering.behind(query.after, query.order, _values(query.order), key)]
    return part(_page_of, keys, query.order, key, Value(query.limit), Value(query.offset), *place)


def _values(order: Sequence[By]) -> list[Column[Any]]:
    return [COLUMNS[by.tag] for by in order]


def _page_of(
    keys: Select[Any], order: Sequence[By], key: ColumnElement[int], limit: Any, offset: Any, *place: Sql
) -> Select[Any]:
    values = _values(order)
    labelled = [value.label(f"order_{number}") for number, value in enumerate(values)]
    terms = ordering.terms(order, values, key)
    return keys.where(*place).add_columns(*labelled).order_by(*terms).limit(limit).offset(offset)


def matching(query: Query, others: Collection[Key]) -> tuple[Part, ColumnElement[int]]:
    """The keys of all matches, and the column to order them by: newest first."""
    scope = {Level.STUDY: query.scope.study, Level.SERIES: query.scope.series, Level.INSTANCE: query.scope.instance}
    holds = [(level, part(eq, _UIDS[level], Value(uid))) for level, uid in scope.items() if uid is not None]
    in_columns = (key for key in query.keys if key.by is None)
    holds += [(MATCHING_KEYS.get(key.tag, query.level), conditions.sql(key, others)) for key in in_columns]
    newest: ColumnElement[int] = ROWS[query.level]
    for level, condition, in_order in tag_conditions.of(query.keys, query.scope.partition):
        holds.append((level, condition))
        if level is query.level and in_order is not None:
            newest = in_order
    holds += [(Level.STUDY, condition) for condition in views.seen(query.scope.view, query.scope.partition)]
    having_a_say = {query.level, *dict(holds), *(SORTABLE[by.tag] for by in query.order)}
    if max(having_a_say) > query.level:
        raise BadParameter(f"A search for {query.level.name.lower()} rows takes no matching keys of lower levels.")
    levels = tuple(level for level in Level if level in having_a_say)
    conditions_alone = (condition for _, condition in holds)
    return part(_keys, query.level, levels, Value(query.scope.partition), *conditions_alone), newest


def _keys(level: Level, levels: Collection[Level], partition: Any, *holds: Sql) -> Select[Any]:
    tables = [_TABLES[each] for each in levels]
    # The partition leads the indexes by attributes, so it is said of each table that one of them may be of use to.
    partitions = [table.c.partition == partition for table in tables]
    return select(ROWS[level]).where(*links(tables), *partitions, *holds)

"""Search Transaction (PS3.18 §10.6): one SELECT; its rows hold, as JSON, what the answer is chosen from.

What many match is read in batches, each in a transaction of its own, while the answer is sent: a slow reader holds
neither memory nor the database. The places of the matches are found at the beginning, in one SELECT of their own; what
is deleted before its turn comes is left out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from filmroom.archive import Archive
from filmroom.dicom import json_model
from filmroom.dicom.order import Place
from filmroom.dicom.query import Query
from filmroom.dicom.query_tags import BUILT_IN, QueryTag
from filmroom.dicom.search_attributes import INSTANCE_AVAILABILITY, RETRIEVE_URL
from filmroom.index import patients, query_tags
from filmroom.index import search as rows
from filmroom.index.answers import by_tag
from filmroom.index.search import Match
from filmroom.protocol.dialects import Dialect
from filmroom.services import deidentified_search

T = TypeVar("T")

BATCH = 1024  # matches: the most that is asked for without a limit is one
BATCH_WITH_METADATA = 128  # an Instance with all its attributes may come to 100 kB and more


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: the matches of the page in DICOM JSON, which can be gone through once."""

    matches: Iterator[dict[str, Any]]
    empty: bool
    total: int | None  # of all pages, if that was asked for
    end: Place | None  # where the next page begins, if there is one


def search(archive: Archive, dialect: Dialect, query: Query, root: str) -> Found:
    """The page of matches, in order. `root` is the absolute URL under which they can be retrieved."""
    complete = _completion(dialect, query, root)
    query = deidentified_search.resolved(archive, query)
    size = BATCH_WITH_METADATA if rows.reads_metadata(query) else BATCH
    with archive.index.read() as tx:
        total = rows.count(tx, query) if query.total else None
        first = rows.search(tx, replace(query, limit=min(query.limit, size) + 1)) if query.limit else []
        # Mostly all are on this page, and no place is asked for.
        places = [match.place for match in first] if len(first) > min(query.limit, size) else []
        if len(first) > size and query.limit > size:
            rest = replace(query, limit=query.limit - size + 1, offset=0, after=places[size - 1])
            places = places[:size] + rows.places(tx, rest)
    end = places[query.limit - 1] if len(places) > query.limit > 0 else None
    later = _in_batches(archive, partial(rows.find, query=query), places[size : query.limit], size)
    return Found(map(complete, chain(first[: min(query.limit, size)], later)), not first, total, end)


def search_patients(archive: Archive, dialect: Dialect, query: Query) -> Found:
    """The page of patients whose Studies match, in order."""
    query = deidentified_search.resolved(archive, query)
    with archive.index.read() as tx:
        total = patients.count(tx, query) if query.total else None
        places = patients.places(tx, replace(query, limit=query.limit + 1)) if query.limit else []
        first = patients.find(tx, query, places[: min(query.limit, BATCH)])
    end = places[query.limit - 1] if len(places) > query.limit > 0 else None
    later = _in_batches(archive, partial(patients.find, query=query), places[BATCH : query.limit], BATCH)
    found = chain(first, later)
    return Found(found if dialect.padding else map(json_model.unpadded, found), not first, total, end)


def _in_batches(archive: Archive, find: Callable[..., Sequence[T]], places: Sequence[Place], size: int) -> Iterator[T]:
    for start in range(0, len(places), size):
        with archive.index.read() as tx:
            matches = find(tx, wanted=places[start : start + size])
        yield from matches


def _completion(dialect: Dialect, query: Query, root: str) -> Callable[[Match], dict[str, Any]]:
    """What makes the answer of a match: what it holds, and what no file does, in the order of tags."""
    wanted = frozenset(
        tag
        for tag in dialect.synthesised
        if query.all_attributes or tag in query.attributes or tag >> 16 in query.groups
    )

    def complete(match: Match) -> dict[str, Any]:
        elements = deidentified_search.answer(query, match.found)
        if INSTANCE_AVAILABILITY in wanted:
            elements["00080056"] = {"vr": "CS", "Value": ["ONLINE"]}
        if RETRIEVE_URL in wanted:
            path = deidentified_search.called(query, match.resource).path
            elements["00081190"] = {"vr": "UR", "Value": [root + path]}
        return by_tag(elements)

    return complete


def known_tags(archive: Archive) -> Sequence[QueryTag]:
    """The query tags that can be matching keys, and those that are being added."""
    with archive.index.read() as tx:
        return archive.additions.known.of(tx).tags


def erroneous(archive: Archive, query: Query) -> list[str]:
    """The paths of the query tags searched by for which some values are not valid: these were perhaps not found."""
    declared = [tag for tag in query.tags if tag not in BUILT_IN]
    if not declared:
        return []
    with archive.index.read() as tx:
        return query_tags.with_errors(tx, declared)

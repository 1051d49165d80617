"""The parameters of a search (PS3.18 §8.3.4 and §10.6.1): matching keys, includefield, limit, offset, pages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

from filmroom.dicom import attributes
from filmroom.dicom.query import Query, listed
from filmroom.dicom.query_tags import BUILT_IN
from filmroom.dicom.resources import Level, Resource
from filmroom.dicom.search_attributes import COMPUTED, OF_PATIENTS, SORTABLE
from filmroom.protocol import cursors, included, keys, paging
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.parameters import LARGEST_INTEGER, boolean, integer
from filmroom.protocol.searched import Searched, Tags, some

_CONTROLS = frozenset({"limit", "offset", "fuzzymatching", "includefield"})
_NEGOTIATED = frozenset({"emptyvaluematching", "multiplevaluematching"})  # PS3.18 §8.3.4.5, §8.3.4.6
_PAGING = frozenset({"orderby", "cursor", "count"})  # not of the Standard

# What can be ordered by: attributes of this level and above that rows hold one value of; patients by their own.
_SORTABLE = {
    (level, patients): frozenset(
        tag for tag, at in SORTABLE.items() if at <= level and (not patients or tag in OF_PATIENTS)
    )
    for level in Level
    for patients in (False, True)
}

# The identifying attribute of a resource in the path comes back with every match (PS3.18 §10.6.3.3).
_UIDS_OF_SCOPE = {Level.STUDY: 0x0020000D, Level.SERIES: 0x0020000E}


def parse(
    dialect: Dialect,
    level: Level,
    scope: Resource,
    parameters: Sequence[tuple[str, str]],
    tags: Tags = lambda: BUILT_IN,
    secret: bytes = b"",
    *,
    patients: bool = False,
) -> tuple[Query, tuple[str, ...]]:
    """The search that percent-decoded parameters ask for, and warnings about what was passed over.

    `secret` is that of the archive, with which cursors are sealed. `patients` asks for those of the Studies that match.
    """
    search = Searched(dialect, level, scope, cache(tags))  # one look, and one version of the tags
    controls, filters = _sort(dialect, parameters)
    wanted = included.parse(search, controls["includefield"])
    asked = keys.parse(search, controls, filters, wanted.tags)
    limit, own_limit = _limit(search, controls["limit"])
    offset = integer("Offset", controls["offset"], 0, 0, LARGEST_INTEGER, dialect.wording)
    if patients:
        _warn_of_others(search, wanted.tags)
    whole = _by_default(search) | asked.named
    query = Query(
        level=level,
        scope=scope,
        keys=asked.keys,
        attributes=(whole | wanted.tags) - _left_out(search) - {tag.tag for tag in asked.private},
        all_attributes=wanted.everything,
        limit=limit,
        offset=offset,
        groups=wanted.groups,
        inside={tag: fields for tag, fields in wanted.inside.items() if tag not in whole},
        padding=dialect.padding,
        every_value=dialect.negotiated,
        private=asked.private,
        own_limit=own_limit,
        **_paged(search, controls, parameters, secret, patients=patients),
    )
    return _of_patients(query) if patients else query, some(dict.fromkeys(search.warnings))


def _paged(
    search: Searched,
    controls: Mapping[str, Sequence[str]],
    parameters: Sequence[tuple[str, str]],
    secret: bytes,
    *,
    patients: bool,
) -> dict[str, Any]:
    """The order, where in it the page begins, and whether the matches are to be counted."""
    if not search.dialect.paging:
        return {}
    about = partial(cursors.subject, listed(search.level, patients=patients), search.scope, parameters)
    return {
        "order": paging.order(controls["orderby"], _SORTABLE[search.level, patients], search.warn),
        "after": paging.after(secret, about, controls["cursor"], controls["offset"]),
        "total": boolean("count", "count", controls["count"], False, search.dialect.wording),
    }


def _warn_of_others(search: Searched, included: Iterable[int]) -> None:
    for tag in sorted({*included} - OF_PATIENTS):
        search.warn(attributes.name(tag), "it is not an attribute of patients.")


def _of_patients(query: Query) -> Query:
    """Of patients all is answered that there is of them."""
    none: frozenset[int] = frozenset()
    return replace(
        query,
        attributes=OF_PATIENTS,
        all_attributes=False,
        groups=none,
        inside={},
        private=frozenset(),
        patients=True,
    )


def _sort(dialect: Dialect, parameters: Iterable[tuple[str, str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Values by name: of the parameters that PS3.18 names, in any letter case, and of all others."""
    names = _CONTROLS | (_NEGOTIATED if dialect.negotiated else set()) | (_PAGING if dialect.paging else set())
    controls: dict[str, list[str]] = {name: [] for name in names}
    filters: dict[str, list[str]] = {}
    for name, value in parameters:
        if (control := name.lower()) in names:
            controls[control].append(value)
        elif name and control not in dialect.other_parameters:
            filters.setdefault(name, []).append(value)
    return controls, filters


def _by_default(search: Searched) -> frozenset[int]:
    """The attributes of the levels from below the scope down to the matches, and the UIDs of the scope."""
    sets = [tags for level, tags in search.dialect.returned.items() if search.depth < level <= search.level]
    return frozenset().union(*sets, (uid for level, uid in _UIDS_OF_SCOPE.items() if level <= search.depth))


def _left_out(search: Searched) -> frozenset[int]:
    """What is not answered even if it is asked for."""
    return frozenset(COMPUTED) - search.dialect.computed[search.level]


def _limit(search: Searched, values: list[str]) -> tuple[int, bool]:
    """How many are answered at most, and whether that is the service's choice."""
    dialect = search.dialect
    smallest, largest = (1, dialect.largest_limit) if dialect.strict else (0, LARGEST_INTEGER)
    limit = integer("Limit", values, dialect.default_limit, smallest, largest, dialect.wording)
    if limit > dialect.largest_limit:
        search.warnings.append(f"limit was lowered to {dialect.largest_limit}.")
    lowered = min(limit, dialect.largest_limit)
    return lowered, lowered < limit or not any(value.strip() for value in values[:1])

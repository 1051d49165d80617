"""The parameters of a search (PS3.18 §8.3.4 and §10.6.1): matching keys, includefield, limit, offset."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice

from filmroom.dicom import attributes, fields, instants, matching, moments, query_tags
from filmroom.dicom.fields import Fields
from filmroom.dicom.matching import Empty, Key, Negotiated, Query
from filmroom.dicom.query_tags import BUILT_IN, QueryTag, Status
from filmroom.dicom.resources import Level, Resource
from filmroom.dicom.search_attributes import COMPUTED, OF_PATIENTS, SORTABLE
from filmroom.errors import BadParameter
from filmroom.protocol import cursors, paging
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.parameters import LARGEST_INTEGER, boolean, integer

_CONTROLS = frozenset({"limit", "offset", "fuzzymatching", "includefield"})
_NEGOTIATED = frozenset({"emptyvaluematching", "multiplevaluematching"})  # PS3.18 §8.3.4.5, §8.3.4.6
_PAGING = frozenset({"orderby", "cursor", "count"})  # not of the Standard
_MOST_WARNINGS = 10
_GROUP = re.compile("([0-9A-Fa-f]{4})[xX]{4}")  # as PS3.6 writes what repeats; PS3.18 has no way to ask for a group

# The identifying attribute of a resource in the path comes back with every match (PS3.18 §10.6.3.3).
_UIDS_OF_SCOPE = {Level.STUDY: 0x0020000D, Level.SERIES: 0x0020000E}

Tags = Callable[[], Sequence[QueryTag]]  # asked only for a key that rows have no column for

# The messages of the Azure service
_CASING = (
    "If the parameter is an attribute keyword, check the casing as they are case-sensitive. "
    "The conformance statement has a list of supported query parameters, attributes and the levels."
)
_SEQUENTIAL = "Sequential dicom tags are currently not supported."


@dataclass(frozen=True, slots=True)
class _Search:
    """What is searched, and the warnings so far."""

    dialect: Dialect
    level: Level
    scope: Resource
    tags: Tags
    warnings: list[str] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """The level of the resource searched in; 0 is everything."""
        return 0 if self.scope.study is None else self.scope.level

    def takes(self, level: Level) -> bool:
        """Whether keys of a level say something here."""
        return level <= self.level and (level > self.depth or self.dialect.keys_of_scope)

    def query_tag(self, name: str) -> QueryTag | None:
        """The query tag that a name is the path of."""
        path = query_tags.parse_path(name) if self.dialect.sequence_keys or "." not in name else None
        return None if path is None else next((tag for tag in self.tags() if tag.path == path), None)

    def pass_over(self, refusal: str, name: str, why: str) -> None:
        """A parameter can't be used: strict dialects refuse it, others say so in a warning."""
        if self.dialect.strict:
            raise BadParameter(refusal)
        self.warnings.append(f"{_printable(name)} was ignored: {why}")


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
    search = _Search(dialect, level, scope, cache(tags))  # one look, and one version of the tags
    controls, filters = _sort(dialect, parameters)
    fuzzy = boolean("FuzzyMatching", "fuzzymatching", controls["fuzzymatching"], False, dialect.wording)
    wanted, of_tags = _filters(search, filters)
    negotiated = _negotiated(dialect, controls, wanted)
    conditions = _conditions(search, wanted, negotiated, fuzzy=fuzzy)
    keys = [Key(tag, condition) for tag, condition in conditions.items() if condition is not None]
    keys += _keys_of_tags(search, of_tags, negotiated, fuzzy=fuzzy)
    included = _included(search, controls["includefield"])
    private = frozenset(_private(search, included.tags, of_tags))
    limit, own_limit = _limit(search, controls["limit"])
    whole = _by_default(search) | conditions.keys() | {tag.tag for tag in of_tags}
    query = Query(
        level=level,
        scope=scope,
        keys=tuple(keys),
        attributes=(whole | included.tags) - _left_out(search) - {tag.tag for tag in private},
        all_attributes=included.everything,
        limit=limit,
        offset=integer("Offset", controls["offset"], 0, 0, LARGEST_INTEGER, dialect.wording),
        groups=included.groups,
        inside={tag: fields for tag, fields in included.inside.items() if tag not in whole},
        every_value=dialect.negotiated,
        private=private,
        own_limit=own_limit,
    )
    if patients:
        query = _of_patients(search, query, included.tags)
    if dialect.paging:
        about = cursors.subject(query.listed, scope, parameters)
        query = replace(
            query,
            order=paging.order(controls["orderby"], _sortable(search, query), search.pass_over),
            after=paging.after(secret, about, controls["cursor"], controls["offset"]),
            total=boolean("count", "count", controls["count"], False, dialect.wording),
        )
    return query, _some(dict.fromkeys(search.warnings))


def _of_patients(search: _Search, query: Query, included: Iterable[int]) -> Query:
    """Of patients all is answered that there is of them."""
    for tag in sorted({*included} - OF_PATIENTS):
        search.pass_over("", attributes.name(tag), "it is not an attribute of patients.")
    none: frozenset[int] = frozenset()
    kept = replace(query, attributes=OF_PATIENTS, all_attributes=False, groups=none, inside={}, private=frozenset())
    return replace(kept, patients=True)


def _sortable(search: _Search, query: Query) -> set[int]:
    """What can be ordered by: attributes of this level and above that rows hold one value of."""
    return {
        tag for tag, level in SORTABLE.items() if level <= search.level and (not query.patients or tag in OF_PATIENTS)
    }


def metadata_fields(dialect: Dialect, parameters: Iterable[tuple[str, str]]) -> tuple[Fields | None, tuple[str, ...]]:
    """What `includefield` wants of Metadata, None for everything, and warnings about what is no attribute."""
    if not dialect.metadata_fields:
        return None, ()
    wanted, unknown = fields.parse(value for name, value in parameters if name.lower() == "includefield")
    return wanted, _some(
        f"{_printable(name)} was ignored: it is the keyword or tag of no attribute." for name in unknown
    )


def _printable(name: str) -> str:
    """A name as it can stand in a header: nobody knows what was sent as one."""
    return re.sub("[^0-9A-Za-z_.]", "?", name[:64])


def _some(warnings: Iterable[str]) -> tuple[str, ...]:
    """Not all that a hostile query earns: they go into one header."""
    first = list(islice(warnings, _MOST_WARNINGS + 1))
    return (*first[:_MOST_WARNINGS], "there are more warnings.") if len(first) > _MOST_WARNINGS else tuple(first)


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


def _filters(search: _Search, filters: dict[str, list[str]]) -> tuple[dict[int, list[str]], dict[QueryTag, list[str]]]:
    """Values by attribute: of those that rows have columns for, and of query tags."""
    wanted: dict[int, list[str]] = {}
    of_tags: dict[QueryTag, list[str]] = {}
    for name, values in filters.items():
        key = _found_key(search, name, values)
        if key is None:
            continue
        if search.dialect.strict:
            _check_once(search, name, values, again=key in wanted or key in of_tags)
        if isinstance(key, QueryTag):
            of_tags.setdefault(key, []).extend(values)
        else:
            wanted.setdefault(key, []).extend(values)
    return wanted, of_tags


def _check_once(search: _Search, name: str, values: list[str], *, again: bool) -> None:
    if again:
        raise BadParameter(
            f"Invalid query: attribute '{name}' has been specified more than once using different ID "
            "formats. Each attribute is only allowed to be specified once."
        )
    if len(values) > 1:
        raise BadParameter(search.dialect.wording.repeated.format(name=name))
    if not values[0].replace("\0", " ").strip():
        raise BadParameter(f"Invalid query: AttributeId '{name}' has empty string value that is not supported.")


def _found_key(search: _Search, name: str, values: list[str]) -> int | QueryTag | None:
    """The attribute that a parameter searches by, or None if it is passed over."""
    tag = attributes.parse(name)
    if tag == moments.TIMEZONE and search.dialect.negotiated:
        return tag
    level = search.dialect.matching_keys.get(tag) if tag is not None else None
    if level is None and (found := search.query_tag(name)) is not None and found.status is Status.READY:
        if search.takes(found.level):
            return _enabled(search, name, found)
    elif tag is None:
        _pass_over_unknown(search, name)
        return None
    elif level is not None and search.takes(level):
        return tag
    if tag is not None and not search.dialect.strict and not any(values):
        return tag  # universal matching needs no index
    refusal = f"Invalid query: AttributeId {name} is not queryable.  {_CASING}"
    search.pass_over(refusal, name, "the attribute can't be searched by at this level.")
    return None


def _enabled(search: _Search, name: str, tag: QueryTag) -> QueryTag | None:
    if tag.enabled:
        return tag
    refusal = f"Query is disabled on specified attribute '{name}'."
    search.pass_over(refusal, name, "searches by it are disabled, for some values are not valid.")
    return None


def _pass_over_unknown(search: _Search, name: str) -> None:
    if "." in name and attributes.parse(name.partition(".")[0]) is not None:
        search.pass_over(_SEQUENTIAL, name, "this attribute of a sequence can't be searched by.")
    else:
        refusal = f"Invalid query: unknown query parameter '{name}'. {_CASING}"
        search.pass_over(refusal, name, "it is neither a parameter nor the keyword or tag of an attribute.")


def _keys_of_tags(
    search: _Search, wanted: Mapping[QueryTag, list[str]], negotiated: Negotiated | None, *, fuzzy: bool
) -> Iterator[Key]:
    """Query tags know no timezones: these are for what rows have columns for."""
    dialect = search.dialect
    for tag, given in wanted.items():
        last = int(tag.path[-8:], 16)
        several = negotiated is not None and negotiated.several and matching.takes_several(tag.vr)
        value = _value(search, tag.vr, tag.name, given, fuzzy=fuzzy, several=several)
        if negotiated and negotiated.empty and value.strip(matching.BLANK) == matching.NO_VALUE:
            yield Key(tag.tag, Empty(), tag)
            continue
        condition = matching.condition(
            last,
            tag.vr,
            value,
            wildcards=dialect.wildcards,
            lists=dialect.lists,
            fuzzy=fuzzy,
            said=dialect.wording,
            negotiated=negotiated if several else None,
        )
        if condition is not None:
            yield Key(tag.tag, condition, tag)


def _private(search: _Search, included: Iterable[int], keys: Iterable[QueryTag]) -> Iterator[QueryTag]:
    """The private attributes to answer with, of which it is known who made them up."""
    named = (search.query_tag(attributes.key(tag)) for tag in included if attributes.is_private(tag))
    yield from (tag for tag in (*keys, *named) if tag is not None and tag.creator is not None)


def _negotiated(dialect: Dialect, controls: dict[str, list[str]], wanted: dict[int, list[str]]) -> Negotiated | None:
    """What is asked for beyond plain matching. The timezone of the keys is none of them (PS3.18 §8.3.4.1)."""
    if not dialect.negotiated:
        return None
    said = dialect.wording
    zones = dict.fromkeys(value for value in wanted.pop(moments.TIMEZONE, ()) if value.strip(matching.BLANK))
    offsets = [instants.offset(zone.rstrip(matching.BLANK)) for zone in zones]
    if None in offsets or len(offsets) > 1:
        raise BadParameter(said.timezone.format(text=", ".join(zones)))
    return Negotiated(
        empty=boolean("emptyvaluematching", "emptyvaluematching", controls["emptyvaluematching"], False, said),
        several=boolean(
            "multiplevaluematching", "multiplevaluematching", controls["multiplevaluematching"], False, said
        ),
        zone=offsets[0] if offsets else None,
    )


def _conditions(
    search: _Search, wanted: dict[int, list[str]], negotiated: Negotiated | None, *, fuzzy: bool
) -> dict[int, matching.Condition | None]:
    several = negotiated is not None and negotiated.several
    values = {
        tag: _value(search, attributes.vr(tag) or "UN", attributes.name(tag), given, fuzzy=fuzzy, several=several)
        for tag, given in wanted.items()
    }
    found = moments.conditions(values, negotiated, search.dialect.wording) if negotiated else {}
    dialect = search.dialect
    for tag in values.keys() - found.keys():
        found[tag] = matching.condition(
            tag,
            attributes.vr(tag) or "UN",
            values[tag],
            wildcards=dialect.wildcards,
            lists=dialect.lists,
            fuzzy=fuzzy,
            said=dialect.wording,
            negotiated=negotiated,
        )
    return {tag: found[tag] for tag in wanted}


def _value(search: _Search, vr: str, name: str, values: list[str], *, fuzzy: bool, several: bool) -> str:
    """The value of a key. To repeat one is to list values, where that is possible."""
    dialect = search.dialect
    given = list(dict.fromkeys(value for value in values if value.strip(matching.BLANK)))
    all_of_them = several and matching.takes_several(vr)
    if len(given) > 1 and not all_of_them and not (dialect.lists and matching.takes_list(vr)):
        raise BadParameter(dialect.wording.repeated.format(name=name))
    value = ("\\" if all_of_them else ",").join(given)
    if dialect.strict and fuzzy and vr == "PN" and '"' in value:
        raise BadParameter(f"Invalid query: specified tag '{name}' value contains unsupported character '\"'.")
    return value


def _by_default(search: _Search) -> frozenset[int]:
    """The attributes of the levels from below the scope down to the matches, and the UIDs of the scope."""
    sets = [tags for level, tags in search.dialect.returned.items() if search.depth < level <= search.level]
    return frozenset().union(*sets, (uid for level, uid in _UIDS_OF_SCOPE.items() if level <= search.depth))


def _left_out(search: _Search) -> frozenset[int]:
    """What is not answered even if it is asked for."""
    return frozenset(COMPUTED) - search.dialect.computed[search.level]


@dataclass(frozen=True, slots=True)
class _Included:
    """What includefield adds."""

    tags: frozenset[int] = frozenset()
    everything: bool = False
    groups: frozenset[int] = frozenset()
    inside: Mapping[int, Fields] = field(default_factory=dict)  # of the sequences among the tags


def _included(search: _Search, values: Iterable[str]) -> _Included:
    names = {name.strip() for value in values for name in value.split(",")} - {""}
    everything = {name for name in names if name.lower() == fields.ALL}
    sets = search.dialect.returned_all
    if everything and sets is not None:
        # The Azure service refuses other names beside "all"; its documents accept them.
        levels = (tags for level, tags in sets.items() if search.depth < level <= search.level)
        return _Included(frozenset().union(*levels))
    if search.dialect.strict:
        return _Included(frozenset(_included_tags(search, sorted(names))))
    wanted: Fields = {}
    groups = set()
    for name in sorted(names - everything):
        path = [attributes.parse(part) for part in name.split(".")]
        known = [attributes.key(tag) for tag in path if tag is not None]
        if len(known) == len(path):
            fields.add(wanted, known)
        elif group := _GROUP.fullmatch(name):
            groups.add(int(group[1], 16))
        else:
            search.pass_over("", name, "includefield takes keywords and tags of attributes.")
    inside = {int(key, 16): items for key, items in wanted.items() if items is not None and not everything}
    return _Included(frozenset(int(key, 16) for key in wanted), bool(everything), frozenset(groups), inside)


def _included_tags(search: _Search, names: Iterable[str]) -> Iterator[int]:
    for name in names:
        first, dot, _ = name.partition(".")
        tag = attributes.parse(first)
        if tag is None:
            raise BadParameter(f"Invalid query: IncludeField has unknown attribute '{name}'.")
        if dot:
            raise BadParameter(_SEQUENTIAL)
        yield tag


def _limit(search: _Search, values: list[str]) -> tuple[int, bool]:
    """How many are answered at most, and whether that is the service's choice."""
    dialect = search.dialect
    smallest, largest = (1, dialect.largest_limit) if dialect.strict else (0, LARGEST_INTEGER)
    limit = integer("Limit", values, dialect.default_limit, smallest, largest, dialect.wording)
    if limit > dialect.largest_limit:
        search.warnings.append(f"limit was lowered to {dialect.largest_limit}.")
    lowered = min(limit, dialect.largest_limit)
    return lowered, lowered < limit or not any(value.strip() for value in values[:1])

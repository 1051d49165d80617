"""The matching keys of a search (PS3.18 §8.3.4): which attribute each names, and what it asks of it.

A private attribute lies in whatever block its creator has reserved in a file, so who asks for one says the creator as a
key of its own (§8.3.4.3): 00110010=MAKER beside 00111003. What was declared as a query tag has its creator with it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from filmroom.dicom import attributes, instants, matching, moments
from filmroom.dicom.conditions import NO_VALUE, AllOf, AnyOf, Condition, Empty, Key, Negotiated
from filmroom.dicom.matching import Manner
from filmroom.dicom.query_tags import QueryTag, Status
from filmroom.dicom.resources import Level
from filmroom.errors import BadParameter
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.parameters import boolean
from filmroom.protocol.searched import SEQUENTIAL, Searched

Values = Mapping[str, list[str]]  # by the names of parameters
Creators = Mapping[str, str]  # of the blocks of private attributes: "001110" -> "MAKER"

# The messages of the Azure service
_CASING = (
    "If the parameter is an attribute keyword, check the casing as they are case-sensitive. "
    "The conformance statement has a list of supported query parameters, attributes and the levels."
)
_MOST_CONDITIONS = 100  # of several values and patterns, in all keys together
_NOT_DECLARED = "it can't be searched by, unless it is made searchable as an extended query tag."
_PLURALS = {Level.STUDY: "studies", Level.SERIES: "series", Level.INSTANCE: "instances"}
_OF_STUDIES = {0x00080060: "ModalitiesInStudy", 0x00080016: "SOPClassesInStudy"}  # Modality, SOPClassUID


@dataclass(frozen=True, slots=True)
class Keys:
    """What is asked for."""

    keys: tuple[Key, ...]
    named: frozenset[int]  # the attributes, which are answered with
    private: frozenset[QueryTag]  # those among them, and among what is included, whose creator is known


def parse(search: Searched, controls: Values, filters: Values, included: Iterable[int]) -> Keys:
    """The keys that parameters ask for. `included` are the attributes to answer with besides."""
    fuzzy = boolean("FuzzyMatching", "fuzzymatching", controls["fuzzymatching"], False, search.dialect.wording)
    creators = {} if search.dialect.strict else _creators(search, filters, included)
    filters = {name: values for name, values in filters.items() if _block(name) not in creators}
    wanted, of_tags = _sorted(search, filters, creators)
    zones = wanted.pop(moments.TIMEZONE, []) if search.dialect.negotiated else []
    negotiated = _negotiated(search.dialect, controls, zones)
    dialect = search.dialect
    manner = Manner(dialect.wildcards, dialect.lists, fuzzy, dialect.wording, negotiated, dialect.strict)
    conditions = _conditions(wanted, manner)
    keys = [Key(tag, condition) for tag, condition in conditions.items() if condition is not None]
    keys += _of_tags(of_tags, manner)
    _check_count(keys)
    return Keys(
        tuple(keys),
        frozenset({*conditions, *(tag.tag for tag in of_tags)}),
        frozenset(_private(search, creators, {*included, *conditions}, of_tags)),
    )


def _creators(search: Searched, filters: Values, included: Iterable[int]) -> dict[str, str]:
    """The creators that are said of the blocks of private attributes that are asked for."""
    tags = [*included, *(tag for name in filters if (tag := attributes.parse(name)) is not None)]
    used = {attributes.key(tag)[:6] for tag in tags if attributes.is_private(tag) and tag & 0xFFFF >= 0x1000}
    creators: dict[str, str] = {}
    for name, values in filters.items():
        for creator in filter(None, (value.strip(instants.BLANK) for value in values)):
            if (block := _block(name)) in used and creators.setdefault(block, creator) != creator:
                raise BadParameter(search.dialect.wording.repeated.format(name=name))
    return creators


def _block(name: str) -> str | None:
    """The block that a Private Creator reserves (PS3.5 §7.8.1), if the name is that of one: 00110010 -> 001110."""
    tag = attributes.parse(name)
    if tag is None or not attributes.is_private(tag) or not 0x10 <= tag & 0xFFFF <= 0xFF:
        return None
    return f"{tag >> 16:04X}{tag & 0xFF:02X}"


def _query_tag(search: Searched, name: str, creators: Creators) -> QueryTag | None:
    """The query tag that a name is the path of; of a private one whose creator is said, the creator's."""
    tag = attributes.parse(name)
    key = "" if tag is None else attributes.key(tag)
    if (creator := creators.get(key[:6])) is None:
        return search.query_tag(name)
    return next((one for one in search.tags() if one.creator == creator and _alike(one.path, key)), None)


def _alike(path: str, key: str) -> bool:
    """Whether two private attributes are the same but for the block."""
    return (path[:4], path[6:]) == (key[:4], key[6:])


def _private(
    search: Searched, creators: Creators, included: Iterable[int], keys: Iterable[QueryTag]
) -> Iterator[QueryTag]:
    """The private attributes to answer with, of which it is known who made them up."""
    yield from (tag for tag in keys if tag.creator is not None)
    for tag in included:
        key = attributes.key(tag)
        if (creator := creators.get(key[:6])) is not None:
            yield QueryTag(0, key, "UN", search.level, creator)
        elif attributes.is_private(tag) and (known := search.query_tag(key)) is not None and known.creator is not None:
            yield known


def _sorted(
    search: Searched, filters: Values, creators: Creators
) -> tuple[dict[int, list[str]], dict[QueryTag, list[str]]]:
    """Values by attribute: of those that rows have columns for, and of query tags."""
    wanted: dict[int, list[str]] = {}
    of_tags: dict[QueryTag, list[str]] = {}
    for name, values in filters.items():
        key = _found(search, name, values, creators)
        if key is None:
            continue
        if search.dialect.strict:
            _check_once(search, name, values, again=key in wanted or key in of_tags)
        if isinstance(key, QueryTag):
            of_tags.setdefault(key, []).extend(values)
        else:
            wanted.setdefault(key, []).extend(values)
    return wanted, of_tags


def _check_once(search: Searched, name: str, values: list[str], *, again: bool) -> None:
    if again:
        raise BadParameter(
            f"Invalid query: attribute '{name}' has been specified more than once using different ID "
            "formats. Each attribute is only allowed to be specified once."
        )
    if len(values) > 1:
        raise BadParameter(search.dialect.wording.repeated.format(name=name))
    if not values[0].replace("\0", " ").strip():
        raise BadParameter(f"Invalid query: AttributeId '{name}' has empty string value that is not supported.")


def _found(search: Searched, name: str, values: list[str], creators: Creators) -> int | QueryTag | None:
    """The attribute that a parameter searches by, or None if it is passed over."""
    tag = attributes.parse(name)
    if tag == moments.TIMEZONE and search.dialect.negotiated:
        return tag
    level = search.dialect.matching_keys.get(tag) if tag is not None else None
    declared = _query_tag(search, name, creators) if level is None else None
    if declared is not None and declared.status is Status.READY and search.takes(declared.level):
        return _enabled(search, name, declared)
    if tag is None and declared is None:
        _pass_over_unknown(search, name)
        return None
    if tag is not None and level is not None and search.takes(level):
        return tag
    if tag is not None and not search.dialect.strict and not any(values):
        return tag  # universal matching needs no index
    refusal = f"Invalid query: AttributeId {name} is not queryable.  {_CASING}"
    search.pass_over(refusal, name, _why_not(search, tag, level, declared))
    return None


def _why_not(search: Searched, tag: int | None, level: Level | None, declared: QueryTag | None) -> str:
    """What keeps an attribute from being searched by, and what would do."""
    if declared is not None and declared.status is Status.ADDING:
        return "it is being made searchable; ask again when that is done."
    level = declared.level if declared is not None else level
    if level is None:
        return _NOT_DECLARED
    others = " and ".join(plural for at, plural in _PLURALS.items() if at >= level)
    instead = _OF_STUDIES.get(tag) if tag is not None and search.level is Level.STUDY else None
    return f"{others} can be searched by it, {_PLURALS[search.level]} {f'by {instead}' if instead else 'can not'}."


def _enabled(search: Searched, name: str, tag: QueryTag) -> QueryTag | None:
    if tag.enabled:
        return tag
    refusal = f"Query is disabled on specified attribute '{name}'."
    search.pass_over(refusal, name, "searches by it are disabled, by somebody or since some values are not valid.")
    return None


def _pass_over_unknown(search: Searched, name: str) -> None:
    if "." in name and attributes.parse(name.partition(".")[0]) is not None:
        search.pass_over(SEQUENTIAL, name, _NOT_DECLARED)
    else:
        refusal = f"Invalid query: unknown query parameter '{name}'. {_CASING}"
        search.pass_over(refusal, name, "it is neither a parameter nor the keyword or tag of an attribute.")


def _negotiated(dialect: Dialect, controls: Values, given: Iterable[str]) -> Negotiated | None:
    """What is asked for beyond plain matching, and the timezone of the keys, which is none itself (PS3.18 §8.3.4.1)."""
    if not dialect.negotiated:
        return None
    said = dialect.wording
    zones = dict.fromkeys(value for value in given if value.strip(instants.BLANK))
    offsets = [instants.offset(zone.rstrip(instants.BLANK)) for zone in zones]
    if None in offsets or len(offsets) > 1:
        raise BadParameter(said.timezone.format(text=", ".join(zones)))
    return Negotiated(
        empty=boolean("emptyvaluematching", "emptyvaluematching", controls["emptyvaluematching"], False, said),
        several=boolean(
            "multiplevaluematching", "multiplevaluematching", controls["multiplevaluematching"], False, said
        ),
        zone=offsets[0] if offsets else None,
    )


def _conditions(wanted: Mapping[int, list[str]], manner: Manner) -> dict[int, Condition | None]:
    values = {
        tag: _value(attributes.vr(tag) or "UN", attributes.name(tag), given, manner) for tag, given in wanted.items()
    }
    found = moments.conditions(values, manner.negotiated, manner.said) if manner.negotiated else {}
    for tag in values.keys() - found.keys():
        found[tag] = matching.condition(tag, attributes.vr(tag) or "UN", values[tag], manner)
    return {tag: found[tag] for tag in wanted}


def _of_tags(wanted: Mapping[QueryTag, list[str]], manner: Manner) -> Iterator[Key]:
    """Query tags know no timezones: these are for what rows have columns for."""
    if not wanted:
        return
    zoneless = replace(manner, negotiated=None)
    for tag, given in wanted.items():
        value = _value(tag.vr, tag.name, given, manner)
        if manner.negotiated and manner.negotiated.empty and value.strip(instants.BLANK) == NO_VALUE:
            yield Key(tag.tag, Empty(), tag)
            continue
        last = int(tag.path[-8:], 16)
        condition = matching.condition(last, tag.vr, value, zoneless if tag.vr == "DT" else manner)
        if condition is not None:
            yield Key(tag.tag, condition, tag)


def _check_count(keys: Collection[Key]) -> None:
    """Databases take some hundred conditions, and each of several values, patterns and groups of names is one."""
    several = sum(_count(key.condition) for key in keys if isinstance(key.condition, AllOf | AnyOf))
    if several > _MOST_CONDITIONS:
        raise BadParameter(
            f"{several} values, patterns and groups of names are asked for, and {_MOST_CONDITIONS} can be at once."
        )


def _count(condition: Condition) -> int:
    return sum(map(_count, condition.conditions)) if isinstance(condition, AllOf | AnyOf) else 1


def _value(vr: str, name: str, values: list[str], manner: Manner) -> str:
    """The value of a key. To repeat one is to list values, where that is possible."""
    given = list(dict.fromkeys(value for value in values if value.strip(instants.BLANK)))
    all_of_them = manner.negotiated is not None and manner.negotiated.several and matching.takes_several(vr)
    if len(given) > 1 and not all_of_them and not (manner.lists and matching.takes_list(vr)):
        raise BadParameter(manner.said.repeated.format(name=name))
    value = ("\\" if all_of_them else ",").join(given)
    if manner.strict and manner.fuzzy and vr == "PN" and '"' in value:
        raise BadParameter(f"Invalid query: specified tag '{name}' value contains unsupported character '\"'.")
    return value

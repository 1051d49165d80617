"""includefield (PS3.18 §8.3.4.3): what is answered besides what always is."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from filmroom.dicom import attributes, fields
from filmroom.dicom.fields import Fields
from filmroom.errors import BadParameter
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.searched import SEQUENTIAL, Searched, ignored, some

_GROUP = re.compile("([0-9A-Fa-f]{4})[xX]{4}")  # as PS3.6 writes what repeats; PS3.18 has no way to ask for a group


@dataclass(frozen=True, slots=True)
class Included:
    """What includefield adds."""

    tags: frozenset[int] = frozenset()
    everything: bool = False
    groups: frozenset[int] = frozenset()
    inside: Mapping[int, Fields] = field(default_factory=dict)  # of the sequences among the tags


def parse(search: Searched, values: Iterable[str]) -> Included:
    """What a search is asked to answer with besides."""
    names = {name.strip() for value in values for name in value.split(",")} - {""}
    everything = {name for name in names if name.lower() == fields.ALL}
    sets = search.dialect.returned_all
    if everything and sets is not None:
        # The Azure service refuses other names beside "all"; its documents accept them.
        levels = (tags for level, tags in sets.items() if search.depth < level <= search.level)
        return Included(frozenset().union(*levels))
    if search.dialect.strict:
        return Included(frozenset(_strictly(sorted(names))))
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
            search.warn(name, "includefield takes keywords and tags of attributes.")
    inside = {int(key, 16): items for key, items in wanted.items() if items is not None and not everything}
    return Included(frozenset(int(key, 16) for key in wanted), bool(everything), frozenset(groups), inside)


def _strictly(names: Iterable[str]) -> Iterator[int]:
    for name in names:
        first, dot, _ = name.partition(".")
        tag = attributes.parse(first)
        if tag is None:
            raise BadParameter(f"Invalid query: IncludeField has unknown attribute '{name}'.")
        if dot:
            raise BadParameter(SEQUENTIAL)
        yield tag


def of_metadata(dialect: Dialect, parameters: Iterable[tuple[str, str]]) -> tuple[Fields | None, tuple[str, ...]]:
    """What is wanted of Metadata, None for everything, and warnings about what is no attribute."""
    if not dialect.metadata_fields:
        return None, ()
    wanted, unknown = fields.parse(value for name, value in parameters if name.lower() == "includefield")
    return wanted, some(ignored(name, "it is the keyword or tag of no attribute.") for name in unknown)

"""Search Transaction (PS3.18 §10.6): one SELECT; its rows hold, as JSON, what the answer is chosen from."""

from collections.abc import Sequence
from typing import Any

from filmroom.archive import Archive
from filmroom.dicom import json_model
from filmroom.dicom.matching import Query
from filmroom.dicom.query_tags import BUILT_IN, QueryTag
from filmroom.index import query_tags
from filmroom.index import search as rows
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.search_sets import INSTANCE_AVAILABILITY, RETRIEVE_URL


def search(archive: Archive, dialect: Dialect, query: Query, root: str) -> list[dict[str, Any]]:
    """The matches in DICOM JSON, newest first. `root` is the absolute URL under which they can be retrieved."""
    with archive.index.read() as tx:
        matches = rows.search(tx, query)
    if not dialect.padding:
        matches = [(resource, json_model.unpadded(elements)) for resource, elements in matches]
    wanted = frozenset(
        tag
        for tag in dialect.synthesised
        if query.all_attributes or tag in query.attributes or tag >> 16 in query.groups
    )
    if not wanted:
        return [elements for _, elements in matches]
    return [_complete(elements, wanted, root + resource.path) for resource, elements in matches]


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


def _complete(elements: dict[str, Any], wanted: frozenset[int], url: str) -> dict[str, Any]:
    """Add what no file holds. Attributes go in the order of their tags (PS3.18 §F.2.2)."""
    if INSTANCE_AVAILABILITY in wanted:
        elements["00080056"] = {"vr": "CS", "Value": ["ONLINE"]}
    if RETRIEVE_URL in wanted:
        elements["00081190"] = {"vr": "UR", "Value": [url]}
    return dict(sorted(elements.items()))

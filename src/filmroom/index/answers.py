"""What the rows of a search answer with: chosen from the JSON that they hold, and from the Metadata of an Instance.

A page has hundreds of rows. What depends on the search alone is worked out once for all of them, and what a Study or a
Series holds is read once for all of its Instances.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

from filmroom.dicom import attributes, fields, json_model, query_tags
from filmroom.dicom.query import Query
from filmroom.dicom.search_attributes import RETRIEVE_URL
from filmroom.index.columns import Elements, is_held
from filmroom.index.packing import unpack

_RETRIEVE_URL_KEY = attributes.key(RETRIEVE_URL)  # which the index doesn't know, whatever a file may say
_LONGEST_SEARCHED = 4 << 20  # bytes of Metadata that are parsed for one match; more would be a page of gigabytes

Gathered = Mapping[str, Callable[[Any], Elements]]
Found = tuple[Any, ...]


@lru_cache(64)
def _keys(tags: frozenset[int]) -> frozenset[str]:
    return frozenset(map(attributes.key, tags))


def by_tag(elements: Elements) -> Elements:
    """Elements in the order of their tags (PS3.18 §F.2.2)."""
    return {key: elements[key] for key in sorted(elements)}


class Answers:
    """Makes the answers of one search from its rows.

    A row has the UIDs of its levels, from the Study on; then the JSON that is held at each of them; then what is
    gathered; and the Metadata, if they are needed.
    """

    def __init__(
        self, query: Query, elsewhere: Collection[int] | None, gathered: Gathered, *, reads_metadata: bool
    ) -> None:
        """`elsewhere` is what no row holds and the Metadata may; None is everything there is."""
        self._private_tags = query.private
        self._everything = query.all_attributes
        self._keys = _keys(query.attributes)
        self._groups = frozenset(f"{group:04X}" for group in query.groups)
        self._elsewhere = None if elsewhere is None else frozenset(map(attributes.key, elsewhere))
        self._reads_metadata = reads_metadata
        self._inside = {attributes.key(tag): wanted for tag, wanted in query.inside.items()}
        own = int(query.level)
        self._above, self._own = slice(own, 2 * own - 1), 2 * own - 1
        self._gathered = [(key, 2 * own + place, element) for place, (key, element) in enumerate(gathered.items())]
        self._metadata = 2 * own + len(gathered)
        self._padding = query.padding
        self._read: dict[tuple[bytes, ...], Elements] = {}  # what rows of Studies and Series hold
        self._made: dict[tuple[str, Any], Elements] = {}  # of what is gathered

    def of(self, row: Found) -> Elements:
        """The elements to answer with, in no order. The lower level knows better."""
        found = self._from_metadata(row[self._metadata]) if self._reads_metadata else {}
        found |= self._above_held(row[self._above])
        found |= self._chosen(row[self._own])
        for key, place, element in self._gathered:
            value = row[place]
            found[key] = self._made.get((key, value)) or self._element(key, value, element)
        for key, wanted in self._inside.items():  # sequences of which only some attributes were asked for
            if key in found:
                found[key] = fields.element(found[key], wanted)
        return found

    def _element(self, key: str, value: Any, element: Callable[[Any], Elements]) -> Elements:
        made = {key: element(value)}
        self._made[key, value] = (made if self._padding else json_model.unpadded(made))[key]
        return self._made[key, value]

    def _above_held(self, held: tuple[bytes, ...]) -> Elements:
        chosen = self._read.get(held)
        if chosen is None:
            chosen = self._read[held] = {}
            for one in held:
                chosen |= self._chosen(one)
        return chosen

    def _chosen(self, held: bytes) -> Elements:
        elements: Elements = orjson.loads(held if self._padding else json_model.unpadded_text(held))
        if self._everything:
            return elements
        keys, groups = self._keys, self._groups
        return {key: element for key, element in elements.items() if key in keys or key[:4] in groups}

    def _from_metadata(self, packed: bytes | None) -> Elements:
        text = b"" if packed is None else unpack(packed)
        if not 0 < len(text) <= _LONGEST_SEARCHED:
            return {}
        elements = orjson.loads(json_model.azure(text))
        wanted = elements.keys() if self._elsewhere is None else {*self._beyond(elements), *self._private(elements)}
        found = {key: elements[key] for key in wanted if key != _RETRIEVE_URL_KEY and is_held(elements[key])}
        return found if self._padding else json_model.unpadded(found)

    def _beyond(self, elements: Elements) -> Iterator[str]:
        assert self._elsewhere is not None
        return (key for key in elements if key in self._elsewhere or key[:4] in self._groups)

    def _private(self, elements: Elements) -> Iterator[str]:
        """A private attribute goes with the element that reserves its block (PS3.5 §7.8.1)."""
        for tag in self._private_tags:
            if (key := query_tags.locate(tag, elements)) is not None:
                yield from (key, f"{key[:4]}00{key[4:6]}")

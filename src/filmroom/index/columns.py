"""What a row holds of the elements of a data set: the JSON to answer with, and the columns to search by."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from filmroom.dicom import attributes, json_model, matching
from filmroom.dicom.resources import Level
from filmroom.dicom.search_attributes import HELD, MATCHING_KEYS
from filmroom.index.tables import COLUMNS, WORDS

Elements = dict[str, Any]

_INTEGER = re.compile(r"-?[0-9]{1,19}")
LONGEST_HELD = 16 * 1024  # bytes of JSON
_SURELY_SHORT = 1024  # characters, whatever JSON makes of them
_LARGEST = 2**63 - 1
_BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})

# These columns say what the row is, and are written by whoever makes it.
_OF_THE_ROW = frozenset({0x0020000D, 0x0020000E, 0x00080018, 0x00080016, 0x00083002})
_UIDS = frozenset({"0020000D", "0020000E"})

_HELD = {level: sorted(attributes.key(tag) for tag in tags) for level, tags in HELD.items()}
_DERIVED = {
    level: [tag for tag in COLUMNS if MATCHING_KEYS[tag] == level and tag not in _OF_THE_ROW] for level in Level
}


def comparable(vr: str, folded: str) -> str | int | None:
    """A folded value as its column holds it; None if it can't hold it, so that nothing equals it."""
    if vr == "IS":
        return int(folded) if _INTEGER.fullmatch(folded) and abs(int(folded)) <= _LARGEST else None
    return folded.replace("\0", "") or None  # PostgreSQL can't store NUL in text


def held(level: Level, elements: Mapping[str, Any]) -> Elements:
    """The elements that a row of the level holds, in tag order."""
    found = ((key, _without_binary(elements[key])) for key in _HELD[level] if key in elements)
    return {key: element for key, element in found if is_held(element)}


def is_held(element: Elements) -> bool:
    """Whether an element is short enough to be in the answer to a search: a page holds thousands."""
    values = element.get("Value", ())
    if not values or (len(values) == 1 and isinstance(values[0], str) and len(values[0]) <= _SURELY_SHORT):
        return True
    return len(orjson.dumps(element)) <= LONGEST_HELD


def merge(row: Elements, new: Mapping[str, Any]) -> bool:
    """Take over the values of a later Instance; gives whether the row changed.

    A missing or empty value never overwrites one, and the UIDs stay as they were stored first.
    """
    changed = {
        key: element
        for key, element in new.items()
        if row.get(key) != element and (key not in row or (key not in _UIDS and _has_value(element)))
    }
    row |= changed
    return bool(changed)


def derived(level: Level, elements: Mapping[str, Any]) -> dict[str, str | int | None]:
    """The columns to search by, from what the row holds. Of several values the first counts."""
    columns: dict[str, str | int | None] = {}
    for tag in _DERIVED[level]:
        value = json_model.first(elements, tag)
        vr = attributes.vr(tag) or "UN"
        text = "" if value is None else str(value)
        columns[COLUMNS[tag].name] = comparable(vr, matching.fold(vr, text))
        if tag in WORDS:
            columns[WORDS[tag].name] = comparable(vr, matching.words(text)) if text else None
    return columns


def _has_value(element: Mapping[str, Any]) -> bool:
    return any(value not in (None, {}, "") for value in element.get("Value", ()))


def _without_binary(element: Elements) -> Elements:
    """A sequence without its binary elements: their BulkDataURI would lead nowhere from the answer to a search."""
    if element["vr"] != "SQ" or "Value" not in element:
        return element
    items = [
        {key: _without_binary(nested) for key, nested in item.items() if nested["vr"] not in _BINARY_VRS}
        for item in element["Value"]
    ]
    return element | {"Value": items}

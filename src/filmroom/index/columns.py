"""What a row holds of the elements of a data set: the JSON to answer with, and the columns to search by."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from filmroom.dicom import attributes, instants, json_model, matching, moments
from filmroom.dicom.query_tags import MOST_VALUES
from filmroom.dicom.resources import Level
from filmroom.dicom.search_attributes import COMPUTED, HELD, MATCHING_KEYS
from filmroom.index.tables import COLUMNS, UTC, WORDS

Elements = dict[str, Any]

_INTEGER = re.compile(r"-?[0-9]{1,19}")
LONGEST_HELD = 16 * 1024  # bytes of JSON
LONGEST_IN_COLUMN = 512  # characters; what is longer breaks the rules of every VR that is searched by
_SURELY_SHORT = 1024  # characters, whatever JSON makes of them
_LARGEST = 2**63 - 1
_BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})

# These columns say what the row is, and are written by whoever makes it.
_OF_THE_ROW = frozenset({0x0020000D, 0x0020000E, 0x00080018, 0x00080016, 0x00083002})
_UIDS = frozenset({"0020000D", "0020000E"})

_HELD = {level: sorted(attributes.key(tag) for tag in tags) for level, tags in HELD.items()}
_TIMEZONE = attributes.key(moments.TIMEZONE)
_PAIRS = {
    level: [(date, time) for date, time in moments.TIMES.items() if MATCHING_KEYS[date] == level] for level in Level
}
_DERIVED = {
    level: [
        (tag, attributes.vr(tag) or "UN", column.name)
        for tag, column in COLUMNS.items()
        if MATCHING_KEYS[tag] == level and tag not in _OF_THE_ROW | COMPUTED.keys()
    ]
    for level in Level
}
_NOTHING: Elements = {}


def comparable(vr: str, folded: str) -> str | int | None:
    """A folded value as its column holds it; None if it can't hold it, so that nothing equals it."""
    if vr == "IS":
        return int(folded) if _INTEGER.fullmatch(folded) and abs(int(folded)) <= _LARGEST else None
    return text(folded)[:LONGEST_IN_COLUMN] or None  # PostgreSQL has no index on a text of 2,700 bytes


def text(value: str) -> str:
    """A text as a column can hold it: PostgreSQL can't store NUL."""
    return value.replace("\0", "")


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
    """The columns to search by, from what the row holds. Of several values the first counts; `further` has the rest."""
    columns: dict[str, str | int | None] = {}
    zone = _zone(elements)
    for tag, vr, name in _DERIVED[level]:
        value = json_model.first(elements, tag)
        said = "" if value is None else str(value)
        columns[name] = comparable(vr, matching.fold(vr, said)) if said else None
        if vr == "PN":
            names = json_model.texts(elements, tag)[:MOST_VALUES] if said else ()
            columns[WORDS[tag].name] = text("".join(map(matching.words, names))) or None
        if vr == "DT":
            columns[UTC[tag].name] = _moment(said, zone) if said else None
    for date, time in _PAIRS[level]:
        of_day, of_time = columns[COLUMNS[date].name], columns[COLUMNS[time].name]
        columns[UTC[date].name] = moments.in_utc(str(of_day), str(of_time), zone) if zone else None
    return columns


def further(level: Level, elements: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The values that no column has a place for, with their attributes: see `tables.FURTHER`."""
    found: list[tuple[int, str]] = []
    for tag, vr, _ in _DERIVED[level]:
        values = elements.get(attributes.key(tag), _NOTHING).get("Value", ())
        if len(values) > 1 or (vr == "PN" and values and values[0] and [*values[0]] != ["Alphabetic"]):
            texts = _further(vr, json_model.texts(elements, tag)[:MOST_VALUES])
            found += ((tag, str(value)) for text in texts if (value := comparable("UN", text)) is not None)
    return found


def _further(vr: str, texts: Sequence[str]) -> Iterator[str]:
    for place, text in enumerate(texts):
        folded = matching.fold(vr, text)
        forms = matching.found_by(folded) if vr == "PN" else [folded]
        yield from forms if place else forms[1:]


def _zone(elements: Mapping[str, Any]) -> str | None:
    """The offset from UTC of the dates and times of the file (PS3.3 C.12.1.1.8)."""
    said = json_model.first(elements, moments.TIMEZONE) if _TIMEZONE in elements else None
    return instants.offset(said.strip(instants.BLANK)) if isinstance(said, str) and said else None


def _moment(text: str, zone: str | None) -> str | None:
    """The moment in UTC of a DT, which may say its own offset."""
    local, own = instants.split(text.strip(instants.BLANK))
    known = own or zone
    return instants.utc(instants.start("DT", local), known) if known and instants.exists("DT", local) else None


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

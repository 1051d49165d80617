"""The attributes that `includefield` asks for, at any depth, and the Model without the others (PS3.18 §8.3.4.3)."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import orjson

from filmroom.dicom import attributes

# Key -> what is wanted of a sequence's Items; None is all of the attribute.
Fields: TypeAlias = dict[str, "Fields | None"]

ALL = "all"
# What says of which Instance the others are: class and instance, study and series.
_IDENTITY = ("00080016", "00080018", "0020000D", "0020000E")


def parse(texts: Iterable[str]) -> tuple[Fields | None, list[str]]:
    """What the values of `includefield` ask for, each a list divided by commas; and what is the name of no attribute.

    Names are keywords or tags, of attributes in sequences with the names of these: "RequestAttributesSequence.StudyID".
    None is everything: nothing was asked for, or "all".
    """
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    if not names or ALL in map(str.lower, names):
        return None, []
    fields: Fields = dict.fromkeys(_IDENTITY)
    unknown = []
    for name in names:
        tags = [attributes.parse(part) for part in name.split(".")]
        known = [attributes.key(tag) for tag in tags if tag is not None]
        if len(known) == len(tags):
            add(fields, known)
        else:
            unknown.append(name)
    return fields, unknown


def add(fields: Fields, path: list[str]) -> None:
    """Want an attribute, by the keys of the sequences around it and its own."""
    *outer, last = path
    for key in outer:
        _add_creator(fields, key)
        inside = fields.setdefault(key, {})
        if inside is None:  # all of the sequence is wanted already
            return
        fields = inside
    fields[last] = None
    _add_creator(fields, last)


def _add_creator(fields: Fields, key: str) -> None:
    if int(key[3], 16) % 2 and key[4:6] != "00":  # private: it means nothing without its creator (PS3.5 §7.8.1)
        fields.setdefault(f"{key[:4]}00{key[4:6]}", None)


def narrowed(text: bytes, fields: Fields) -> bytes:
    """A data set of the DICOM JSON Model with these attributes only."""
    return orjson.dumps(_narrowed(orjson.loads(text), fields))


def _narrowed(elements: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    return {key: element(found, fields[key]) for key, found in elements.items() if key in fields}


def element(whole: dict[str, Any], inside: Fields | None) -> dict[str, Any]:
    """An element of the Model: of a sequence only what is wanted of its Items."""
    if inside is None or whole["vr"] != "SQ" or "Value" not in whole:
        return whole
    return whole | {"Value": [_narrowed(item, inside) for item in whole["Value"]]}

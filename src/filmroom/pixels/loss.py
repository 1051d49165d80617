"""What a data set says of lossy compression (PS3.3 §C.7.6.1.1.5).

The SOP Instance UID stays: what is asked for in another Transfer Syntax is a rendition of the stored Instance, and
viewers look for it under its name.
"""

from collections.abc import Mapping
from typing import Any

from filmroom.dicom.attributes import key
from filmroom.dicom.rewrite import Value, padded
from filmroom.pixels import codecs

LOSSY, RATIO, METHOD = 0x00282110, 0x00282112, 0x00282114
_YES = "01"


def edits(elements: Mapping[str, Any], source_uid: str, target_uid: str, ratio: float) -> dict[int, Value | None]:
    """The attributes that change. Once lossy, an image is so for ever; ratios and methods are those of each step."""
    source, target = codecs.find(source_uid), codecs.find(target_uid)
    ratios, methods = _values(elements, RATIO), _values(elements, METHOD)
    if source.always_loses and source.loses and not methods:
        methods.append(source.loses)
    if source_uid in target.recode or not target.loses:
        return {LOSSY: _value("CS", [_YES]), METHOD: _value("CS", methods)} if source.always_loses else {}
    known = len(ratios) == len(
        methods
    )  # each ratio goes with a method; if that of an earlier step is unknown, none can
    return {
        LOSSY: _value("CS", [_YES]),
        RATIO: _value("DS", [*ratios, f"{ratio:.4g}"]) if known else None,
        METHOD: _value("CS", [*methods, target.loses]),
    }


def _values(elements: Mapping[str, Any], tag: int) -> list[str]:
    values = elements.get(key(tag), {}).get("Value", ())
    return [f"{value:g}" if isinstance(value, float) else str(value) for value in values if value is not None]


def _value(vr: str, values: list[str]) -> Value:
    content = padded(vr, "\\".join(values).encode("ascii", "replace"))
    return Value(vr, len(content), [content])

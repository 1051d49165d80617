"""What a Content Item of a report says, by its Value Type (PS3.3 §C.17.3.2.1), and values as people write them."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from filmroom.dicom import character_sets, uids
from filmroom.dicom.json_model import items

Elements: TypeAlias = Mapping[str, Any]
Texts: TypeAlias = Mapping[str, bytes]

_TEXT_VALUE, _VALUE_TYPE = "0040A160", "0040A040"
_CONCEPT_CODE, _UNITS, _QUALIFIER = "0040A168", "004008EA", "0040A301"
_CODE_VALUES, _SCHEME, _MEANING = ("00080100", "00080119", "00080120"), "00080102", "00080104"
_MEASURED, _NUMERIC_VALUE = "0040A300", "0040A30A"
_REFERENCED, _REFERENCED_CLASS, _REFERENCED_INSTANCE = "00081199", "00081150", "00081155"
_GRAPHIC_DATA, _GRAPHIC_TYPE = "00700022", "00700023"


def said(elements: Elements, codecs: tuple[str, ...], texts: Texts) -> str:
    """What an Item says. `texts` are bulk values by their paths, in the character sets `codecs`."""
    kind = shown(elements, _VALUE_TYPE)
    if kind == "TEXT":
        path = bulk_path(elements)
        raw = texts.get(path) if path is not None else None
        return shown(elements, _TEXT_VALUE) if raw is None else _plain(character_sets.decode(raw, codecs))
    known = VALUES.get(kind)
    if known is not None:
        return known(elements)
    return f"({kind}, which is not shown)" if kind else ""


def bulk_path(elements: Elements) -> str | None:
    """Where the text of an Item lies that is too long for the Model."""
    uri = elements.get(_TEXT_VALUE, {}).get("BulkDataURI")
    return None if uri is None else str(uri).removeprefix("bulkdata/")


def _number(elements: Elements) -> str:
    measured = _first_item(elements, _MEASURED)
    number, qualifier = shown(measured, _NUMERIC_VALUE), meaning(elements, _QUALIFIER)
    parts = [f"{number} {_unit(measured)}".strip() if number else "", qualifier and f"({qualifier})"]
    return " ".join(filter(None, parts))


def _unit(measured: Elements) -> str:
    """UCUM's own signs are what people know (mm, cm2), but for what it has in braces and for the unit 1."""
    code = _first_item(measured, _UNITS)
    sign = shown(code, _CODE_VALUES[0])
    if shown(code, _SCHEME) != "UCUM" or not sign or "{" in sign:
        return meaning(measured, _UNITS)
    return "" if sign == "1" else sign


def _uid(elements: Elements) -> str:
    uid = shown(elements, "0040A124")
    name = uids.name(uid)
    return f"{name} {uid}" if name else uid


def _reference(elements: Elements) -> str:
    return "; ".join(filter(None, map(_referenced, items(elements, _REFERENCED))))


def _referenced(item: Elements) -> str:
    """An Instance, and what of it."""
    sop_class = shown(item, _REFERENCED_CLASS)
    parts = [" ".join(filter(None, (uids.name(sop_class) or sop_class, shown(item, _REFERENCED_INSTANCE))))]
    for name, key in (("frame", "00081160"), ("segment", "0062000B")):
        if value := shown(item, key):
            parts.append(f"{name}{'s' if ',' in value else ''} {value}")
    told = [str(one) for one in item.get("0040A0B0", {}).get("Value", ())]
    # Pairs of a multiplex group and a channel in it, of which 0 is all (PS3.3 §C.18.5).
    channels = [f"{group}/{'all' if one == '0' else one}" for group, one in zip(told[::2], told[1::2], strict=False)]
    if channels:
        parts.append(f"channel{'s' if len(channels) > 1 else ''} {', '.join(channels)}")
    return ", ".join(filter(None, parts))


def _coordinates(axes: int) -> Callable[[Elements], str]:
    def shape(elements: Elements) -> str:
        kind = shown(elements, _GRAPHIC_TYPE).lower()
        points = len(elements.get(_GRAPHIC_DATA, {}).get("Value", ())) // axes
        return f"{kind} of {points} points" if points > 1 else kind

    return shape


def _times(elements: Elements) -> str:
    kind = shown(elements, "0040A130").lower()
    offsets, samples, dates = (shown(elements, key) for key in ("0040A138", "0040A132", "0040A13A"))
    at = [offsets and f"at {offsets} s", samples and f"at sample {samples}", dates and f"at {dates}"]
    return " ".join(filter(None, (kind, *at)))


def _table(elements: Elements) -> str:
    rows, columns = (shown(elements, key) for key in ("0040A802", "0040A803"))
    return f"(table of {rows} rows and {columns} columns, which is not shown)"


def _of(key: str) -> Callable[[Elements], str]:
    return lambda elements: shown(elements, key)


VALUES: Mapping[str, Callable[[Elements], str]] = {
    "CONTAINER": lambda _: "",
    "CODE": lambda elements: meaning(elements, _CONCEPT_CODE),
    "NUM": _number,
    "DATETIME": _of("0040A120"),
    "DATE": _of("0040A121"),
    "TIME": _of("0040A122"),
    "PNAME": _of("0040A123"),
    "UIDREF": _uid,
    "COMPOSITE": _reference,
    "IMAGE": _reference,
    "WAVEFORM": _reference,
    "SCOORD": _coordinates(2),
    "SCOORD3D": _coordinates(3),
    "TCOORD": _times,
    "TABLE": _table,
}


# --- Values as people write them


def meaning(elements: Elements, key: str) -> str:
    """What the first code of a sequence means, or if nothing says so the code."""
    code = _first_item(elements, key)
    return next(filter(None, (shown(code, one) for one in (_MEANING, *_CODE_VALUES))), "")


def _first_item(elements: Elements, key: str) -> Elements:
    return next(iter(items(elements, key)), {})


def shown(elements: Elements, key: str) -> str:
    """All values of an attribute. What is of no VR that has such values, whatever the dictionary says, has none."""
    element = elements.get(key)
    if element is None:
        return ""
    vr = element.get("vr", "")
    written = _FORMATS.get(vr, _plain)
    return ("; " if vr == "PN" else ", ").join(filter(None, map(written, element.get("Value", ()))))


# Carriage returns and form feeds end a line; of the other controls and of what is no character none is to reach a
# terminal or a page.
_LINE_END = re.compile("\r\n|[\r\f]")
_CONTROL = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def _plain(value: object) -> str:
    if value is None or isinstance(value, dict):
        return ""
    text = repr(value).removesuffix(".0") if isinstance(value, float) else str(value).rstrip(" \0\r\n\t\f")
    return text if text.isprintable() else _CONTROL.sub("\ufffd", _LINE_END.sub("\n", text))


def _name(value: object) -> str:
    """The representations of a name (PS3.5 §6.2.1): `Doe, Dr. John (山田 太郎)`."""
    groups = value if isinstance(value, dict) else {}
    names = [_with_comma(_plain(groups.get(_ALPHABETIC)))]
    names += [" ".join(_plain(groups.get(one)).replace("^", " ").split()) for one in _OTHERS]
    first, *others = [name for name in names if name] or [""]
    return f"{first} ({', '.join(others)})" if others else first


def _with_comma(stored: str) -> str:
    """Family name, then prefix, given and middle names, then suffix: in letters the order is not plain of itself."""
    components = [" ".join(component.split()) for component in stored.split("^")]
    family, given, middle, prefix, *suffixes = [*components, "", "", "", ""][: max(len(components), 4)]
    called = " ".join(filter(None, (prefix, given, middle)))
    return ", ".join(filter(None, (family, called, *suffixes)))


_ALPHABETIC, *_OTHERS = ("Alphabetic", "Ideographic", "Phonetic")
_DATE = r"(\d{4})\.?(\d\d)\.?(\d\d)"  # with points, as before 1993
_TIME = r"(\d\d):?(\d\d)(?::?(\d\d)(?:\.\d+)?)?"


def _date(value: object) -> str:
    return re.sub(rf"\A{_DATE}\Z", r"\1-\2-\3", _plain(value), flags=re.ASCII)


def _time(value: object) -> str:
    return re.sub(rf"\A{_TIME}\Z", _clock, _plain(value), flags=re.ASCII)


def _clock(found: re.Match[str]) -> str:
    return ":".join(part for part in found.groups()[-3:] if part)


def _moment(value: object) -> str:
    """A date, then what there is of a time and of its distance from UTC."""
    text = _plain(value)
    found = re.fullmatch(rf"(\d{{8}})({_TIME})?([+-]\d{{4}})?", text, re.ASCII)
    if found is None:
        return text
    return " ".join(filter(None, (_date(found[1]), found[2] and _time(found[2]), found[found.re.groups])))


_FORMATS: Mapping[str, Callable[[object], str]] = {"DA": _date, "TM": _time, "DT": _moment, "PN": _name}

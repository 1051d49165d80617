"""Structured Reports (PS3.3 §A.35, §C.17): the content tree of a data set as lines that people can read.

A line stands for one Content Item: what it is called, what it says, and how deep it lies. Nothing that an Item holds is
left out without a word: where a value is no text (coordinates, tables), the line says what there is.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from filmroom.dicom import character_sets, uids
from filmroom.dicom.json_model import items
from filmroom.errors import NotAcceptable

VERSION = 1  # of what is written: another one makes other ETags
FAMILY = "1.2.840.10008.5.1.4.1.1.88."  # all SOP Classes of reports, and only these, begin with it (PS3.4 §B.5)
MOST_LINES = 50_000
MOST_CHARACTERS = 8 << 20

Elements: TypeAlias = Mapping[str, Any]
Texts: TypeAlias = Mapping[str, bytes]

CONTENT, TEXT_VALUE, _CHARACTER_SET = "0040A730", "0040A160", "00080005"
_SOP_CLASS, _VALUE_TYPE, _RELATIONSHIP = "00080016", "0040A040", "0040A010"
_CONCEPT_NAME, _CONCEPT_CODE, _UNITS, _QUALIFIER = "0040A043", "0040A168", "004008EA", "0040A301"
_CODE_VALUES, _SCHEME, _MEANING = ("00080100", "00080119", "00080120"), "00080102", "00080104"
_MEASURED, _NUMERIC_VALUE = "0040A300", "0040A30A"
_REFERENCED, _GRAPHIC_DATA, _GRAPHIC_TYPE = "00081199", "00700022", "00700023"
_REFERENCED_CLASS, _REFERENCED_INSTANCE, _REFERENCED_ITEM = "00081150", "00081155", "0040DB73"
_OBSERVED = "0040A032"

# What stands above the content, and in which attributes.
_HEADER = (
    ("Patient", "00100010"),
    ("Patient ID", "00100020"),
    ("Birth date", "00100030"),
    ("Sex", "00100040"),
    ("Study date", "00080020"),
    ("Study", "00081030"),
    ("Accession number", "00080050"),
    ("Referring physician", "00080090"),
    ("Institution", "00080080"),
    ("Content date", "00080023"),
    ("Content time", "00080033"),
    ("Completion", "0040A491"),
    ("Preliminary", "0040A496"),
    ("Verification", "0040A493"),
    ("Observed", _OBSERVED),
)
# ... and in Items of sequences: Verifying Observer Sequence, Author Observer Sequence
_PEOPLE = (
    ("Verified by", "0040A073", ("0040A075", "0040A027", "0040A030")),
    ("Author", "0040A078", ("0040A123", "00080080")),
)
# What is said before a line of its relation to what it belongs to. The others are plain from their place.
_BEFORE = {
    "HAS ACQ CONTEXT": "acquired with",
    "INFERRED FROM": "inferred from",
    "SELECTED FROM": "selected from",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One Content Item."""

    place: str  # 1.2.3 is the third Item of the second of the root (PS3.3 §C.17.3.2.5)
    depth: int  # what the root contains is at 0
    name: str
    value: str
    section: bool = False
    before: str = ""
    context: bool = False  # of whom and by whom, which is no finding
    refers: str = ""  # the place of the Item that this one only refers to


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says. `referred` are places of lines to which others refer."""

    title: str
    header: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    referred: frozenset[str]


def bulk_texts(elements: Elements) -> list[str]:
    """The paths of the texts that are too long for the Model: `read` wants their bytes."""
    found = (node.elements.get(TEXT_VALUE, {}).get("BulkDataURI") for node in _nodes(elements, modifiers=True))
    return [_path(uri) for uri in found if uri is not None]


def check_size(characters: int) -> None:
    """Refuse what is more than anybody reads."""
    if characters > MOST_CHARACTERS:
        raise NotAcceptable(
            f"A report of more than {MOST_CHARACTERS >> 20} million characters is not rendered; "
            "ask for application/dicom."
        )


def read(elements: Elements, texts: Texts = MappingProxyType({})) -> Report:
    """The report in a data set of the DICOM JSON Model. `texts` are bulk values by their paths."""
    root, *nodes = _bounded(_nodes(elements))
    lines, size = [], 0
    for node in nodes:
        line = _line(node, texts)
        lines.append(line)
        size += len(line.name) + len(line.value)
        check_size(size)
    name = _code(elements, _CONCEPT_NAME)
    title = name or uids.name(_shown(elements, _SOP_CLASS)) or "Report"
    places = {line.place for line in lines}
    referred = frozenset(line.refers for line in lines if line.refers in places)
    return Report(title, tuple(_header(root, texts)), tuple(lines), referred)


class _Node(NamedTuple):
    elements: Elements
    place: str
    depth: int
    codecs: tuple[str, ...]  # those of Specific Character Set


def _nodes(elements: Elements, *, modifiers: bool = False) -> Iterator[_Node]:
    """The root and all Content Items below it, as they are read; those that modify a name only if asked for."""
    waiting = [_Node(elements, "1", -1, _codecs(elements, character_sets.PLAIN))]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(
            [
                _Node(item, f"{node.place}.{number}", node.depth + 1, _codecs(item, node.codecs))
                for number, item in enumerate(items(node.elements, CONTENT), 1)
                if modifiers or not _is_modifier(item)
            ]
        )


def _bounded(nodes: Iterable[_Node]) -> Iterator[_Node]:
    for number, node in enumerate(nodes):
        if number > MOST_LINES:
            raise NotAcceptable(
                f"A report of more than {MOST_LINES} Content Items is not rendered; ask for application/dicom."
            )
        yield node


def _codecs(elements: Elements, outer: tuple[str, ...]) -> tuple[str, ...]:
    values = elements.get(_CHARACTER_SET, {}).get("Value")
    return character_sets.codecs("\\".join(str(value or "") for value in values)) if values else outer


def _is_modifier(item: Elements) -> bool:
    """Whether the Item says no more than what the name of the one above it means."""
    return _shown(item, _RELATIONSHIP) == "HAS CONCEPT MOD" and not items(item, CONTENT)


def _modifiers(node: _Node, texts: Texts) -> Iterator[tuple[str, str]]:
    for item in items(node.elements, CONTENT):
        if _is_modifier(item):
            yield _code(item, _CONCEPT_NAME), _value(item, _codecs(item, node.codecs), texts)


def _header(root: _Node, texts: Texts) -> Iterator[tuple[str, str]]:
    for name, key in _HEADER:
        if value := _shown(root.elements, key):
            yield name, value
    for name, sequence, keys in _PEOPLE:
        for item in items(root.elements, sequence):
            if value := ", ".join(filter(None, (_shown(item, key) for key in keys))):
                yield name, value
    yield from _modifiers(root, texts)
    if value := _value(root.elements, root.codecs, texts):  # a root that is no CONTAINER, as it should be
        yield "Value", value


def _line(node: _Node, texts: Texts) -> Line:
    elements, relationship = node.elements, _shown(node.elements, _RELATIONSHIP)
    modifiers = [f"{name}: {value}" if name else value for name, value in _modifiers(node, texts)]
    if observed := _shown(elements, _OBSERVED):
        modifiers.append(f"observed {observed}")
    name, value = _code(elements, _CONCEPT_NAME), _value(elements, node.codecs, texts)
    if modifiers:
        added = f" ({', '.join(modifiers)})"
        name, value = (name + added, value) if name else ("", (value + added).lstrip())
    return Line(
        node.place,
        node.depth,
        name,
        value,
        section=_shown(elements, _VALUE_TYPE) == "CONTAINER",
        before=_BEFORE.get(relationship, ""),
        context=relationship == "HAS OBS CONTEXT",
        refers=_shown(elements, _REFERENCED_ITEM).replace(", ", "."),
    )


# --- What an Item says, by its Value Type (PS3.3 §C.17.3.2.1)


def _value(elements: Elements, codecs: tuple[str, ...], texts: Texts) -> str:
    kind = _shown(elements, _VALUE_TYPE)
    if kind == "TEXT":
        uri = elements.get(TEXT_VALUE, {}).get("BulkDataURI")
        raw = texts.get(_path(uri)) if uri is not None else None
        return _shown(elements, TEXT_VALUE) if raw is None else _plain(character_sets.decode(raw, codecs))
    known = _VALUES.get(kind)
    if known is not None:
        return known(elements)
    return f"({kind}, which is not shown)" if kind else ""


def _number(elements: Elements) -> str:
    measured = _first_item(elements, _MEASURED)
    number, qualifier = _shown(measured, _NUMERIC_VALUE), _code(elements, _QUALIFIER)
    parts = [f"{number} {_unit(measured)}".strip() if number else "", qualifier and f"({qualifier})"]
    return " ".join(filter(None, parts))


def _unit(measured: Elements) -> str:
    """UCUM's own signs are what people know (mm, cm2), but for what it has in braces and for the unit 1."""
    code = _first_item(measured, _UNITS)
    sign = _shown(code, _CODE_VALUES[0])
    if _shown(code, _SCHEME) != "UCUM" or not sign or "{" in sign:
        return _code(measured, _UNITS)
    return "" if sign == "1" else sign


def _uid(elements: Elements) -> str:
    uid = _shown(elements, "0040A124")
    name = uids.name(uid)
    return f"{name} {uid}" if name else uid


def _reference(elements: Elements) -> str:
    return "; ".join(filter(None, map(_referenced, items(elements, _REFERENCED))))


def _referenced(item: Elements) -> str:
    """An Instance, and what of it."""
    sop_class = _shown(item, _REFERENCED_CLASS)
    parts = [" ".join(filter(None, (uids.name(sop_class) or sop_class, _shown(item, _REFERENCED_INSTANCE))))]
    for name, key in (("frame", "00081160"), ("segment", "0062000B"), ("channel", "0040A0B0")):
        if value := _shown(item, key):
            parts.append(f"{name} {value}")
    return ", ".join(filter(None, parts))


def _coordinates(axes: int) -> Callable[[Elements], str]:
    def shape(elements: Elements) -> str:
        kind = _shown(elements, _GRAPHIC_TYPE).lower()
        points = len(elements.get(_GRAPHIC_DATA, {}).get("Value", ())) // axes
        return f"{kind} of {points} points" if points > 1 else kind

    return shape


def _times(elements: Elements) -> str:
    kind = _shown(elements, "0040A130").lower()
    offsets, samples, dates = (_shown(elements, key) for key in ("0040A138", "0040A132", "0040A13A"))
    at = [offsets and f"at {offsets} s", samples and f"at sample {samples}", dates and f"at {dates}"]
    return " ".join(filter(None, (kind, *at)))


def _table(elements: Elements) -> str:
    rows, columns = (_shown(elements, key) for key in ("0040A802", "0040A803"))
    return f"(table of {rows} rows and {columns} columns, which is not shown)"


def _of(key: str) -> Callable[[Elements], str]:
    return lambda elements: _shown(elements, key)


_VALUES: Mapping[str, Callable[[Elements], str]] = {
    "CONTAINER": lambda _: "",
    "CODE": lambda elements: _code(elements, _CONCEPT_CODE),
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


def _code(elements: Elements, key: str) -> str:
    """What the first code of a sequence means, or if nothing says so the code."""
    code = _first_item(elements, key)
    return next(filter(None, (_shown(code, one) for one in (_MEANING, *_CODE_VALUES))), "")


def _first_item(elements: Elements, key: str) -> Elements:
    return next(iter(items(elements, key)), {})


def _shown(elements: Elements, key: str) -> str:
    """All values of an attribute. What is of no VR that has such values, whatever the dictionary says, has none."""
    element = elements.get(key)
    if element is None:
        return ""
    written = _FORMATS.get(element.get("vr", ""), _plain)
    return ", ".join(filter(None, map(written, element.get("Value", ()))))


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
    """The representations of a name; of each the components in the order in which they are stored (PS3.5 §6.2.1)."""
    groups = value if isinstance(value, dict) else {}
    names = [" ".join(_plain(groups.get(one)).replace("^", " ").split()) for one in _GROUPS]
    first, *others = [name for name in names if name] or [""]
    return f"{first} ({', '.join(others)})" if others else first


_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
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


def _path(uri: object) -> str:
    return str(uri).removeprefix("bulkdata/")

"""Structured Reports (PS3.3 §A.35, §C.17): the content tree of a data set as lines that people can read.

A line stands for one Content Item: what it is called, what it says, and how deep it lies. Nothing that an Item holds is
left out without a word: where a value is no text (coordinates, tables), the line says what there is.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from filmroom.dicom import character_sets, uids
from filmroom.dicom.json_model import items
from filmroom.dicom.report_values import Elements, Texts, bulk_path, meaning, said, shown
from filmroom.errors import NotAcceptable

VERSION = 2  # of what is written: another one makes other ETags
ROOT = "1"  # the place of the Item that contains all others
MOST_LINES = 50_000
MOST_CHARACTERS = 8 << 20
MOST_BULK_TEXTS = 64  # texts that are bulk data have a megabyte, as a rule

_INSTEAD = "ask for application/dicom"

CONTENT, _CHARACTER_SET = "0040A730", "00080005"
_SOP_CLASS, _VALUE_TYPE, _RELATIONSHIP = "00080016", "0040A040", "0040A010"
_CONCEPT_NAME, _REFERENCED_ITEM, _OBSERVED = "0040A043", "0040DB73", "0040A032"

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
    """What a report says. `referred` are places to which lines refer, each with that of the line where it stands."""

    title: str
    header: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    referred: Mapping[str, str]


def bulk_texts(elements: Elements) -> list[str]:
    """The paths of the texts that are too long for the Model: `read` wants their bytes."""
    found = (bulk_path(node.elements) for node in _bounded(_nodes(elements, modifiers=True)))
    paths = [path for path in found if path is not None]
    if len(paths) > MOST_BULK_TEXTS:
        raise NotAcceptable(f"A report of more than {MOST_BULK_TEXTS} long texts is not rendered; {_INSTEAD}.")
    return paths


def check_size(characters: int) -> None:
    """Refuse what is more than anybody reads."""
    if characters > MOST_CHARACTERS:
        raise NotAcceptable(
            f"A report of more than {MOST_CHARACTERS >> 20} million characters is not rendered; {_INSTEAD}."
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
    name = meaning(elements, _CONCEPT_NAME)
    title = name or uids.name(shown(elements, _SOP_CLASS)) or "Report"
    places = {place: node.place for node in (root, *nodes) for place in _standing(node)}
    referred = {line.refers: places[line.refers] for line in lines if line.refers in places}
    return Report(title, tuple(_header(root, texts)), tuple(lines), referred)


class _Node(NamedTuple):
    elements: Elements
    place: str
    depth: int
    codecs: tuple[str, ...]  # those of Specific Character Set


def _nodes(elements: Elements, *, modifiers: bool = False) -> Iterator[_Node]:
    """The root and all Content Items below it, as they are read; those that modify a name only if asked for."""
    waiting = [_Node(elements, ROOT, -1, _codecs(elements, character_sets.PLAIN))]
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
            raise NotAcceptable(f"A report of more than {MOST_LINES} Content Items is not rendered; {_INSTEAD}.")
        yield node


def _codecs(elements: Elements, outer: tuple[str, ...]) -> tuple[str, ...]:
    values = elements.get(_CHARACTER_SET, {}).get("Value")
    return character_sets.codecs("\\".join(str(value or "") for value in values)) if values else outer


def _is_modifier(item: Elements) -> bool:
    """Whether the Item says no more than what the name of the one above it means."""
    return shown(item, _RELATIONSHIP) == "HAS CONCEPT MOD" and not items(item, CONTENT)


def _modifiers(node: _Node, texts: Texts) -> Iterator[tuple[str, str]]:
    for item in items(node.elements, CONTENT):
        if _is_modifier(item):
            yield meaning(item, _CONCEPT_NAME), said(item, _codecs(item, node.codecs), texts)


def _standing(node: _Node) -> Iterator[str]:
    """The places of an Item and of those that stand beside its name."""
    yield node.place
    for number, item in enumerate(items(node.elements, CONTENT), 1):
        if _is_modifier(item):
            yield f"{node.place}.{number}"


def _header(root: _Node, texts: Texts) -> Iterator[tuple[str, str]]:
    for name, key in _HEADER:
        if value := shown(root.elements, key):
            yield name, value
    for name, sequence, keys in _PEOPLE:
        for item in items(root.elements, sequence):
            if value := ", ".join(filter(None, (shown(item, key) for key in keys))):
                yield name, value
    yield from _modifiers(root, texts)
    if value := said(root.elements, root.codecs, texts):  # a root that is no CONTAINER, as it should be
        yield "Value", value


def _line(node: _Node, texts: Texts) -> Line:
    elements, relationship = node.elements, shown(node.elements, _RELATIONSHIP)
    modifiers = [f"{name}: {value}" if name else value for name, value in _modifiers(node, texts)]
    if observed := shown(elements, _OBSERVED):
        modifiers.append(f"observed {observed}")
    name, value = meaning(elements, _CONCEPT_NAME), said(elements, node.codecs, texts)
    if modifiers:
        added = f" ({', '.join(modifiers)})"
        name, value = (name + added, value) if name else ("", (value + added).lstrip())
    return Line(
        node.place,
        node.depth,
        name,
        value,
        section=shown(elements, _VALUE_TYPE) == "CONTAINER",
        before=_BEFORE.get(relationship, ""),
        context=relationship == "HAS OBS CONTEXT",
        refers=shown(elements, _REFERENCED_ITEM).replace(", ", "."),
    )

"""Query tags: attributes made searchable beyond those that rows have columns for, also inside sequences.

An extended query tag, as the Azure service calls it, is declared by users; `BUILT_IN` are always there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple

from filmroom.dicom import attributes, json_model, value_rules
from filmroom.dicom.levels import Level
from filmroom.dicom.values import COMPONENT_GROUPS

MOST_VALUES = 100  # of one attribute of an Instance that are searched by

# The Azure service refuses DS, which its documents accept.
VRS = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "PN", "SH", "SL", "SS", "TM", "UI", "UL", "US"}
)


class Status(StrEnum):
    """What becomes of a query tag. Stores index it while it is `ADDING`; searches know it when it is `READY`."""

    ADDING = "adding"
    READY = "ready"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class QueryTag:
    """An attribute that can be searched by at its level and below."""

    key: int  # names it in the index; 0 as long as it has no row there
    path: str  # eight hexadecimal digits; of an attribute inside sequences those of the sequences before it, with dots
    vr: str
    level: Level
    creator: str | None = None  # of a private attribute: it lies in whatever block the creator has reserved in a file
    status: Status = Status.READY
    enabled: bool = True  # disabled: searches refuse it, for values of it are wrong
    operation: str | None = None  # that indexes what was stored before

    @property
    def tag(self) -> int:
        """The attribute itself, or the outermost sequence."""
        return int(self.path[:8], 16)

    @property
    def holder(self) -> str:
        """The path of the sequence whose Items have the attribute; empty outside of sequences."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The path with keywords."""
        return ".".join(attributes.keyword(int(part, 16)) or part for part in self.path.split("."))


class Listed(NamedTuple):
    """A tag, and how many Instances have values for it that are not valid."""

    tag: QueryTag
    errors: int


Texts = tuple[str, ...]


class BadValue(NamedTuple):
    """An Instance that has a value of a tag that is not valid."""

    study: str
    series: str
    instance: str
    partition: str
    created: float
    message: str


Found = tuple[QueryTag, tuple[Texts, ...]]  # of each Item in their order, or of the data set alone

# The required matching keys inside sequences (PS3.18 Table 10.6.1-5), and that of §8.3.4's example. Their keys are
# below those of rows.
BUILT_IN = (
    QueryTag(-1, "00400275.00400009", "SH", Level.SERIES),  # RequestAttributesSequence.ScheduledProcedureStepID
    QueryTag(-2, "00400275.00401001", "SH", Level.SERIES),  # RequestAttributesSequence.RequestedProcedureID
    QueryTag(-3, "0040A370.00080050", "SH", Level.STUDY),  # ReferencedRequestSequence.AccessionNumber
)


def parse_path(name: str) -> str | None:
    """The path that keywords or tags name, with dots between. None if one of them is no attribute's."""
    tags = [attributes.parse(part) for part in name.split(".")]
    known = [attributes.key(tag) for tag in tags if tag is not None]
    return ".".join(known) if len(known) == len(tags) else None


def extract(tags: Iterable[QueryTag], elements: Mapping[str, Any], hidden: Collection[str] = ()) -> tuple[Found, ...]:
    """What a data set in the DICOM JSON Model has of each attribute that is there, or whose outermost sequence is."""
    # Most data sets lack most of them, and every store asks.
    there = [tag for tag in tags if tag.creator is not None or tag.path[:8] in elements]
    return tuple((tag, texts(tag, elements, hidden)) for tag in there)


def values(tag: QueryTag, elements: Mapping[str, Any]) -> Texts:
    """The texts of all values of the attribute, in any Item."""
    distinct = dict.fromkeys(chain.from_iterable(texts(tag, elements)))
    return tuple(distinct)[:MOST_VALUES]


def texts(tag: QueryTag, elements: Mapping[str, Any], hidden: Collection[str] = ()) -> tuple[Texts, ...]:
    """The texts of the values, Item by Item. A value of another VR is none."""
    key, holders = _holders(tag, elements, hidden)
    return tuple(_texts(tag, holder[key]) if key in holder else () for holder in holders)


def _texts(tag: QueryTag, element: Mapping[str, Any]) -> Texts:
    said = element.get("Value", ())[:MOST_VALUES] if element["vr"] == tag.vr else ()
    return tuple(filter(None, map(_text, said)))


def unexpected_vr(tag: QueryTag, elements: Mapping[str, Any]) -> str | None:
    """That the attribute has another VR than it was declared with, in the Azure service's words."""
    key, holders = _holders(tag, elements, ())
    found = (holder[key]["vr"] for holder in holders if key in holder and holder[key]["vr"] != tag.vr)
    vr = next(found, None)
    return vr and f"The extended query tag '{tag.name}' is expected to have VR '{tag.vr}' but has '{vr}' in file."


def bad_value(tag: QueryTag, elements: Mapping[str, Any]) -> str | None:
    """What the minimum validation has against the values of the attribute; None if nothing."""
    return next(filter(None, (value_rules.minimum(tag.vr, text) for text in values(tag, elements))), None)


def locate(tag: QueryTag, elements: Mapping[str, Any]) -> str | None:
    """The key that the attribute has in a data set, or that of its outermost sequence. None if it is not there."""
    key = tag.path[:8]
    if tag.creator is not None:
        blocks = (name[6:] for name in elements if name.startswith(key[:4] + "00") and _creator(elements[name], tag))
        keys = (key[:4] + block + key[6:] for block in blocks)
        return next((key for key in keys if key in elements), None)
    return key if key in elements else None


def _creator(element: Mapping[str, Any], tag: QueryTag) -> bool:
    return [str(value).strip(" \0") for value in element.get("Value", ())] == [tag.creator]


def _holders(
    tag: QueryTag, elements: Mapping[str, Any], hidden: Collection[str]
) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """The key that the attribute has in its holders, and these in their order: the Items, or the data set itself."""
    key = locate(tag, elements)
    if key is None or key in hidden:
        return tag.path, ()
    holders = [elements]
    *sequences, last = tag.path.split(".")
    for sequence in sequences:
        holders = [item for holder in holders for item in json_model.items(holder, sequence)]
    return last if sequences else key, holders


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "=".join(value.get(group, "") for group in COMPONENT_GROUPS).rstrip("=")
    return "" if value is None else str(value)

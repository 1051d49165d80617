"""Attribute matching (PS3.4 C.2.2.2): what a search asks for, and the form in which values are compared."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from filmroom.dicom import attributes, wording
from filmroom.dicom.resources import Level, Resource
from filmroom.dicom.wording import Wording
from filmroom.errors import BadParameter

LONGEST_COMPARED = 1024  # characters: the longest value of the VRs searched by; to normalise more can take minutes
MOST_WORDS = 20  # of a name that is asked for
BLANK = " \t\r\n\0"  # what pads values
_NAME_SEPARATORS = re.compile(r"[\^=,\s]+")
_LIST_SEPARATORS = re.compile(r"[\\,]")

# PS3.4 C.2.2.2.4: the VRs whose values may be asked for with * and ?.
_WILDCARD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
# PS3.4 C.2.2.2.2 for UI. Neither "," nor "\" can be inside a CS value, and viewers join modalities by them.
_LIST_VRS = frozenset({"UI", "CS"})
_INTEGER_VRS = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_DECIMAL_VRS = frozenset({"DS", "FD", "FL"})

# The first and last instant there are, written as DT. A value of lower precision takes the rest from one of
# them: position is meaning, in DA and TM as well, which are slices of a DT.
_EARLIEST = "00010101000000.000000"
_LATEST = "99991231235959.999999"
_SLICES = {"DA": slice(0, 8), "TM": slice(8, 21), "DT": slice(0, 21)}
_SHAPES = {
    "DA": re.compile(r"[0-9]{8}"),
    "TM": re.compile(r"[0-9]{2}([0-9]{2}([0-9]{2}(\.[0-9]{1,6})?)?)?"),
    "DT": re.compile(r"[0-9]{4}([0-9]{2}([0-9]{2}([0-9]{2}([0-9]{2}([0-9]{2}(\.[0-9]{1,6})?)?)?)?)?)?"),
}
_FORMATS = {
    "DA": ("Date", "yyyyMMdd", "20260131"),
    "TM": ("Time", "HHmmss.FFFFFF where HH is mandatory", "1430"),
    "DT": ("DateTime", "yyyyMMddHHmmss.FFFFFF where yyyy is mandatory", "20260131143000"),
}


@dataclass(frozen=True, slots=True)
class Equal:
    """Single Value Matching: the folded value is this."""

    value: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """List of UID Matching: the folded value is one of these. It is none of none: then nothing matches."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Range Matching, both ends included; None is an open end."""

    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Wild Card Matching of the whole folded value: `*` is any text, `?` any one character."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Words:
    """Fuzzy matching of a Person Name: its words, one after another, begin with these."""

    words: tuple[str, ...]


Condition = Equal | OneOf | Range | Wildcard | Words


@dataclass(frozen=True, slots=True)
class Key:
    """A matching key. An Instance without a value for the attribute matches no condition."""

    tag: int
    condition: Condition


@dataclass(frozen=True, slots=True)
class Query:
    """A search: which resources (`level` inside `scope`), what must hold, what to answer with, which page."""

    level: Level
    scope: Resource
    keys: tuple[Key, ...]
    attributes: frozenset[int]
    all_attributes: bool
    limit: int
    offset: int


def fold(vr: str, value: str) -> str:
    """The form of a value in which it is compared. A stored value that breaks the rules of its VR is text."""
    value = value[:LONGEST_COMPARED].strip(BLANK)
    if vr == "UI":
        return value
    if vr == "PN":
        return _fold_name(value)
    if vr in _SLICES:
        # PS3.5 Table 6.2-1, notes: old files separate the parts of dates by "." and of times by ":".
        plain = value.replace(":", "") if vr == "TM" else value.replace(".", "", 2) if vr == "DA" else _no_offset(value)
        return _fill(vr, plain, _EARLIEST) if _SHAPES[vr].fullmatch(plain) else value
    return _number(vr, value) or unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).casefold())


def words(name: str) -> str:
    """A Person Name as words between blanks: "Doe^John" gives " doe john ". No words give one blank."""
    parts = _NAME_SEPARATORS.split(_fold_name(name[:LONGEST_COMPARED].strip(BLANK)))
    return " ".join(["", *filter(None, parts), ""]) if any(parts) else " "


def takes_list(vr: str) -> bool:
    """Whether several values may be asked for at once."""
    return vr in _LIST_VRS


def condition(
    tag: int,
    vr: str,
    value: str,
    *,
    wildcards: bool,
    lists: bool,
    fuzzy: bool,
    said: Wording = wording.STANDARD,
) -> Condition | None:
    """What a matching key asks for. None is universal matching (PS3.4 C.2.2.2.3): everything matches."""
    value = value.strip(BLANK)
    if not value or (wildcards and not value.strip("*")):
        return None
    if vr in _SLICES:
        return _instants(tag, vr, value, said)
    if vr in _INTEGER_VRS or vr in _DECIMAL_VRS:
        return Equal(_checked_number(tag, vr, value, said))
    if wildcards and vr in _WILDCARD_VRS and not {"*", "?"}.isdisjoint(value):
        return Wildcard(_name_pattern(value) if vr == "PN" and fuzzy else fold(vr, value))
    if lists and vr in _LIST_VRS:
        return _one_of(vr, value)
    if vr == "PN" and fuzzy:
        found = tuple(words(value).split()[:MOST_WORDS])
        return Words(found) if found else OneOf(())
    return Equal(fold(vr, value))


def _one_of(vr: str, value: str) -> Condition:
    values = tuple(dict.fromkeys(folded for part in _LIST_SEPARATORS.split(value) if (folded := fold(vr, part))))
    return Equal(values[0]) if len(values) == 1 else OneOf(values)


def _fold_name(name: str) -> str:
    # Combining classes up to 9 (nukta, virama, voicing of kana) make another letter; those above are accents.
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if unicodedata.combining(c) <= 9).casefold()
    # PS3.5 6.2.1.1: delimiters after the last component or group that has a value may be left out.
    # An accent that stands alone decomposes into a blank, so blanks are stripped once more.
    return "=".join(group.rstrip("^ ") for group in plain.split("=")).rstrip("= ").lstrip()


def _name_pattern(value: str) -> str:
    """Viewers send what was typed between stars, with fuzzymatching: "*doe john*" is to find "Doe^John"."""
    pattern = re.sub(r"(?<=\*)[\^=,\s]+|[\^=,\s]+(?=\*)", "", _fold_name(value))
    return _NAME_SEPARATORS.sub("?", pattern)


def _number(vr: str, value: str) -> str | None:
    """One spelling of a number: "03" and "+3" are 3. None if it is not a number, or the VR not a number's."""
    try:
        if vr in _INTEGER_VRS:
            return str(int(value))
        return repr(float(value)) if vr in _DECIMAL_VRS else None
    except ValueError:
        return None


def _checked_number(tag: int, vr: str, value: str, said: Wording) -> str:
    number = _number(vr, value)
    if number is None:
        kind = "long" if vr in _INTEGER_VRS else "double"
        path = attributes.key(tag)
        raise BadParameter(said.number.format(keyword=_named(tag), path=path, value=value, kind=kind))
    return number


def _named(tag: int) -> str:
    return attributes.keyword(tag) or attributes.key(tag)


def _instants(tag: int, vr: str, value: str, said: Wording) -> Equal | Range:
    """Single Value or Range Matching of a date, time or both (PS3.4 C.2.2.2.5)."""

    def instant(text: str, rest: str) -> str:
        if not _SHAPES[vr].fullmatch(text) or not _exists(vr, text):
            kind, form, example = _FORMATS[vr]
            facts = {"keyword": _named(tag), "kind": kind, "form": form, "example": example}
            raise BadParameter(said.instant.format(text=text, value=value, **facts))
        return _fill(vr, text, rest)

    if "-" not in value:
        return Equal(instant(value, _EARLIEST))
    kind = _FORMATS[vr][0].lower()
    if vr == "DT" and (value.count("-") > 1 or "+" in value):
        raise BadParameter(said.offset.format(keyword=_named(tag), value=value))
    start, _, end = (part.strip(BLANK) for part in value.partition("-"))
    if not start and not end:
        raise BadParameter(said.no_ends)
    first = instant(start, _EARLIEST) if start else None
    last = instant(end, _LATEST) if end else None
    if first is not None and last is not None and first > last:
        raise BadParameter(said.order.format(keyword=_named(tag), kind=kind, value=value, first=start, last=end))
    return Range(first, last)


def _fill(vr: str, text: str, rest: str) -> str:
    return text + rest[_SLICES[vr]][len(text) :]


def _no_offset(value: str) -> str:
    return re.split(r"[+\-]", value, maxsplit=1)[0]


def _exists(vr: str, text: str) -> bool:
    whole = _EARLIEST[: _SLICES[vr].start] + text
    whole += _EARLIEST[len(whole) :]
    try:
        second = min(int(whole[12:14]), 59) if whole[12:14] <= "60" else 60  # PS3.5 Table 6.2-1: 60 is a leap second
        datetime(int(whole[:4]), int(whole[4:6]), int(whole[6:8]), int(whole[8:10]), int(whole[10:12]), second)
    except ValueError:
        return False
    return True

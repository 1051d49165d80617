"""Attribute matching (PS3.4 C.2.2.2): what a search asks for, and the form in which values are compared."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import pack, unpack

from filmroom.dicom import attributes, instants, wording
from filmroom.dicom.fields import Fields
from filmroom.dicom.instants import SLICES
from filmroom.dicom.order import By, Place
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import Level, Resource
from filmroom.dicom.wording import Wording
from filmroom.errors import BadParameter

LONGEST_COMPARED = 1024  # characters: the longest value of the VRs searched by; to normalise more can take minutes
MOST_WORDS = 20  # of a name that is asked for
MOST_LISTED = 10_000  # values in a list; databases take some 30,000 parameters
MOST_SEVERAL = 100  # values that must all be there
BLANK = " \t\r\n\0"  # what pads values
NO_VALUE = '""'  # in a matching key (PS3.4 C.2.2.2.7)
_NAME_SEPARATORS = re.compile(r"[\^=,\s]+")
_LIST_SEPARATORS = re.compile(r"[\\,]")
_ENDS_OF_WORDS = re.compile(r"(?<=[^\^=,\s*])\*+(?=[\^=,\s]|$)")

# PS3.4 C.2.2.2.4: the VRs whose values may be asked for with * and ?.
_WILDCARD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
# PS3.4 C.2.2.2.8: the VRs of which several values may be asked for, all of which must be there.
_SEVERAL_VRS = frozenset({"AE", "AS", "AT", "CS", "LO", "PN", "SH", "UC"})
# PS3.4 C.2.2.2.2 for UI. Neither "," nor "\" can be inside a CS value, and viewers join modalities by them.
_LIST_VRS = frozenset({"UI", "CS"})
_INTEGER_VRS = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_DECIMAL_VRS = frozenset({"DS", "FD", "FL"})

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
class AnyOf:
    """A list with wildcards: one of these holds."""

    conditions: "tuple[OneOf | Wildcard, ...]"


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


@dataclass(frozen=True, slots=True)
class Empty:
    """Empty Value Matching: there is no value."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """Multiple Value Matching, and names by several component groups: for each there is a value."""

    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Moments:
    """Range Matching of a date and the time that belongs to it as one: YYYYMMDD and HHMMSS.FFFFFF without a gap."""

    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """Times of day, of moments: in one of the ranges. Of two the first ends the day, the second begins it."""

    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Zoned:
    """A date, time or moment of a timezone: `utc` for values whose timezone is known, `plain` for the others."""

    utc: Range | TimeOfDay
    plain: "Condition"
    near: Range | None  # where all that matches lies, in whatever timezone: for the index


Condition = Equal | OneOf | AnyOf | Range | Wildcard | Words | Empty | AllOf | Moments | Zoned


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What a search asks for beyond plain matching; C-FIND has to negotiate it (PS3.4 C.5.1.1)."""

    empty: bool = False  # "" in quotation marks is Empty Value Matching
    several: bool = False  # Multiple Value Matching
    zone: str | None = None  # of the dates and times in matching keys, as +0100


@dataclass(frozen=True, slots=True)
class Key:
    """A matching key. An Instance without a value for the attribute matches no condition but `Empty`."""

    tag: int
    condition: Condition
    by: QueryTag | None = None  # the query tag that it names, if rows have no column for the attribute


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
    groups: frozenset[int] = frozenset()  # answered whole: 0x0010 is all that is known of the patient
    inside: Mapping[int, Fields] = field(default_factory=dict)  # of sequences, what of their Items is answered
    every_value: bool = False  # an attribute is compared by all its values, a name by each group; else by the first
    private: frozenset[QueryTag] = frozenset()  # to answer with: each lies in the block of its creator
    order: tuple[By, ...] = ()  # what is equal in all of these is newest first
    after: Place | None = None  # the matches behind this place in the order alone
    total: bool = False  # how many match is asked for, too
    own_limit: bool = False  # whether the limit is the service's: nobody asked for it
    patients: bool = False  # those whose Studies match are found, and not the Studies

    @property
    def listed(self) -> str:
        """What the answer is a list of."""
        return "PATIENT" if self.patients else self.level.name

    @property
    def tags(self) -> list[QueryTag]:
        """The query tags that are searched by."""
        return [key.by for key in self.keys if key.by is not None]


def fold(vr: str, value: str) -> str:
    """The form of a value in which it is compared. A stored value that breaks the rules of its VR is text."""
    value = value[:LONGEST_COMPARED].strip(BLANK)
    if vr == "UI":
        return value
    if vr == "PN":
        return _fold_name(value)
    if vr in SLICES:
        return instants.fold(vr, value)
    return _number(vr, value) or unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).casefold())


def words(name: str) -> str:
    """A Person Name as words between blanks: "Doe^John" gives " doe john ". No words give one blank."""
    parts = _NAME_SEPARATORS.split(_fold_name(name[:LONGEST_COMPARED].strip(BLANK)))
    return " ".join(["", *filter(None, parts), ""]) if any(parts) else " "


def takes_list(vr: str) -> bool:
    """Whether several values may be asked for at once."""
    return vr in _LIST_VRS


def takes_several(vr: str) -> bool:
    """Whether several values may be asked for that must all be there."""
    return vr in _SEVERAL_VRS


def condition(
    tag: int,
    vr: str,
    value: str,
    *,
    wildcards: bool,
    lists: bool,
    fuzzy: bool,
    said: Wording = wording.STANDARD,
    negotiated: Negotiated | None = None,
) -> Condition | None:
    """What a matching key asks for. None is universal matching (PS3.4 C.2.2.2.3): everything matches."""
    value = value.strip(BLANK)
    if not value or (wildcards and not value.strip("*")):
        return None
    if negotiated and negotiated.empty and value == NO_VALUE:
        return Empty()
    if negotiated and negotiated.several and vr in _SEVERAL_VRS and "\\" in value:
        parts = [part.strip(BLANK) for part in value.split("\\")]
        _check_count(tag, len(parts), MOST_SEVERAL)
        each = [_text(tag, vr, part, wildcards, lists, fuzzy, names=True) for part in parts if part and part.strip("*")]
        return _all_of(each) if any(parts) else OneOf(())
    if vr in SLICES:
        return instants_asked(tag, vr, value, said, negotiated)
    if vr in _INTEGER_VRS or vr in _DECIMAL_VRS:
        return Equal(_checked_number(tag, vr, value, said))
    return _text(tag, vr, value, wildcards, lists, fuzzy, names=negotiated is not None)


def _text(tag: int, vr: str, value: str, wildcards: bool, lists: bool, fuzzy: bool, *, names: bool) -> Condition | None:
    """Single Value, Wild Card and List Matching. `names`: Person Names by component group."""
    if vr == "PN" and fuzzy:
        # What words begin with is found anyway: a star behind one says nothing more.
        beginnings = _ENDS_OF_WORDS.sub("", value) if wildcards else value
        if not (wildcards and _is_pattern(beginnings)):
            return _words(tag, beginnings)
    if vr == "PN" and names:
        return _name(value, wildcards=wildcards, fuzzy=fuzzy)
    patterns = wildcards and vr in _WILDCARD_VRS and _is_pattern(value)
    if lists and vr in _LIST_VRS and (not patterns or _LIST_SEPARATORS.search(value)):
        return _one_of(tag, vr, value, patterns=patterns)
    if patterns:
        return Wildcard(_name_pattern(value[:LONGEST_COMPARED]) if vr == "PN" and fuzzy else fold(vr, value))
    return Equal(fold(vr, value))


def _words(tag: int, value: str) -> Condition:
    found = tuple(words(value).split())
    if len(found) > MOST_WORDS:
        name = attributes.name(tag)
        raise BadParameter(f"{name} is given {len(found)} words, and {MOST_WORDS} can be searched by at once.")
    return Words(found) if found else OneOf(())


def _is_pattern(value: str) -> bool:
    return not {"*", "?"}.isdisjoint(value)


def _all_of(conditions: list[Condition | None]) -> Condition | None:
    some = [condition for condition in conditions if condition is not None]
    return (AllOf(tuple(some)) if len(some) > 1 else some[0]) if some else None


def _name(value: str, *, wildcards: bool, fuzzy: bool) -> Condition | None:
    """A Person Name: "=山田^太郎" asks for the second component group, what has no "=" before it for any."""
    value = value[:LONGEST_COMPARED]
    folded = _name_pattern(value) if fuzzy else _fold_name(value)
    asked = groups(folded) or [folded]
    return _all_of(
        [
            Wildcard(group) if wildcards and _is_pattern(group) else Equal(group)
            for group in asked
            if not (wildcards and "*" in group and not group.strip("=*"))
        ]
    )


def groups(folded: str) -> list[str]:
    """The component groups of a folded name that have a value, each behind the delimiters that say which it is."""
    return ["=" * place + group for place, group in enumerate(folded.split("=", 2)) if group]


def _one_of(tag: int, vr: str, value: str, *, patterns: bool) -> Condition | None:
    """One of a list, whose values may be patterns."""
    values = tuple(dict.fromkeys(folded for part in _LIST_SEPARATORS.split(value) if (folded := fold(vr, part))))
    _check_count(tag, len(values), MOST_LISTED)
    wild = [one for one in values if _is_pattern(one)] if patterns else []
    if wild:
        _check_count(tag, len(wild), MOST_SEVERAL)
        plain = tuple(one for one in values if one not in wild)
        universal = not all(one.strip("*") for one in wild)
        return None if universal else AnyOf((*map(Wildcard, wild), *([OneOf(plain)] if plain else [])))
    return Equal(values[0]) if len(values) == 1 else OneOf(values)


def _check_count(tag: int, count: int, most: int) -> None:
    if count > most:
        raise BadParameter(f"{attributes.name(tag)} is given {count} values, and {most} can be searched by at once.")


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
    if "_" in value or not value.isascii():  # which Python would take
        return None
    try:
        if vr in _INTEGER_VRS:
            return str(int(value))
        if vr == "FL":  # 0.1 is to find what 0.1 becomes in four bytes
            return repr(unpack("f", pack("f", float(value)))[0])
        return repr(float(value)) if vr in _DECIMAL_VRS else None
    except (ValueError, OverflowError):
        return None


def _checked_number(tag: int, vr: str, value: str, said: Wording) -> str:
    number = _number(vr, value)
    if number is None or (vr in _INTEGER_VRS and not -(2**63) <= int(number) < 2**64):  # from SV to UV
        kind = "long" if vr in _INTEGER_VRS else "double"
        path = attributes.key(tag)
        raise BadParameter(said.number.format(keyword=attributes.name(tag), path=path, value=value, kind=kind))
    return number


def instants_asked(
    tag: int, vr: str, value: str, said: Wording, negotiated: Negotiated | None
) -> Equal | Range | Zoned:
    """Single Value or Range Matching of a date, time or both (PS3.4 C.2.2.2.5)."""
    if vr == "DT" and negotiated:
        return _moment(tag, value, said, negotiated.zone)
    if vr == "DT" and (value.count("-") > 1 or "+" in value):
        raise BadParameter(said.offset.format(keyword=attributes.name(tag), value=value))
    if "-" not in value:
        return Equal(instants.start(vr, _checked_instant(tag, vr, value, value, said)))
    found = ends(tag, vr, value, said)
    check_order(tag, vr, value, found, said)
    return found


def ends(tag: int, vr: str, value: str, said: Wording) -> Range:
    """The ends of a range of dates or times, wherever they lie."""
    first, _, last = (part.strip(BLANK) for part in value.partition("-"))
    if not first and not last:
        raise BadParameter(said.no_ends)
    return Range(
        instants.start(vr, _checked_instant(tag, vr, first, value, said)) if first else None,
        instants.end(vr, _checked_instant(tag, vr, last, value, said)) if last else None,
    )


def check_order(tag: int, vr: str, value: str, found: Range | Moments, said: Wording) -> None:
    """Refuse a range that ends before it begins."""
    if found.first is not None and found.last is not None and found.first > found.last:
        first, _, last = (part.strip(BLANK) for part in value.partition("-"))
        kind = _FORMATS[vr][0].lower()
        raise BadParameter(
            said.order.format(keyword=attributes.name(tag), kind=kind, value=value, first=first, last=last)
        )


# One DT, and how a range is told from an offset: -2024 is no offset, and -05002024 is none either.
_ONE = r"[0-9.]+(?:[+\- ](?:0[0-9]|1[0-4])[0-5][0-9](?![0-9]))?"
_MOMENT = re.compile(rf"(?P<only>{_ONE})|(?P<first>{_ONE})?\s*-\s*(?P<last>{_ONE})?")


def _moment(tag: int, value: str, said: Wording, zone: str | None) -> Equal | Range | Zoned:
    """A DT, or a range of them, with offsets from UTC or without."""
    found = _MOMENT.fullmatch(value)
    if found is None:
        raise _no_instant(tag, "DT", value, value, said)
    texts = [found["only"] or found["first"], found["only"] or found["last"]]
    if not any(texts):
        raise BadParameter(said.no_ends)
    (first, zone_of_first), (last, zone_of_last) = (instants.split((text or "").replace(" ", "+")) for text in texts)
    for local in filter(None, (first, last)):
        _checked_instant(tag, "DT", local, value, said)
    plain: Equal | Range
    if found["only"]:
        first = last = instants.start("DT", first)
        plain = Equal(first)
    else:
        first, last = first and instants.start("DT", first), last and instants.end("DT", last)
        plain = Range(first or None, last or None)
    zone = zone_of_first or zone_of_last or zone
    if zone is None:
        if isinstance(plain, Range):
            check_order(tag, "DT", value, plain, said)
        return plain
    in_utc = Range(
        instants.utc(first, zone_of_first or zone) if first else None,
        instants.utc(last, zone_of_last or zone) if last else None,
    )
    check_order(tag, "DT", value, in_utc, said)
    return Zoned(in_utc, plain, None)


def _checked_instant(tag: int, vr: str, text: str, value: str, said: Wording) -> str:
    if not instants.exists(vr, text):
        raise _no_instant(tag, vr, text, value, said)
    return text


def _no_instant(tag: int, vr: str, text: str, value: str, said: Wording) -> BadParameter:
    kind, form, example = _FORMATS[vr]
    facts = {"keyword": attributes.name(tag), "kind": kind, "form": form, "example": example}
    return BadParameter(said.instant.format(text=text, value=value, **facts))

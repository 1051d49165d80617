"""Attribute matching (PS3.4 C.2.2.2): what a matching key asks for, and the form in which values are compared."""

import re
import unicodedata
from dataclasses import dataclass
from struct import pack, unpack

from filmroom.dicom import attributes, instants, ranges, wording
from filmroom.dicom.conditions import (
    NO_VALUE,
    AllOf,
    AnyOf,
    Condition,
    Empty,
    Equal,
    Negotiated,
    OneOf,
    Wildcard,
    Words,
)
from filmroom.dicom.instants import BLANK, SLICES
from filmroom.dicom.wording import Wording
from filmroom.errors import BadParameter

LONGEST_COMPARED = 1024  # characters: the longest value of the VRs searched by; to normalise more can take minutes
MOST_WORDS = 20  # of a name that is asked for
MOST_LISTED = 10_000  # values in a list; databases take some 30,000 parameters
MOST_SEVERAL = 100  # values that must all be there
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


@dataclass(frozen=True, slots=True)
class Manner:
    """How the keys of a search are read."""

    wildcards: bool  # * and ?
    lists: bool  # several UIDs or codes, of which any will do
    fuzzy: bool = False  # names by the beginnings of their words
    said: Wording = wording.STANDARD  # of what is refused
    negotiated: Negotiated | None = None
    strict: bool = False  # what nothing can equal is refused


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


def condition(tag: int, vr: str, value: str, manner: Manner) -> Condition | None:
    """What a matching key asks for. None is universal matching (PS3.4 C.2.2.2.3): everything matches."""
    value, negotiated = value.strip(BLANK), manner.negotiated
    if not value or (manner.wildcards and not value.strip("*")):
        return None
    if negotiated and negotiated.empty and value == NO_VALUE:
        return Empty()
    if negotiated and negotiated.several and vr in _SEVERAL_VRS and "\\" in value:
        parts = [part.strip(BLANK) for part in value.split("\\")]
        _check_count(tag, len(parts), MOST_SEVERAL)
        each = [_text(tag, vr, part, manner) for part in parts if part and part.strip("*")]
        return _all_of(each) if any(parts) else OneOf(())
    if vr in SLICES:
        return ranges.asked(tag, vr, value, manner.said, negotiated)
    if vr in _INTEGER_VRS or vr in _DECIMAL_VRS:
        return Equal(_checked_number(tag, vr, value, manner))
    return _text(tag, vr, value, manner)


def _text(tag: int, vr: str, value: str, manner: Manner) -> Condition | None:
    """Single Value, Wild Card and List Matching."""
    if vr == "PN":
        return _name(tag, value, manner)
    patterns = manner.wildcards and vr in _WILDCARD_VRS and _is_pattern(value)
    if manner.lists and vr in _LIST_VRS and (not patterns or _LIST_SEPARATORS.search(value)):
        return _one_of(tag, vr, value, patterns=patterns)
    return Wildcard(fold(vr, value)) if patterns else Equal(fold(vr, value))


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


def _name(tag: int, value: str, manner: Manner) -> Condition | None:
    """A Person Name: "=山田^太郎" asks for the second component group, what has no "=" before it for any."""
    wildcards = manner.wildcards
    if manner.fuzzy:
        # What words begin with is found anyway: a star behind one says nothing more.
        beginnings = _ENDS_OF_WORDS.sub("", value) if wildcards else value
        if not (wildcards and _is_pattern(beginnings)):
            return _words(tag, beginnings)
    value = value[:LONGEST_COMPARED].strip(BLANK)
    folded = _name_pattern(value) if manner.fuzzy else _fold_name(value)
    asked = (groups(folded) if manner.negotiated else ()) or [folded]
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


def found_by(folded: str) -> list[str]:
    """What a folded name is found by: as a whole, and by each component group, with its delimiters and without."""
    placed = groups(folded)
    return list(dict.fromkeys((folded, *placed, *(group.lstrip("=") for group in placed))))


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


def _checked_number(tag: int, vr: str, value: str, manner: Manner) -> str:
    number = _number(vr, value)
    if number is None or (manner.strict and vr in _INTEGER_VRS and not -(2**63) <= int(number) < 2**64):  # SV to UV
        kind = "long" if vr in _INTEGER_VRS else "double"
        path = attributes.key(tag)
        raise BadParameter(manner.said.number.format(keyword=attributes.name(tag), path=path, value=value, kind=kind))
    return number

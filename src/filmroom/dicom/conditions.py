"""What must hold of attributes (PS3.4 C.2.2.2): the conditions that matching keys come to."""

from dataclasses import dataclass

from filmroom.dicom.query_tags import QueryTag

NO_VALUE = '""'  # in a matching key asks for what has none, where that is negotiated (PS3.4 C.2.2.2.7)


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

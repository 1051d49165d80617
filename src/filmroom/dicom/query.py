"""What a search asks for: the conditions that its keys come to, what is answered, and which page of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from filmroom.dicom.fields import Fields
from filmroom.dicom.order import By, Place
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import Level, Resource

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

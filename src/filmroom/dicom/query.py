"""What a search asks for: its matching keys, what is answered, and which page of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from filmroom.dicom.conditions import Key
from filmroom.dicom.fields import Fields
from filmroom.dicom.order import By, Place
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import Level, Resource


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
    padding: bool = True  # the values that rows hold are answered as they are, with blanks and NULs at their end
    private: frozenset[QueryTag] = frozenset()  # to answer with: each lies in the block of its creator
    order: tuple[By, ...] = ()  # what is equal in all of these is newest first
    after: Place | None = None  # the matches behind this place in the order alone
    total: bool = False  # how many match is asked for, too
    own_limit: bool = False  # whether the limit is the service's: nobody asked for it
    patients: bool = False  # those whose Studies match are found, and not the Studies

    @property
    def listed(self) -> str:
        """What is found: `listed`."""
        return listed(self.level, patients=self.patients)

    @property
    def tags(self) -> list[QueryTag]:
        """The query tags that are searched by."""
        return [key.by for key in self.keys if key.by is not None]


def listed(level: Level, *, patients: bool) -> str:
    """What the answer to a search is a list of."""
    return "PATIENT" if patients else level.name

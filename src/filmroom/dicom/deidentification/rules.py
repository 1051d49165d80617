"""What is done with each attribute: Table E.1-1 with the options of a profile, and a choice where it leaves one.

The type that an attribute has in its IOD is not known here. So of combined actions the one is taken that keeps the file
valid whatever the type is: a dummy before an empty value before none. Nobody can make up Items, though: of a sequence
an empty one comes first, then none, and a dummy, which is one Item without attributes, only where there is no choice.
"""

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from functools import lru_cache
from types import MappingProxyType

from filmroom.dicom import attributes
from filmroom.dicom.deidentification.profile import Option
from filmroom.dicom.deidentification.table import ADDED, REMOVED_GROUPS, TABLE

PATIENT_NAME, PATIENT_ID = 0x00100010, 0x00100020
_DATA_SETS = 0x0008  # the first group of one that describes images: the others are of commands, files, directories


class Action(Enum):
    """What is done with an attribute."""

    REMOVE = auto()
    EMPTY = auto()
    DUMMY = auto()
    UID = auto()
    KEEP = auto()  # of a sequence the same is done in its Items
    KEEP_ITEMS = auto()  # keep, if it is a sequence, as it must be
    SHIFT = auto()  # move dates
    PATIENT_ID = auto()
    PATIENT_NAME = auto()


# By the action of the table: that of a value, and that of a sequence.
_ACTIONS = {
    "X": (Action.REMOVE, Action.REMOVE),
    "Z": (Action.EMPTY, Action.EMPTY),
    "D": (Action.DUMMY, Action.DUMMY),
    "U": (Action.UID, Action.UID),
    "X/Z": (Action.EMPTY, Action.EMPTY),
    "X/D": (Action.DUMMY, Action.REMOVE),
    "Z/D": (Action.DUMMY, Action.EMPTY),
    "X/Z/D": (Action.DUMMY, Action.EMPTY),
    "X/Z/U*": (Action.KEEP_ITEMS, Action.KEEP_ITEMS),
}
_KEEPS = {"u": Option.UIDS, "d": Option.DEVICE, "i": Option.INSTITUTION, "p": Option.PATIENT, "t": Option.FULL_DATES}
_DATES = frozenset({"DA", "DT"})
_TIMES = frozenset({"TM", "SH"})  # of a day: only the date is modified. SH is Timezone Offset From UTC
# An empty value or a dummy (Z): a dummy that is the same for all of a patient.
_OF_THE_PATIENT = {PATIENT_NAME: Action.PATIENT_NAME, PATIENT_ID: Action.PATIENT_ID}


@lru_cache(maxsize=64)
def listed(options: frozenset[Option]) -> Mapping[str, Action]:
    """What is done with the attributes of the table, by their keys in the DICOM JSON Model."""
    return MappingProxyType({attributes.key(tag): _chosen(tag, options, *row) for tag, row in _rows()})


@lru_cache(maxsize=8192)
def unlisted(key: str) -> Action:
    """What is done with any other: what is private, or known to nobody, is removed (PS3.15 §E.1.1)."""
    tag = int(key, 16)
    group, vr = tag >> 16, attributes.vr(tag)
    if attributes.is_private(tag) or group < _DATA_SETS or group in REMOVED_GROUPS or vr is None:
        return Action.REMOVE
    return Action.KEEP_ITEMS if vr == "SQ" else Action.KEEP


def keeps(options: frozenset[Option], key: str) -> bool:
    """Whether an attribute is kept as it is."""
    return (listed(options).get(key) or unlisted(key)) in {Action.KEEP, Action.KEEP_ITEMS}


def basic(key: str) -> Action:
    """What is done with an attribute of the table without any option."""
    return listed(frozenset())[key]


def _rows() -> Iterator[tuple[int, tuple[str, str]]]:
    for table in (ADDED, TABLE):
        for row, names in table.items():
            for name in names.split():
                tag = attributes.parse(name)
                if tag is None:  # a dictionary that lost a keyword must not make us keep its attribute
                    raise ValueError(f"There is no attribute {name}.")
                yield tag, row


def _chosen(tag: int, options: frozenset[Option], action: str, letters: str) -> Action:
    vr = attributes.vr(tag)
    if any(_KEEPS[letter] in options for letter in letters):
        return Action.KEEP_ITEMS if vr == "SQ" else Action.KEEP
    if "t" in letters and Option.MODIFIED_DATES in options and vr in _DATES | _TIMES:
        return Action.SHIFT if vr in _DATES else Action.KEEP
    if tag in _OF_THE_PATIENT:
        return _OF_THE_PATIENT[tag]
    of_value, of_sequence = _ACTIONS[action]
    if vr == "UI" and of_value is Action.DUMMY:
        return Action.UID
    return of_sequence if vr == "SQ" else of_value

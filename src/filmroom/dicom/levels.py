"""The levels at which attributes belong and searches look."""

from enum import IntEnum


class Level(IntEnum):
    """The Query/Retrieve levels below Patient (PS3.4 C.3.4)."""

    STUDY = 1
    SERIES = 2
    INSTANCE = 3

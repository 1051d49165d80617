"""The chain: each line holds the hash of the line before it, and a sealed note says which line is the last.

A line that was changed, removed or moved no longer fits the next one. Only the end has no next, and the first has none
before it: that is what the note is for. Its seal is made with a key that lies elsewhere, so that who can write the
trail can't make a note that fits.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import orjson

from filmroom.audit.records import Facts
from filmroom.dicom.instants import written

NOTHING = "0" * 64  # what the first line has for the hash of the line before it
SLOT = 512  # bytes: a disk writes so many at once, or none of them

LIMITED = "limited"  # the action of requests that a limit refused, whatever they were

# Actions of the trail itself
RECOVERED, RETIRED, LOST, ALERT = "audit-recovered", "audit-retired", "audit-lost", "security-alert"


def line(number: int, previous: str, facts: Facts) -> bytes:
    """A line of the trail, its end included."""
    whole = {"n": number, "prev": previous}
    whole |= {name: value for name, value in facts.items() if value is not None}
    whole["time"] = written(facts["time"])
    try:
        return orjson.dumps(whole, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # what a token or a client says may be text that no UTF-8 can hold, or a number of any size
        return orjson.dumps(_plain(whole), option=orjson.OPT_APPEND_NEWLINE)


def _plain(value: Any) -> Any:
    """The value, whatever it is, as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(_plain(str(name))): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    try:
        orjson.dumps(value)
    except TypeError:
        return ascii(value)
    return value


def digest(written: bytes) -> str:
    """The hash of a line, its end included: what `tail -n 1 | sha256sum` says of the last."""
    return hashlib.sha256(written).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """Which line is the last: its number and hash, the file that it is in, and how long that file is.

    `first` is the number of the first line that must be there, for those before were removed when their time was over.
    Of lines its hash is not needed: the last one's fixes all that are before it.
    """

    number: int = 0
    hash: str = NOTHING
    file: str = ""
    size: int = 0
    first: int = 1

    def written(self, key: bytes) -> bytes:
        """The note, of one `SLOT`."""
        said = orjson.dumps(self)
        return orjson.dumps({"head": orjson.Fragment(said), "seal": _seal(key, said)}).ljust(SLOT)

    @classmethod
    def read(cls, note: bytes, key: bytes) -> Self | None:
        """What a note says; None if it is none, or its seal was made with another key."""
        try:
            found = orjson.loads(note)
            head = cls(**found["head"])
            genuine = hmac.compare_digest(found["seal"], _seal(key, orjson.dumps(head)))
        except (ValueError, TypeError, KeyError):
            return None
        return head if genuine else None


def newest(notes: bytes, key: bytes) -> Head | None:
    """The newest of the notes in slots one behind the other: they are written in turns, and one may be torn."""
    found = (Head.read(notes[start : start + SLOT], key) for start in range(0, len(notes), SLOT))
    return max((head for head in found if head), key=lambda head: head.number, default=None)


def _seal(key: bytes, said: bytes) -> str:
    return hmac.digest(key, said, "sha256").hex()

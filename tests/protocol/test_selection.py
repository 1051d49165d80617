"""Selection agrees with a slow plain implementation of RFC 9110 §12.5.1 and PS3.18 §8.7.8."""

from dataclasses import dataclass, replace
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filmroom.errors import NotAcceptable
from filmroom.protocol.dialects import DICOMWEB
from filmroom.protocol.negotiation import STORED, Kind, select

UIDS = EXPLICIT, JPEG, JPEG_2000, JPEG_LS, PRIVATE = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.80",
    "1.2.3",
)
DICOM, OCTETS = "application/dicom", "application/octet-stream"
# What the parts of each kind of resource can be: media type, Transfer Syntaxes (all), the default one.
TABLES: dict[Kind, dict[str, tuple[tuple[str, ...], str]]] = {
    Kind.INSTANCE: {DICOM: (UIDS, EXPLICIT)},
    Kind.FRAMES: {
        OCTETS: (UIDS, EXPLICIT),
        "image/jpeg": ((JPEG,), JPEG),
        "image/jp2": ((JPEG_2000,), JPEG_2000),
        "image/jls": ((JPEG_LS,), JPEG_LS),
    },
}


@dataclass(frozen=True)
class Value:
    """One value of Accept."""

    media_type: str
    multipart: bool
    syntax: str | None
    q: float

    def __str__(self) -> str:
        text = f'multipart/related; type="{self.media_type}"' if self.multipart else self.media_type
        return text + (f"; transfer-syntax={self.syntax}" if self.syntax else "") + f";q={self.q}"

    @property
    def range(self) -> str | None:
        if self.media_type == "*/*":
            return ""
        return self.media_type[:-1] if self.media_type.endswith("*") else None


@dataclass(frozen=True)
class Representation:
    """Something that can be sent."""

    media_type: str
    uid: str
    multipart: bool


def asks(value: Value, one: Representation, kind: Kind, stored: str) -> bool:
    """Whether a value asks for a representation; a range asks for what the resource has as its default."""
    _, default = TABLES[kind][one.media_type]
    if value.range is None:
        if (value.media_type, value.multipart) != (one.media_type, one.multipart):
            return False
        as_any = stored if one.media_type in {DICOM, OCTETS} else default
        return one.uid == {None: default, STORED: as_any}.get(value.syntax, value.syntax)
    if not one.multipart:
        return False
    if kind is Kind.INSTANCE:
        return one.uid == (stored if value.syntax in {None, STORED} else value.syntax)
    if one.media_type == OCTETS:
        return one.uid == {None: EXPLICIT, STORED: stored}.get(value.syntax, value.syntax)
    alone = value.range == "" and not value.multipart
    return alone and one.uid == (default if value.syntax in {None, STORED} else value.syntax)


def specificity(value: Value, one: Representation, kind: Kind) -> tuple[int, int] | None:
    """How closely a value speaks of a representation, or None."""
    if value.range is None:
        if (value.media_type, value.multipart) != (one.media_type, one.multipart):
            return None
        by_type = 3
    elif one.media_type.startswith(value.range) and one.multipart >= value.multipart:
        by_type = 2 if value.range else 1
    else:
        return None
    if value.syntax is None:
        return by_type, 3 if by_type == 3 and one.uid == TABLES[kind][one.media_type][1] else 1
    if value.syntax == STORED:
        return by_type, 2
    return (by_type, 3) if value.syntax == one.uid else None


def quality(values: list[Value], one: Representation, kind: Kind) -> float:
    """The q of the most specific value that speaks of a representation."""
    spoken = [(found, value.q) for value in values if (found := specificity(value, one, kind))]
    return max(spoken, default=((0, 0), 0.0))[1]


def welcome(values: list[Value], kind: Kind, stored: str, wide: bool = False) -> dict[Representation, float]:
    """Everything asked for whose q is above 0. `wide` takes a range for all that is in it, in the form asked for."""
    found: dict[Representation, float] = {}
    for media_type, (uids, _) in TABLES[kind].items():
        for uid, multipart in product(uids, (False, True)):
            one = Representation(media_type, uid, multipart)
            asking = [value for value in values if value.q > 0]
            if wide:
                asking = [replace(value, media_type=media_type) for value in asking if within(value, one)]
            if any(asks(value, one, kind, stored) for value in asking) and (q := quality(values, one, kind)) > 0:
                found[one] = q
    return found


def within(value: Value, one: Representation) -> bool:
    """Whether a representation is in a range."""
    return value.range is not None and one.media_type.startswith(value.range)


def best(values: list[Value], kind: Kind, stored: str, can: frozenset[str]) -> set[Representation]:
    """Those of the highest q that can be sent, of these those that need no conversion."""
    wide = not any(welcome(values, kind, uid) for uid in UIDS)  # the defaults are refused, whatever is stored
    weighed = {
        one: (q, one.uid == stored)
        for one, q in welcome(values, kind, stored, wide).items()
        if one.uid == stored or one.uid in can
    }
    highest = max(weighed.values(), default=None)
    return {one for one, rank in weighed.items() if rank == highest}


VALUES = st.builds(
    Value,
    st.sampled_from([DICOM, OCTETS, "image/jp2", "image/jls", "*/*", "application/*", "text/html"]),
    st.booleans(),
    st.sampled_from([None, None, STORED, *UIDS]),
    st.sampled_from([1.0, 1.0, 0.5, 0.1, 0.0]),
)


@pytest.mark.parametrize("kind", TABLES)
@given(st.lists(VALUES, min_size=1, max_size=4), st.sampled_from(UIDS), st.frozensets(st.sampled_from(UIDS)))
@example([Value(DICOM, False, JPEG, 0.0), Value(DICOM, False, STORED, 1.0)], JPEG, frozenset(UIDS))
@example([Value("*/*", False, None, 1.0), Value(DICOM, True, None, 0.0)], EXPLICIT, frozenset())
@example([Value("*/*", False, None, 1.0), Value(DICOM, True, None, 0.1)], JPEG, frozenset(UIDS))
def test_selection_agrees_with_the_plain_one(kind: Kind, values: list[Value], stored: str, can: frozenset[str]) -> None:
    expected = best(values, kind, stored, can)
    try:
        selected = select([", ".join(map(str, values))], (), DICOMWEB.offers[kind])
    except NotAcceptable:
        assert not expected
        return
    found = selected.fit(stored, lambda uid: uid in can)
    if not expected:  # what is stored in the end, where the Transfer Syntax was left open
        assert found is None or (found.fallback and found.transfer_syntax == STORED)
        return
    assert found is not None
    uid = stored if found.transfer_syntax == STORED else found.transfer_syntax
    assert Representation(found.media_type, uid, found.multipart) in expected

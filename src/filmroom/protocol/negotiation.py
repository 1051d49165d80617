"""Content negotiation (PS3.18 §8.7): what Accept asks for, laid against a table of what can be sent."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import lru_cache

from filmroom.errors import BadRequest, NotAcceptable
from filmroom.protocol import media_types
from filmroom.protocol.media_types import MediaType

STORED = "*"  # as Transfer Syntax: the bytes as they are stored


class Kind(Enum):
    """What is asked for. Every dialect has a table of offers for each kind that it serves."""

    STUDY = auto()  # all Instances of a Study or a Series
    INSTANCE = auto()
    FRAMES = auto()
    RENDERED = auto()
    THUMBNAIL = auto()
    BULKDATA = auto()
    METADATA = auto()
    SEARCH = auto()
    STORE = auto()


@dataclass(frozen=True, slots=True)
class Offer:
    """One row of a table: for a media type (or range) in Accept, what is sent.

    `accept` is matched exactly; for multipart it is the `type` parameter, "" when there is none.
    """

    accept: str
    media_type: str
    payloads: frozenset[bool]  # in which forms it can be asked for: True is multipart
    default: tuple[str, ...] = (STORED,)  # Transfer Syntaxes if none is asked for, best first
    stored: tuple[str, ...] = (STORED,)  # ... and if "*" is
    allowed: frozenset[str] | None = None  # others that may be asked for; None is any
    multipart: bool | None = None  # the form in which it is sent; None is as asked
    fallback: bool = False  # without a Transfer Syntax asked for, the stored one will do if the default can't be made

    def __str__(self) -> str:
        """As it stands in an Accept header."""
        return self.accept if False in self.payloads else f'multipart/related; type="{self.accept}"'


@dataclass(frozen=True, eq=False, slots=True)
class Offers:
    """The table of one kind of resource in one dialect."""

    rows: tuple[Offer, ...]
    without_accept: str | None = None  # the Accept that a request without one is taken to have; None refuses it
    refusal: str | None = None  # the message when nothing fits; None lists what would
    accept_parameter: bool = False  # the query parameter `accept` wins over the header (PS3.18 §8.3.3.1)
    alternatives: bool = False  # what comes after the best choice is a choice, too
    multipart_by_line: bool = False  # a header line that begins with multipart/related is multipart all through


@dataclass(frozen=True, slots=True)
class Selected:
    """What to send: `transfer_syntax` is a UID or STORED, `fallback` allows STORED in its place."""

    media_type: str
    transfer_syntax: str
    multipart: bool
    fallback: bool = False
    q: float = 1.0
    alternatives: tuple["Selected", ...] = ()  # what may be sent instead, best first

    def fit(self, stored: str, convertible: Callable[[str], bool]) -> "Selected | None":
        """The best choice that can be made of an object in the Transfer Syntax `stored`, or None.

        `convertible` says whether it can be brought into another one. Of equal choices the one that needs no
        conversion is best.
        """
        choices = (self, *self.alternatives)
        best: Selected | None = None
        for choice in choices:
            as_stored = choice.transfer_syntax in {STORED, stored}
            if best is not None and (choice.q < best.q or not as_stored):
                continue
            if as_stored:
                return choice
            if convertible(choice.transfer_syntax):
                best = choice
        if best is not None:
            return best
        return next((replace(choice, transfer_syntax=STORED) for choice in choices if choice.fallback), None)

    def for_parts(self, count: int) -> "Selected":
        """The best choice that can carry so many parts."""
        for place, choice in enumerate((self, *self.alternatives)):
            if choice.multipart or count == 1:
                return choice if place == 0 else replace(choice, alternatives=self.alternatives[place:])
        raise BadRequest(
            "The accept header is supported for single frame retrieval, use multi-part accept header instead."
        )


def select(accept: Sequence[str], query_accept: str | None, offers: Offers) -> Selected:
    """The best that the request accepts: by q, then Transfer Syntax "*" first, then by the order in Accept.

    `accept` holds the Accept header lines, `query_accept` the query parameter of that name.
    """
    if offers.accept_parameter and query_accept:
        accept = (_restore_plus(query_accept),)
    elif not any(accept) and offers.without_accept is not None:
        accept = (offers.without_accept,)
    return _select(tuple(accept), offers)


@lru_cache(maxsize=256)  # clients repeat themselves
def _select(accept: tuple[str, ...], offers: Offers) -> Selected:
    asked = [_Asked.of(value, by_line) for value, by_line in _values(accept, offers.multipart_by_line)]
    refused = {one.media_type for one in asked if one.q == 0}
    ordered = sorted((one for one in asked if one.q > 0), key=lambda one: (-one.q, one.transfer_syntax != STORED))
    choices = tuple(
        dict.fromkeys(
            choice
            for one in ordered
            for offer in offers.rows
            if offer.media_type not in refused
            for choice in _choices(one, offer)
        )
    )
    if not choices:
        raise NotAcceptable(_refusal(offers))
    return replace(choices[0], alternatives=choices[1:]) if offers.alternatives else choices[0]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One value of Accept, taken out of its wrapping."""

    media_type: str
    multipart: bool
    transfer_syntax: str | None
    q: float

    @classmethod
    def of(cls, value: MediaType, multipart: bool) -> "_Asked":
        inside = value.parameters.get("type", "").strip().lower() if value.type in _WRAPPERS else value.type
        syntax = value.parameters.get("transfer-syntax")
        return cls(inside, multipart or value.type in _WRAPPERS, syntax.strip() if syntax else None, value.q)


_WRAPPERS = frozenset({"multipart/related", "multipart/*"})


def _values(accept: Sequence[str], by_line: bool) -> Iterator[tuple[MediaType, bool]]:
    for line in accept:
        multipart = by_line and line.lstrip().lower().startswith("multipart/related")
        for value in media_types.parse_accept([line]):
            yield value, multipart


def _choices(asked: _Asked, offer: Offer) -> Iterator[Selected]:
    if offer.accept != asked.media_type or asked.multipart not in offer.payloads:
        return
    multipart = asked.multipart if offer.multipart is None else offer.multipart
    syntax = asked.transfer_syntax
    if syntax is None:
        syntaxes = offer.default
    elif syntax == STORED:
        syntaxes = offer.stored
    else:
        syntaxes = (syntax,) if offer.allowed is None or syntax in offer.allowed else ()
    for one in syntaxes:
        yield Selected(offer.media_type, one, multipart, offer.fallback and syntax is None, asked.q)


def _restore_plus(accept: str) -> str:
    """A "+" that was not percent-encoded arrives as a blank: "application/dicom json"."""
    return re.sub(r"(?<=\w) (?=\w)", "+", accept)


def _refusal(offers: Offers) -> str:
    if offers.refusal is not None:
        return offers.refusal
    plain = [offer for offer in offers.rows if offer.accept in {offer.media_type, "*/*"}]
    acceptable = dict.fromkeys(str(offer) for offer in plain)
    return f"Nothing that the request accepts can be sent. Acceptable here: {', '.join(acceptable)}."

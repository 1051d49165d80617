"""Content negotiation (PS3.18 §8.7): what Accept asks for, laid against a table of what can be sent."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from filmroom.dicom import transfer_syntax
from filmroom.errors import BadParameter, BadRequest, NotAcceptable
from filmroom.protocol import media_types
from filmroom.protocol.kinds import Kind as Kind
from filmroom.protocol.media_types import MediaType

STORED = "*"  # as Transfer Syntax: the bytes as they are stored


@dataclass(frozen=True, slots=True)
class Offer:
    """One row of a table: for a media type (or range) in Accept, what is sent.

    `accept` is matched exactly; for multipart it is the `type` parameter, "" when there is none. The row of a range
    is what the range means for this resource: its default (PS3.18 §8.7.7).
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
    unmade: str | None = None  # ... when the Transfer Syntax can't be made; None lists what can
    one_part: str | None = None  # ... when several parts are asked for in one (400); None lists what would do (406)
    accept_parameter: bool = False  # the query parameter `accept` goes before the header (PS3.18 §8.7.8.1)
    specific: bool = False  # RFC 9110 §12.5.1: the most specific value counts, and all that fits is a choice
    multipart_by_line: bool = False  # a header line that begins with multipart/related is multipart all through
    charset: bool = False  # text, in UTF-8 alone: the query parameter `charset` must allow that (PS3.18 §8.3.3.2)

    @property
    def named(self) -> tuple[Offer, ...]:
        """The rows that are no range and no second name of a media type."""
        return tuple(row for row in self.rows if row.accept == row.media_type.lower())


@dataclass(frozen=True, slots=True)
class Selected:
    """What to send: `transfer_syntax` is a UID or STORED, `fallback` allows STORED in its place."""

    media_type: str
    transfer_syntax: str
    multipart: bool
    fallback: bool = False
    q: float = 1.0
    alternatives: tuple["Selected", ...] = ()  # what may be sent instead, best first
    exceptions: tuple[tuple[str, float], ...] = ()  # q of Transfer Syntaxes that the request names besides STORED
    offers: Offers | None = field(default=None, compare=False, repr=False)  # the table that it was chosen from

    @property
    def choices(self) -> tuple["Selected", ...]:
        """This and its alternatives, best first."""
        return (self, *self.alternatives)

    def only(self, wanted: Callable[["Selected"], bool]) -> "Selected | None":
        """The same with those of its choices alone; None if there are none."""
        return _best_of([one for one in self.choices if wanted(one)])

    def fit(self, stored: str, convertible: Callable[[str], bool]) -> "Selected | None":
        """The best choice that can be made of an object in the Transfer Syntax `stored`, or None.

        `convertible` says whether it can be brought into another one. Of equal choices the one that needs no
        conversion is best. The alternatives are what could be made instead, should the codec refuse these pixels:
        at last, where no Transfer Syntax was named, what is stored.
        """
        choices = [replace(choice, alternatives=()) for choice in self.choices]
        possible = [one for one in choices if one._is_stored(stored) or convertible(one.transfer_syntax)]
        ranked = sorted(
            (one for one in possible if one._weight(stored) > 0),
            key=lambda one: (-one._weight(stored), not one._is_stored(stored)),
        )
        lying = (replace(one, transfer_syntax=STORED) for one in choices if one.fallback)
        ranked += [one for one in lying if one._weight(stored) > 0]
        return _best_of(ranked)

    @property
    def next(self) -> "Selected | None":
        """The next best, with what comes after it."""
        return _best_of(self.alternatives)

    def fitting(self, stored: str, convertible: Callable[[str], bool]) -> "Selected":
        """The same, and an error that says what would do if nothing fits."""
        choice = self.fit(stored, convertible)
        if choice is None:
            asked = {one.media_type for one in self.choices}
            raise NotAcceptable(_unmade(self.offers, asked, stored, convertible))
        return choice

    def for_parts(self, count: int) -> "Selected":
        """The choices that can carry so many parts."""
        if count == 1:
            return self
        choices = self.only(lambda one: one.multipart or one.media_type in _HOLD_MANY)
        if choices is not None:
            return choices
        if self.offers is None or self.offers.one_part is not None:
            raise BadRequest((self.offers and self.offers.one_part) or "Several parts need a multipart answer.")
        several = [str(replace(row, payloads=_MULTIPART)) for row in self.offers.named if True in row.payloads]
        raise NotAcceptable(
            f"There are several parts to send, which one part can't carry. Acceptable here: {', '.join(several)}."
        )

    def _is_stored(self, stored: str) -> bool:
        return self.transfer_syntax in {STORED, stored}

    def _weight(self, stored: str) -> float:
        if self.transfer_syntax != STORED:
            return self.q
        return dict(self.exceptions).get(stored, self.q)


def _best_of(choices: Sequence[Selected]) -> Selected | None:
    """Choices, best first, as one."""
    if len(choices) == 1 and not choices[0].alternatives:
        return choices[0]  # the most frequent case, and a copy costs as much as a look-up
    return replace(choices[0], alternatives=tuple(choices[1:])) if choices else None


_MULTIPART = frozenset({True})
_HOLD_MANY = frozenset({"application/zip", "application/dicom+json"})  # in one part


def select(accept: Sequence[str], query_accept: Sequence[str], offers: Offers) -> Selected:
    """The best that the request accepts (PS3.18 §8.7.8).

    `accept` holds the Accept header lines, `query_accept` the query parameters of that name. These go first; if
    nothing of them can be sent, the header counts.
    """
    if offers.accept_parameter and any(query_accept):
        choices = _select(tuple(map(media_types.restored, query_accept)), offers)
        if choices:
            return choices[0]
    elif not any(accept) and offers.without_accept is not None:
        accept = (offers.without_accept,)
    choices = _select(tuple(accept), offers)
    if not choices:
        raise NotAcceptable(_refusal(tuple(accept), offers))
    return choices[0]


def check_charset(values: Sequence[str], offers: Offers) -> None:
    """Refuse the query parameter `charset` if it does not allow UTF-8 (PS3.18 §8.3.3.2, §8.8)."""
    named = {media_types.parse(one).type for value in values for one in value.split(",") if one.strip()}
    if offers.charset and named and not named & _UTF_8:
        raise BadParameter("The query parameter 'charset' is not supported: the answer is in UTF-8, charset=utf-8.")


_UTF_8 = frozenset({"utf-8", "utf8", "iso_ir 192", "*/*"})


@lru_cache(maxsize=256)  # clients repeat themselves
def _select(accept: tuple[str, ...], offers: Offers) -> tuple[Selected, ...]:
    """The best choice, which holds the others, or nothing."""
    asked = [_Asked.of(value, by_line) for value, by_line in _values(accept, offers.multipart_by_line)]
    choices = _specific(asked, offers) if offers.specific else _as_listed(asked, offers)
    best = _best_of(choices)
    return (best,) if best else ()


@dataclass(frozen=True, slots=True)
class _Asked:
    """One value of Accept, taken out of its wrapping."""

    media_type: str
    multipart: bool
    transfer_syntax: str | None
    q: float

    @classmethod
    def of(cls, value: MediaType, multipart: bool) -> "_Asked":
        syntax = value.parameters.get("transfer-syntax")
        if value.type in _WRAPPERS:
            inside = media_types.parse(value.parameters.get("type", ""))
            syntax = syntax or inside.parameters.get("transfer-syntax")
            return cls(inside.type, True, syntax.strip() if syntax else None, value.q)
        return cls(value.type, multipart, syntax.strip() if syntax else None, value.q)

    @property
    def range(self) -> str | None:
        """What the media types in it begin with, if it is a range."""
        if self.media_type in {"", "*/*"}:
            return ""
        return self.media_type[:-1] if self.media_type.endswith("/*") else None


_WRAPPERS = frozenset({"multipart/related", "multipart/*"})


def _values(accept: Sequence[str], by_line: bool) -> Iterator[tuple[MediaType, bool]]:
    for line in accept:
        multipart = by_line and line.lstrip().lower().startswith("multipart/related")
        for value in media_types.parse_accept([line]):
            yield value, multipart


# --- Azure: the first that fits, of the highest q, and of these the stored Transfer Syntax


def _as_listed(asked: Sequence[_Asked], offers: Offers) -> list[Selected]:
    refused = {one.media_type for one in asked if one.q == 0}
    ordered = sorted((one for one in asked if one.q > 0), key=lambda one: (-one.q, one.transfer_syntax != STORED))
    choices = (
        replace(choice, q=one.q, offers=offers)
        for one in ordered
        for row in offers.rows
        if row.media_type not in refused
        for choice in _choices(one, row)
    )
    return list(choices)[:1]


def _choices(asked: _Asked, row: Offer) -> Iterator[Selected]:
    """What a value asks for, if it is the row's."""
    if row.accept != asked.media_type or asked.multipart not in row.payloads:
        return
    multipart = asked.multipart if row.multipart is None else row.multipart
    syntax = asked.transfer_syntax
    if syntax is None:
        syntaxes = row.default
    elif syntax == STORED:
        syntaxes = row.stored
    else:
        syntaxes = (syntax,) if row.allowed is None or syntax in row.allowed else ()
    for one in syntaxes:
        yield Selected(row.media_type, one, multipart, row.fallback and syntax is None)


# --- The Standard: everything that is asked for, each weighed by the most specific value that speaks of it


_MOST_VALUES = 32  # of Accept: each is weighed against each, and no client has that many


def _specific(asked: Sequence[_Asked], offers: Offers) -> list[Selected]:
    if len(asked) > _MOST_VALUES:
        raise BadRequest(f"More than {_MOST_VALUES} media types are accepted; name those that matter.")
    welcome = [one for one in asked if one.q > 0]
    defaults = (choice for one in welcome for row in offers.rows for choice in _choices(one, row))
    weighed = _weighed(defaults, asked, offers)
    if not weighed:  # what a range means is refused by name; there may be more in it
        within = (choice for one in welcome for row in offers.named for choice in _within(one, row))
        weighed = _weighed(within, asked, offers)
    return sorted(weighed, key=lambda choice: -choice.q)


def _within(asked: _Asked, row: Offer) -> Iterator[Selected]:
    if asked.range is not None and row.accept.startswith(asked.range):
        yield from _choices(replace(asked, media_type=row.accept), row)


def _weighed(choices: Iterator[Selected], asked: Sequence[_Asked], offers: Offers) -> list[Selected]:
    """Each choice once, with its q, if that is not 0."""
    weighed: dict[tuple[str, str, bool], Selected] = {}
    for choice in choices:
        key = (choice.media_type, choice.transfer_syntax, choice.multipart)
        if key in weighed:
            weighed[key] = replace(weighed[key], fallback=weighed[key].fallback or choice.fallback)
            continue
        q = _q(choice, choice.transfer_syntax, asked, offers)
        as_stored = choice.transfer_syntax == STORED
        exceptions = tuple(_exceptions(choice, q, asked, offers)) if as_stored or choice.fallback else ()
        if q > 0 or (as_stored and any(other > 0 for _, other in exceptions)):
            weighed[key] = replace(choice, q=q, exceptions=exceptions, offers=offers)
    return list(weighed.values())


def _exceptions(choice: Selected, q: float, asked: Sequence[_Asked], offers: Offers) -> Iterator[tuple[str, float]]:
    """The Transfer Syntaxes with another q than `q`, if it should be one of these that is stored."""
    named = {one.transfer_syntax or STORED for one in asked}
    for uid in sorted(named.union(*(row.default for row in offers.rows)) - {STORED}):
        other = _q(choice, uid, asked, offers)
        if other != q:
            yield uid, other


def _q(choice: Selected, syntax: str, asked: Sequence[_Asked], offers: Offers) -> float:
    """The q of the most specific value that speaks of `choice` in this Transfer Syntax."""
    best: tuple[tuple[int, int], float] = ((0, 0), 0.0)
    for one in asked:
        specificity = _specificity(one, choice, syntax, offers)
        if specificity is not None:
            best = max(best, (specificity, one.q))
    return best[1]


def _specificity(asked: _Asked, choice: Selected, syntax: str, offers: Offers) -> tuple[int, int] | None:
    """How closely a value speaks of `choice`: by its media type, then its Transfer Syntax. None: not at all."""
    default: tuple[str, ...]
    if asked.range is not None:
        if (asked.multipart and not choice.multipart) or not choice.media_type.lower().startswith(asked.range):
            return None
        by_type, default = 2 if asked.range else 1, ()
    else:
        rows = [row for row in offers.rows if (row.accept, row.media_type) == (asked.media_type, choice.media_type)]
        if not rows or asked.multipart != choice.multipart:
            return None
        by_type, default = 3, rows[0].default
    if asked.transfer_syntax is None:
        # It means the default one (PS3.18 §8.7.3.5.2); of others it speaks as of everything (RFC 9110 §12.5.1).
        return by_type, 3 if syntax in default else 1
    if asked.transfer_syntax == STORED:
        return by_type, 2
    return (by_type, 3) if asked.transfer_syntax == syntax else None


# --- What to say


def _refusal(accept: tuple[str, ...], offers: Offers) -> str:
    if offers.refusal is not None:
        return offers.refusal
    asked = {_Asked.of(value, by_line).media_type for value, by_line in _values(accept, offers.multipart_by_line)}
    ranges = [row for row in offers.rows if row.accept == "*/*" and False in row.payloads]
    listed = dict.fromkeys(_listed(row, row.accept in asked) for row in (*offers.named, *ranges))
    return f"Nothing that the request accepts can be sent. Acceptable here: {', '.join(listed)}."


def _listed(row: Offer, syntaxes: bool) -> str:
    """A row as it stands in Accept; if it was asked for, the Transfer Syntaxes must be what is wrong."""
    if not syntaxes or row.allowed is None:
        return str(row)
    return ", ".join(f"{row}; transfer-syntax={uid}" for uid in sorted(row.allowed))


def _unmade(offers: Offers | None, asked: Collection[str], stored: str, convertible: Callable[[str], bool]) -> str:
    if offers is None or offers.unmade is not None:
        return (offers and offers.unmade) or "The specified transcoding is not supported."
    made = [uid for uid in transfer_syntax.ALL if uid == stored or convertible(uid)]
    possible = [(row, uids) for row in offers.named if (uids := _possible(row, made))]
    together: dict[str, list[str]] = {}  # the media types that come in the same Transfer Syntaxes
    for row, uids in [one for one in possible if one[0].media_type in asked] or possible:
        together.setdefault(" or ".join(uids), []).append(str(row))
    listed = ["transfer-syntax=*", *(f"{', '.join(rows)}; transfer-syntax={uids}" for uids, rows in together.items())]
    return (
        f"What is stored in the Transfer Syntax {stored} can't be sent in one that the request accepts. "
        f"Acceptable here: {', '.join(listed)}."
    )


def _possible(row: Offer, made: Collection[str]) -> list[str]:
    """The Transfer Syntaxes that are named with a row: of bytes those that have no media type of their own."""
    if row.allowed is not None:
        return [uid for uid in made if uid in row.allowed]
    every = row.media_type != transfer_syntax.OCTET_STREAM
    return [uid for uid in made if every or not transfer_syntax.find(uid).encapsulated]

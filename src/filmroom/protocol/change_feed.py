"""The parameters of the change feed of the Azure service: windows of sequences (its v1) and of time (its v2)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from filmroom.dicom.wording import Wording
from filmroom.errors import BadParameter
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.parameters import LARGEST_INTEGER, boolean, integer

_NAMES = ("offset", "limit", "starttime", "endtime", "includemetadata", "since")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BEYOND_MICROSECONDS = re.compile(r"(\.[0-9]{6})([0-9]+)")
# A plus that was not encoded arrives as a blank (09:00:00 01:00), and nothing else can be meant by it.
_LOST_PLUS = re.compile(r"(:[0-9]{2}(?:\.[0-9]+)?) ([0-9]{2}:?[0-9]{2})")


@dataclass(frozen=True, slots=True)
class BySequence:
    """Changes by their sequences: those above `after` and not above `up_to`."""

    after: int
    up_to: int
    limit: int


@dataclass(frozen=True, slots=True)
class ByTime:
    """Changes by their times, in seconds since 1970: from `start` on and before `end`, without the first `offset`."""

    start: float
    end: float
    offset: int
    limit: int


Window = BySequence | ByTime


def parse(dialect: Dialect, parameters: Iterable[tuple[str, str]]) -> Window:
    """The changes that percent-decoded parameters ask for."""
    given, said = _sorted(parameters), dialect.wording
    name = str.title if dialect.changes_by_time else str.lower  # as that service has it in its sentences
    limit = integer(name("limit"), given["limit"], dialect.default_changes, 1, dialect.largest_changes, said)
    if dialect.changes_since and any(given["since"]):
        if any(map(any, (given["offset"], given["starttime"], given["endtime"]))):
            raise BadParameter("since goes with limit and includeMetadata alone: leave out offset, startTime, endTime.")
        return BySequence(integer("since", given["since"], 0, 0, LARGEST_INTEGER, said), LARGEST_INTEGER, limit)
    offset = integer(name("offset"), given["offset"], 0, 0, LARGEST_INTEGER, said)
    if not dialect.changes_by_time:
        return BySequence(offset, min(offset + limit, LARGEST_INTEGER), limit)
    start, end = (_instant(end, given[end.lower()], said) for end in ("startTime", "endTime"))
    if start is not None and end is not None and start >= end:
        raise BadParameter(
            f"The start time '{written(start)}' must occur strictly before the end time '{written(end)}'."
        )
    return ByTime(float("-inf") if start is None else start, float("inf") if end is None else end, offset, limit)


def includes_metadata(dialect: Dialect, parameters: Iterable[tuple[str, str]]) -> bool:
    """Whether each change comes with what is known of its Instance."""
    values = _sorted(parameters)["includemetadata"]
    return boolean("includeMetadata", "includeMetadata", values, True, dialect.wording)


def last_seen(header: str | None, values: Sequence[str], dialect: Dialect) -> int | None:
    """The sequence after which a stream goes on: of the header that browsers send when they come back, or the query."""
    given = [header] if header else values
    name = "Last-Event-ID" if header else "since"
    return integer(name, given, 0, 0, LARGEST_INTEGER, dialect.wording) if any(given) else None


def written(timestamp: float) -> str:
    """A time as the feed gives it: seven places after the second, as .NET counts, and an offset."""
    first, last = ((end.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND for end in (datetime.min, datetime.max))
    moment = _EPOCH + min(max(round(timestamp * 1_000_000), first), last) * _MICROSECOND  # what is beyond is the end
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}0+00:00"


def _sorted(parameters: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Values by name, in any letter case; what is no parameter of the feed is passed over, as by that service."""
    values: dict[str, list[str]] = {name: [] for name in _NAMES}
    for name, value in parameters:
        if name.lower() in values:
            values[name.lower()].append(value)
    return values


def _instant(name: str, values: Sequence[str], said: Wording) -> float | None:
    """A date and time of ISO 8601 with its time zone; a fraction of a microsecond counts as a whole one."""
    text = values[0].strip() if values else ""
    if not text:
        return None
    facts = {"name": name[0].upper() + name[1:], "parameter": name, "text": text}
    moment = _read(text)
    if moment is None:
        raise BadParameter(said.moment.format(**facts))
    if moment.tzinfo is None:
        raise BadParameter(said.no_zone.format(**facts))
    beyond = _BEYOND_MICROSECONDS.search(text)
    return ((moment - _EPOCH) // _MICROSECOND + (beyond is not None and int(beyond[2]) > 0)) / 1_000_000


def _read(text: str) -> datetime | None:
    text = _BEYOND_MICROSECONDS.sub(r"\1", _LOST_PLUS.sub(r"\1+\2", text))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None

"""The change feed for both clients: what was stored, replaced and deleted, page by page.

Pages are by sequence. Filmroom makes sequences visible in their order, so a reader that goes on after the largest that
it has seen misses nothing, whoever writes meanwhile. Windows of time, which are all that the Azure service's /v2 has,
are no substitute: what is being written now may become visible with a time that was read already. So a service that is
reached at /v2 is asked at the /v1 beside it, and /v2 only where in the feed a time lies. Filmroom's /dicomweb has
`since`.
"""

import re
import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import anyio
import orjson
from pydicom.dataset import Dataset

from filmroom.client._answers import Answer, check, refuse_page
from filmroom.client._json import Json, dataset
from filmroom.client._messages import Request, Transaction
from filmroom.client._options import FeedOptions
from filmroom.client._service import Service, encoded
from filmroom.client.exceptions import BadResponse

T = TypeVar("T")

PAGE = 100  # the most that every version grants
_VERSION = re.compile(r"(.*/)v(1(\.0(-prerelease)?)?|2(\.0)?)", re.IGNORECASE)  # all that there are
_JSON = {"accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the change feed.

    sequence   grows from one entry to the next; `since=` goes on after it
    action     "Create", "Update" (another version took the place of the one before) or "Delete"
    state      what has become of that version until the feed was read: "Current", "Replaced" or "Deleted"
    study, series, instance  UIDs of the Instance
    timestamp  when it happened, in UTC
    partition  name of its data partition; the feed is of all of them
    json       its Metadata in the DICOM JSON Model: of the version that is there now; None if there is none
    """

    sequence: int
    action: str
    state: str
    study: str
    series: str
    instance: str
    timestamp: datetime
    partition: str | None = None
    json: Json | None = None

    @property
    def metadata(self) -> Dataset | None:
        """Its Metadata as a pydicom Dataset, made anew each time; None if there are none."""
        return None if self.json is None else dataset(self.json)


class Reader:
    """Where a program is in the feed of a service, and how it goes on."""

    def __init__(
        self,
        service: Service,
        since: int | None = None,
        *,
        start: date | None = None,
        end: date | None = None,
        follow: bool = False,
        interval: float = 5.0,
        include_metadata: bool = True,
    ) -> None:
        if since is not None and not isinstance(since, int):
            raise TypeError(
                f"since= is the sequence of a change, an int, not {since!r}; a time is start=, a date or datetime."
            )
        if since is not None and (start is not None or since < 0):
            raise ValueError("A feed begins after a sequence, which is 0 or more, or at a start, not at both.")
        if follow and end is not None:
            raise ValueError("Who follows has no end.")
        self._root, self._timed = _roots(service)
        self._start, self._end = _zoned("start", start), _zoned("end", end)
        self._after = since or 0
        self._begun = start is None
        self._newest = 0  # what sequence the newest entry is known to have, at the least
        self._metadata = include_metadata
        self.pause = interval if follow else None
        self.ended = False

    def page(self) -> Transaction[list[Change] | None]:
        """The next changes, which may be none, or None if there is nothing more at present."""
        if not self._begun:
            self._after = yield from self._before_start()
            self._begun = True
        found = yield from (self._window() if self._timed else self._since())
        if found and self._end is not None:
            # At the same time some of another service's may be written out of order: not the first one ends it.
            self.ended = all(change.timestamp >= self._end for change in found)
            found = [change for change in found if change.timestamp < self._end]
        return found and [change for change in found if self._start is None or change.timestamp >= self._start]

    def _since(self) -> Transaction[list[Change] | None]:
        """What came after a sequence, where the service has a parameter for that."""
        found = yield from self._get(self._root, since=self._after, limit=PAGE)
        self._after = found[-1].sequence if found else self._after
        return found or None

    def _window(self) -> Transaction[list[Change] | None]:
        """What is in the next window of sequences. It may be empty: where a store failed, sequences are left out.

        All up to the newest are visible once that is, so it is asked for first.
        """
        if self._after >= self._newest:
            self._newest = yield from self._latest()
            if self._after >= self._newest:
                return None
        last = min(self._after + PAGE, self._newest)
        found = yield from self._get(self._root, offset=self._after, limit=PAGE)
        self._after = max([last, *(change.sequence for change in found)])
        return found

    def _before_start(self) -> Transaction[int]:
        """The sequence after which the time of the start lies. Times grow with sequences."""
        newest = yield from self._latest()  # first: what comes between the two questions is after it
        parameters = {"startTime": self._start and self._start.isoformat(), "limit": 1, "includeMetadata": False}
        found = yield from _changes(Request("GET", _url(self._timed or self._root, "", parameters), _JSON))
        return found[0].sequence - 1 if found else newest

    def _latest(self) -> Transaction[int]:
        found = yield from latest(self._root, include_metadata=False)
        return 0 if found is None else found.sequence

    def _get(self, root: str, **window: int) -> Transaction[list[Change]]:
        parameters = window | ({} if self._metadata else {"includeMetadata": False})
        found = yield from _changes(Request("GET", _url(root, "", parameters), _JSON))
        if any(change.sequence <= self._after for change in found):
            raise BadResponse("The service does not give the changes after a sequence, so its feed can't be followed.")
        return found


def latest(root: str, *, include_metadata: bool) -> Transaction[Change | None]:
    """The newest change, if there is any."""
    answer = yield Request("GET", _url(root, "/latest", {"includeMetadata": include_metadata}), _JSON)
    found = _entries(answer)
    return found[0] if found else None


def _changes(request: Request) -> Transaction[list[Change]]:
    return _entries((yield request))


def _entries(answer: Answer) -> list[Change]:
    check(answer)
    if not answer.content.strip():
        return []
    refuse_page(answer)
    try:
        found = orjson.loads(answer.content)
        return [_change(entry) for entry in (found if isinstance(found, list) else [found])]
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise BadResponse("The answer is no change feed.") from error


def _change(entry: Json) -> Change:
    """One entry. The Azure service's documents and its answers differ in the case of names and values."""
    named = {name.lower(): value for name, value in entry.items()}
    return Change(
        sequence=int(named["sequence"]),
        action=named["action"].capitalize(),
        state=named["state"].capitalize(),
        study=named["studyinstanceuid"],
        series=named["seriesinstanceuid"],
        instance=named["sopinstanceuid"],
        timestamp=datetime.fromisoformat(named["timestamp"]).astimezone(UTC),
        partition=named.get("partitionname"),
        json=named.get("metadata"),
    )


def _roots(service: Service) -> tuple[str, str | None]:
    """Where the feed is read by sequence, and where by time if that is elsewhere. It is not in a partition."""
    found = _VERSION.fullmatch(service.base_url)
    return (f"{found[1]}v1", f"{found[1]}v2") if found else (service.base_url, None)


def _url(root: str, path: str, parameters: dict[str, Any]) -> str:
    query = encoded(parameters.items())
    return f"{root}/changefeed{path}?{query}"


def _zoned(name: str, at: date | None) -> datetime | None:
    """A time without a zone is one of this computer's, as Python has it; a day begins at midnight."""
    if at is None:
        return None
    if not isinstance(at, date):
        raise TypeError(f"{name}= is a date or a datetime, not {at!r}.")
    return (at if isinstance(at, datetime) else datetime(at.year, at.month, at.day)).astimezone(UTC)


class Changes:
    """Methods of the synchronous client."""

    _service: Service

    if TYPE_CHECKING:  # the client has it

        def _run(self, transaction: Transaction[T]) -> T: ...

    def change_feed(self, since: int | None = None, **options: Unpack[FeedOptions]) -> Generator[Change, None, None]:
        """What was stored, replaced and deleted, oldest first (Azure, Filmroom). Keywords: `FeedOptions`.

        Who keeps the `sequence` of the last change and goes on with `since=` misses nothing and gets nothing twice.
        With `follow=True` it waits for new ones and never ends by itself. The Azure service is asked at /v1 and /v2,
        whichever of its versions the client has.
        """
        reader = Reader(self._service, since, **options)
        return self._changes(reader)

    def _changes(self, reader: Reader) -> Generator[Change, None, None]:
        while not reader.ended:
            page = self._run(reader.page())
            yield from page or ()
            if page is None:
                if reader.pause is None:
                    return
                time.sleep(reader.pause)

    def latest_change(self, *, include_metadata: bool = True) -> Change | None:
        """The newest change; None if nothing was ever stored."""
        return self._run(latest(_roots(self._service)[0], include_metadata=include_metadata))


class AsyncChanges:
    """The same methods of the asynchronous client."""

    _service: Service

    if TYPE_CHECKING:  # the client has it

        async def _run(self, transaction: Transaction[T]) -> T: ...

    def change_feed(self, since: int | None = None, **options: Unpack[FeedOptions]) -> AsyncGenerator[Change, None]:
        reader = Reader(self._service, since, **options)
        return self._changes(reader)

    async def _changes(self, reader: Reader) -> AsyncGenerator[Change, None]:
        while not reader.ended:
            page = await self._run(reader.page())
            for change in page or ():
                yield change
            if page is None:
                if reader.pause is None:
                    return
                await anyio.sleep(reader.pause)

    async def latest_change(self, *, include_metadata: bool = True) -> Change | None:
        return await self._run(latest(_roots(self._service)[0], include_metadata=include_metadata))

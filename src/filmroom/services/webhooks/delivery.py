"""Telling one webhook what has changed. The change feed is the queue: nothing else is kept of what waits.

In order, and why:

(1) look       a webhook that has nothing to be told, or must wait, costs a SELECT
(2) claim      of several workers one tells it, in the order of the feed; the others look again later
(3) send       message by message; the next one only after a 2xx, or a Study might be heard of in another order
(4) advance    every second, and at the end of a page: who dies sends the messages of that second again
(5) fail       what was not taken is tried again later, and later; what follows waits

A worker that was taken for dead can't write its position any more. What it was just sending may arrive twice.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from filmroom.archive import Archive
from filmroom.index import changes, webhooks
from filmroom.index.changes import Change
from filmroom.protocol import cloud_events
from filmroom.protocol.cloud_events import Event, Source
from filmroom.protocol.parameters import LARGEST_INTEGER
from filmroom.services.webhooks.sending import Answer, Message, Sender

PAGE = 1000  # changes read at once
EVERY = 1.0  # seconds between positions that are written down
GRACE = 20.0  # seconds that a lease is longer than a message may take
FIRST_REST, LONGEST_REST = 1.0, 900.0  # seconds between tries: doubled each time, with chance in it


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver, as the settings have it."""

    name: str
    url: str = field(repr=False)
    secrets: Sequence[bytes] = field(repr=False)
    events: frozenset[str] = frozenset(cloud_events.NAMES.values())
    partitions: frozenset[str] = frozenset()  # names; none is all of them
    batch: int = 1  # events in a message; 1 sends each by itself, any other number JSON arrays
    timeout: float = 10.0  # seconds for a message
    from_first: bool = False  # begins with the first change there ever was

    @property
    def batched(self) -> bool:
        """Whether its messages are arrays of events."""
        return self.batch > 1

    def wants(self, change: Change) -> bool:
        """Whether it is to be told."""
        named = not self.partitions or change.partition in self.partitions
        return named and cloud_events.NAMES[change.action] in self.events


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a round: events that were taken, and what kept it from the others."""

    told: int = 0
    error: str | None = None
    rest: float = 0.0  # seconds until the next try
    disabled: bool = False


class Delivery:
    """Tells one webhook. Two that live never have the same `owner`."""

    def __init__(self, archive: Archive, webhook: Webhook, source: Source, owner: str, sender: Sender) -> None:
        self._archive, self._webhook, self._source = archive, webhook, source
        self._owner, self._sender = owner, sender
        self._told = self._position = 0
        self._written = 0.0

    def deliver(self, stopping: Callable[[], bool] = lambda: False) -> Report | None:
        """Tell what there is; None if it is not for now, or nothing, or for another worker."""
        if not self._look() or not self._claim():
            return None
        while not stopping():
            with self._archive.index.read() as tx:
                page = changes.fetch_after(tx, self._position, LARGEST_INTEGER, PAGE, metadata=False)
            if not page:
                break
            failure = self._send(page, stopping)
            if failure is not None:
                return self._fail(failure)
            if not self._advance():
                break
        return Report(self._told)

    def leave(self) -> None:
        """Let another worker go on, without waiting for the end of the lease."""
        with self._archive.index.begin() as tx:
            webhooks.release(tx, self._webhook.name, self._owner)

    def _look(self) -> bool:  # (1)
        name = self._webhook.name
        with self._archive.index.read() as tx:
            newest = changes.last(tx)
            found = webhooks.fetch(tx, name)
        if found is None:
            with self._archive.index.begin() as tx:
                webhooks.add(tx, name, 0 if self._webhook.from_first else newest)
            return self._webhook.from_first and newest > 0
        return found.position < newest and found.due(time.time())

    def _claim(self) -> bool:  # (2)
        with self._archive.index.begin() as tx:
            claimed = webhooks.claim(tx, self._webhook.name, self._owner, self._lease)
        if claimed is None:
            return False
        self._position, self._written, self._told = claimed.position, time.monotonic(), 0
        return True

    def _send(self, page: Sequence[Change], stopping: Callable[[], bool]) -> Answer | None:  # (3)
        """Send what is wanted of a page, message by message; gives the first answer that is no yes."""
        for last, count, message in self._messages(page):
            if stopping():
                return None
            answer = self._sender.send(message)
            if answer.error is not None:
                return answer
            self._position, self._told = last, self._told + count
            if time.monotonic() - self._written > EVERY and not self._advance():
                return None
        self._position = page[-1].sequence
        return None

    @property
    def _lease(self) -> float:
        return EVERY + self._webhook.timeout + GRACE

    def _messages(self, page: Sequence[Change]) -> Iterator[tuple[int, int, Message]]:
        """The last sequence and the number of the events of each message, and it."""
        wanted = [
            Event(one.sequence, one.timestamp, one.action, one.partition, one.resource)
            for one in page
            if self._webhook.wants(one)
        ]
        for start in range(0, len(wanted), self._webhook.batch):
            events = wanted[start : start + self._webhook.batch]
            last = events[-1].sequence
            id_ = self._source.id(events[0].sequence) + (f"-{last}" if self._webhook.batched else "")
            message = cloud_events.message(self._source, events, batched=self._webhook.batched)
            yield last, len(events), Message(id_, *message)

    def _advance(self) -> bool:  # (4)
        with self._archive.index.begin() as tx:
            held = webhooks.advance(tx, self._webhook.name, self._owner, self._position, self._lease)
        self._written = time.monotonic()
        return held

    def _fail(self, answer: Answer) -> Report:  # (5)
        name, position = self._webhook.name, self._position
        with self._archive.index.begin() as tx:
            if self._told:
                webhooks.advance(tx, name, self._owner, position, self._lease)
            found = webhooks.fetch(tx, name)
            rest = _rest(found.failures if found else 0, answer.retry_after)
            webhooks.fail(tx, name, self._owner, position, str(answer.error), rest, disabled=answer.gone)
        return Report(self._told, answer.error, rest, answer.gone)


def _rest(failures: int, asked: float | None) -> float:
    """Seconds until the next try. Chance keeps many services from coming back at the same moment."""
    rest = min(FIRST_REST * 2.0 ** min(failures, 30), LONGEST_REST) * random.uniform(0.5, 1.0)  # noqa: S311
    return max(rest, min(asked or 0.0, webhooks.LONGEST))

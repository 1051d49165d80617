"""What a process writes down: put into a queue by whoever did it, and written by a thread of its own.

Who puts something there goes on at once. The thread takes all that waits, a moment after the first of it came: a
process that is killed loses what came in that moment (decision 30). Whose record must be on the disk before anybody is
told waits for it (`settled`).
"""

import math
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from traceback import extract_tb
from typing import Any

import structlog

from filmroom import metrics
from filmroom.audit.alerts import Alerts
from filmroom.audit.chain import ALERT, LOST
from filmroom.audit.patients import Ask, Patients, Study
from filmroom.audit.records import Facts, by_user
from filmroom.audit.trail import Trail
from filmroom.errors import Unavailable

MOST = 100_000  # records that wait; more are lost, and counted
GATHER = 0.05  # seconds in which others come to the first of a batch
REST = 1.0  # seconds before a trail that could not be written is tried again
TOLD = 60.0  # seconds between two lines of the log that say so

_NO_THREAD = "no thread could be started"

Waiting = tuple[Facts, "Future[None] | None"]  # and who is told when it is on the disk

log = structlog.get_logger()


def nobody(_: Iterable[Study]) -> Mapping[Study, str]:
    """Patients, where there is no index to ask."""
    return {}


class Audit:
    """Writes the trail of an archive; without a `trail` it writes nothing.

    `patients` gives the Patient IDs of Studies. `required`: what can't be written down must not be done.
    """

    def __init__(self, trail: Trail | None = None, patients: Ask = nobody, required: bool = False) -> None:
        self.required = required
        self.trouble: str | None = None  # why the trail can't be written, as long as it can't
        self._trail = trail
        self._patients, self._alerts = Patients(patients), Alerts()
        self._waiting: deque[Waiting] = deque()
        self._held: list[Waiting] = []  # could not be written yet
        self._lost = 0
        self._wake = threading.Event()
        self._hurry = threading.Event()  # somebody waits for what waits
        self._closing = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._told: str | None = None
        self._told_until = 0.0

    @property
    def on(self) -> bool:
        """Whether there is a trail."""
        return self._trail is not None

    def problem(self) -> str | None:
        """Why nothing can be written at present; None if all is well.

        It tries to start a thread if there is none: where the trail is required no record comes that would try.
        """
        if self._trail is None or self._closing:
            return self.trouble
        thread = self._thread or self._start()
        if thread is None:
            return _NO_THREAD
        return self.trouble if thread.is_alive() else "its thread has ended, and the log says why"

    def write(self, action: str, **facts: Any) -> None:
        """Have written down what an operation did, in the name of who runs this process."""
        self.put(by_user(action, **facts))

    def put(self, facts: Facts, settled: "Future[None] | None" = None) -> None:
        """Have facts written down. `settled` is told when they are on the disk."""
        if self._trail is None:
            return
        if (self._thread or self._start()) is None:
            _fail(settled, _NO_THREAD)
            settled = None  # but what was done is written as soon as there is one
        if len(self._waiting) >= MOST:
            self._lost += 1
            metrics.audit_lost.inc()
            _fail(settled, "too much waits to be written")
            return
        self._waiting.append((facts, settled))
        if settled is not None:
            self._hurry.set()
        self._wake.set()

    def settled(self, facts: Facts) -> "Future[None]":
        """Have facts written down; done when they are on the disk. If they can't be, Unavailable."""
        done: Future[None] = Future()
        self.put(facts, done)
        return done

    def close(self) -> None:
        """Write what waits, and end."""
        self._closing = True
        self._hurry.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        elif self._waiting:
            self._run()  # here: the system gave no thread
        if self._trail is not None:
            self._trail.close()

    def _start(self) -> threading.Thread | None:
        """The thread; None if the system gives none, which whoever asks or writes next tries again."""
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="audit", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    metrics.audit_failing.set(1)  # until something is written
                    self._tell(_NO_THREAD)
                    return None
                self._thread = thread
            return self._thread

    def _work(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})  # they are for the main thread
        try:
            self._run()
        finally:
            metrics.audit_failing.set(not self._closing)  # an error that nobody foresaw has ended it

    def _run(self) -> None:
        while True:
            self._wake.wait(self._alerts.rest(time.time()))
            if self.trouble and not self._closing:
                time.sleep(REST)
            self._hurry.wait(GATHER)
            self._hurry.clear()
            if not self.trouble:
                self._wake.clear()
            closing = self._closing  # now: what was counted until then is written below
            taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
            try:
                self._take(taken, closing)
            except Exception as error:  # noqa: BLE001 - whatever it is, what comes after this must be written
                self._lose(taken, error)
            if closing and (self.trouble or not self._waiting):
                break
        if self._held or self._lost:
            metrics.audit_lost.inc(len(self._held))
            log.error("audit trail lost", reason=self.trouble, records=len(self._held) + self._lost)

    def _take(self, taken: Iterable[Waiting], closing: bool) -> None:
        """Write what was taken. What can't be written is held, and goes first the next time."""
        fresh: list[Waiting] = []
        for whole, settled in taken:
            sifted = [(one, settled) for facts in _each(whole) for one in self._alerts.sift(facts)]
            fresh += sifted
            if not sifted:
                _done(settled)  # it is counted
        fresh += [(facts, None) for facts in self._alerts.due(math.inf if closing else time.time())]
        if self._lost:
            fresh.append((by_user(LOST, records=self._lost), None))
        metrics.audit_alerts.inc(sum(facts["action"] == ALERT for facts, _ in fresh))
        self._patients.tell(facts for facts, _ in fresh)
        if batch := [*self._held, *fresh]:
            self._write(batch)

    def _write(self, batch: Sequence[Waiting]) -> None:
        assert self._trail is not None
        try:
            self._trail.append([facts for facts, _ in batch])
        except OSError as error:
            self.trouble = error.strerror or type(error).__name__
            metrics.audit_failing.set(1)
            for _, settled in batch:
                _fail(settled, self.trouble)
            self._hold([(facts, None) for facts, _ in batch if facts["action"] != LOST])
            return
        if self.trouble is not None:
            log.warning("audit trail is written again", records=len(batch))
        self.trouble, self._held, self._lost = None, [], 0
        metrics.audit_failing.set(0)
        metrics.audit_lines.inc(len(batch))
        for _, settled in batch:
            _done(settled)

    def _lose(self, taken: Sequence[Waiting], error: Exception) -> None:
        """Count what can't be written for a reason that was not foreseen; that it was lost is written the next time."""
        self.trouble = "an internal error, of which the log tells"
        lost = len(self._held) + len(taken)
        # Not what it says: that may be of a record.
        at = [f"{one.filename}:{one.lineno} {one.name}" for one in extract_tb(error.__traceback__)]
        log.error("audit trail lost", error=type(error).__name__, at=at, records=lost)
        metrics.audit_lost.inc(lost)
        metrics.audit_failing.set(1)
        self._lost += lost
        self._held = []
        for _, settled in taken:
            _fail(settled, self.trouble)
        self._wake.set()

    def _hold(self, batch: list[Waiting]) -> None:
        lost = max(len(batch) - MOST, 0)
        self._lost += lost
        metrics.audit_lost.inc(lost)
        self._held = batch[:MOST]
        self._wake.set()
        self._tell(self.trouble)

    def _tell(self, reason: str | None) -> None:
        if reason != self._told or time.monotonic() >= self._told_until:
            self._told, self._told_until = reason, time.monotonic() + TOLD
            waiting = len(self._held) + len(self._waiting)
            log.error("audit trail can't be written", reason=reason, waiting=waiting, lost=self._lost)


def _each(facts: Facts) -> list[Facts]:
    """A record for each Study of a request that is of several."""
    each = facts.pop("each", None)
    return [{**facts, **one} for one in each] if each else [facts]


def _done(settled: "Future[None] | None") -> None:
    if settled is not None:
        with suppress(InvalidStateError):  # whoever waited has gone
            settled.set_result(None)


def _fail(settled: "Future[None] | None", reason: str) -> None:
    if settled is not None:
        with suppress(InvalidStateError):
            settled.set_exception(Unavailable(f"What was done can't be written down: {reason}. Try again."))

"""What a process writes down: put into a queue by whoever did it, and written by a thread of its own.

Who puts something there goes on at once. The thread takes all that waits, a moment after the first of it came: a
process that is killed loses what came in that moment (decision 30). Whose record must be on the disk before anybody is
told waits for it (`settled`).
"""

import getpass
import os
import re
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from filmroom.audit.chain import ALERT, LOST
from filmroom.audit.trail import Trail, stamp
from filmroom.errors import Unavailable

MOST = 100_000  # records that wait; more are lost, and counted
GATHER = 0.05  # seconds in which others come to the first of a batch
REST = 1.0  # seconds before a trail that could not be written is tried again
TOLD = 60.0  # seconds between two lines of the log that say so
FORGET = 60.0  # seconds for which it is known whose a Study is: an update may change that
REFUSALS, WINDOW = 10, 60.0  # so many answers 401 and 403 to one address, in so many seconds, are an alert
REFUSED = frozenset({401, 403})
_UID = re.compile(r"[0-9.]{1,64}")

Facts = dict[str, Any]  # `time` is in seconds since 1970, `partition_key` is for finding the patient alone
Patients = Callable[[Iterable[tuple[int, str]]], Mapping[tuple[int, str], str]]

log = structlog.get_logger()


def nobody(_: Iterable[tuple[int, str]]) -> Mapping[tuple[int, str], str]:
    """Patients, where there is no index to ask."""
    return {}


@dataclass(slots=True)
class Audit:
    """Writes the trail of an archive; without a `trail` it writes nothing.

    `patients` gives the Patient IDs of Studies, by data partition and UID. `required`: what can't be written down must
    not be done.
    """

    trail: Trail | None = None
    patients: Patients = nobody
    required: bool = False
    trouble: str | None = None  # why the trail can't be written, as long as it can't
    _waiting: "deque[tuple[Facts, Future[None] | None]]" = field(default_factory=deque)
    _held: "list[tuple[Facts, Future[None] | None]]" = field(default_factory=list)  # could not be written yet
    _lost: int = 0
    _wake: threading.Event = field(default_factory=threading.Event)
    _hurry: threading.Event = field(default_factory=threading.Event)  # somebody waits for what waits
    _closing: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None
    _known: dict[tuple[int, str], str] = field(default_factory=dict)
    _forget_at: float = 0.0
    _told_at: float = 0.0
    _refused: dict[str, list[float]] = field(default_factory=dict)

    @property
    def on(self) -> bool:
        """Whether there is a trail."""
        return self.trail is not None

    @property
    def problem(self) -> str | None:
        """Why nothing is written at present; None if all is well."""
        if self._thread is not None and not self._thread.is_alive() and not self._closing:
            return "its thread has ended, and the log says why"
        return self.trouble

    def write(self, action: str, **facts: Any) -> None:
        """Write down something that a command or an operation did, in the name of who runs this process."""
        self.put({"time": time.time(), "action": action, "who": user(), "client": "local", **facts})

    def put(self, facts: Facts, settled: "Future[None] | None" = None) -> None:
        """Have facts written down. `settled` is told when they are on the disk."""
        if self.trail is None:
            return
        if len(self._waiting) >= MOST:
            self._lost += 1
            _fail(settled, "too much waits to be written")
            return
        self._waiting.append((facts, settled))
        if settled is not None:
            self._hurry.set()
        if not self._wake.is_set():
            self._wake.set()
            if self._thread is None:
                self._start()

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
        if self.trail is not None:
            self.trail.close()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})  # they are for the main thread
        while True:
            self._wake.wait()
            if self._held and not self._closing:
                time.sleep(REST)
            self._hurry.wait(GATHER)
            self._hurry.clear()
            if not self._held:
                self._wake.clear()
            self._take()
            if self._closing and (self._held or not self._waiting):
                break
        if self._held:
            log.error("audit trail lost", reason=self.trouble, records=len(self._held))

    def _take(self) -> None:
        """Write what waits. What can't be written is held, and goes first the next time."""
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        fresh = [(facts, settled) for whole, settled in taken for facts in _each(whole)]
        self._identify([facts for facts, _ in fresh])
        alerts = [alert for facts, _ in fresh for alert in self._alerts(facts)]
        batch = [*self._held, *((_finished(facts), settled) for facts, settled in fresh)]
        batch += [(_finished(alert), None) for alert in alerts]
        if self._lost:
            batch.append(({"time": stamp(time.time()), "action": LOST, "who": user(), "records": self._lost}, None))
        if batch:
            self._write(batch)

    def _write(self, batch: "Sequence[tuple[Facts, Future[None] | None]]") -> None:
        assert self.trail is not None
        try:
            self.trail.append([facts for facts, _ in batch])
        except OSError as error:
            self.trouble = error.strerror or type(error).__name__
            for _, settled in batch:
                _fail(settled, self.trouble)
            self._hold([(facts, None) for facts, _ in batch if facts["action"] != LOST])
            return
        if self.trouble is not None:
            log.warning("audit trail is written again", records=len(batch))
        self.trouble, self._held, self._lost = None, [], 0
        for _, settled in batch:
            if settled is not None:
                with suppress(InvalidStateError):  # whoever waited has gone
                    settled.set_result(None)

    def _hold(self, batch: "list[tuple[Facts, Future[None] | None]]") -> None:
        self._lost += max(len(batch) - MOST, 0)
        self._held = batch[:MOST]
        self._wake.set()
        if time.monotonic() >= self._told_at:
            self._told_at = time.monotonic() + TOLD
            log.error("audit trail can't be written", reason=self.trouble, waiting=len(self._held), lost=self._lost)

    def _identify(self, batch: Iterable[Facts]) -> None:
        """Say whose the Studies are."""
        if time.monotonic() >= self._forget_at or len(self._known) > MOST:
            self._known, self._forget_at = {}, time.monotonic() + FORGET
        asked = [(one, (one["partition_key"], one["study"])) for one in batch if one.get("partition_key")]
        asked = [(one, study) for one, study in asked if study[1] and _UID.fullmatch(study[1])]
        # A Study that was just stored, or deleted since it was read, is not asked for.
        self._known |= {study: facts["patient"] for facts, study in asked if facts.get("patient")}
        unknown = {study for facts, study in asked if "patient" not in facts and study not in self._known}
        if unknown:
            with suppress(Unavailable):  # the requests themselves were told
                self._known |= dict.fromkeys(unknown, "") | dict(self.patients(unknown))
        for facts, study in asked:
            if "patient" not in facts:
                facts["patient"] = self._known.get(study) or None

    def _alerts(self, facts: Facts) -> Iterable[Facts]:
        """An alert when one address is refused again and again; one for each time that it gets so far."""
        if facts.get("status") not in REFUSED:
            return
        client, now = str(facts.get("client")), float(facts["time"])
        if len(self._refused) > MOST:
            self._refused.clear()
        times = [at for at in self._refused.get(client, ()) if now - at < WINDOW] + [now]
        if len(times) == REFUSALS:
            times = []
            yield {
                "time": now,
                "action": ALERT,
                "who": facts.get("who"),
                "client": client,
                "refused": REFUSALS,
                "status": facts["status"],
            }
        self._refused[client] = times


def user() -> str:
    """Who runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account that has no name, as in containers
        return f"uid {os.getuid()}"


def _each(facts: Facts) -> list[Facts]:
    """A record for each Study of a request that is of several."""
    each = facts.pop("each", None)
    return [{**facts, **one} for one in each] if each else [facts]


def _finished(facts: Facts) -> Facts:
    """As it is written: what is not there is left out."""
    facts.pop("partition_key", None)
    facts["time"] = stamp(facts["time"])
    return {name: value for name, value in facts.items() if value is not None}


def _fail(settled: "Future[None] | None", reason: str) -> None:
    if settled is not None:
        with suppress(InvalidStateError):
            settled.set_exception(Unavailable(f"What was done can't be written down: {reason}. Try again."))

"""Sends the trail to a syslog receiver as DICOM audit messages: in order, and later what can't be sent now.

The trail itself is what waits, so nothing is kept twice, and what waits is bounded by what the trail keeps. How far it
is stands in a note beside the trail. Syslog has no receipts: a batch counts as received when the other machine has
taken it and the connection has stood for a while since. After a break all later ones are sent again, so some may come
twice. Of all processes one sends, whichever has the lock.
"""

import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

import orjson
import structlog

from filmroom import durable, metrics
from filmroom.audit import messages, syslog, trail
from filmroom.audit.messages import Reporter
from filmroom.audit.syslog import Receiver

SENT, LOCK = "sent", "sender.lock"
POLL = 0.5  # seconds between looks for new lines
REST, LONGEST_REST = 1.0, 60.0  # seconds before a receiver that could not be reached is tried again
TRY = 5.0  # seconds between looks whether the one who sends is gone
HOLD = 5.0  # seconds that the connection must stand, for what was sent to count as received
BATCH = 256 << 10  # bytes of lines
TOLD = 300.0  # seconds between two lines of the log about a receiver that is away

log = structlog.get_logger()


class Sender:
    """A thread that sends, as long as the block lasts."""

    def __init__(self, folder: Path, receiver: Receiver, reporter: Reporter) -> None:
        self.trouble: str | None = None  # why nothing can be sent, as long as it can't
        self._folder, self._receiver, self._reporter = folder, receiver, reporter
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit sender", daemon=True)
        self._file, self._offset = "", 0
        self._sent: deque[tuple[float, str, int]] = deque()  # since when up to where

    def __enter__(self) -> "Sender":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with ExitStack() as held:
            while not self._taken(held):
                if self._stop.wait(TRY):
                    return
            try:
                self._send_all()
            finally:
                if self._receiver.close() and self._sent:
                    with suppress(OSError):
                        self._write_note(*self._sent[-1][1:])

    def _taken(self, held: ExitStack) -> bool:
        """Whether it is we who send, as long as the lock is held."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            held.enter_context(durable.locked(self._folder / LOCK, wait=False))
            return True
        return False

    def _send_all(self) -> None:
        rest, told_at, known = REST, 0.0, False
        while not self._stop.is_set():
            try:
                if not known:
                    self._read_note()
                    known = True
                more = self._send_some()
                rest = REST
                self.trouble = None
                metrics.audit_syslog_failing.set(0)
            except OSError as error:
                self._receiver.close()
                self._sent.clear()
                known = False
                self.trouble = error.strerror or str(error) or type(error).__name__
                metrics.audit_syslog_failing.set(1)
                if time.monotonic() >= told_at:
                    told_at = time.monotonic() + TOLD
                    log.warning("audit messages can't be sent", reason=self.trouble)
                self._stop.wait(rest)
                rest = min(2 * rest, LONGEST_REST)
            else:
                if not more:
                    self._stop.wait(POLL)

    def _send_some(self) -> bool:
        """Send the next batch. Whether there was one."""
        found = self._next()
        if not found:
            self._receiver.check()
            self._note_received()
            return False
        machine = self._reporter.machine
        ready = []
        for line in found:
            with suppress(ValueError, KeyError, TypeError):  # `verify` tells of what is no line
                facts = orjson.loads(line)
                failed = messages.failed(facts)
                ready += [
                    syslog.message(xml, facts["time"], machine, failed=failed)
                    for xml in messages.write(facts, self._reporter)
                ]
        if ready:
            self._receiver.send(ready)
            self._receiver.settle(self._stop.wait)
        self._offset += sum(map(len, found))
        self._sent.append((time.monotonic(), self._file, self._offset))
        self._note_received()
        return True

    def _note_received(self) -> None:
        """The connection stands: what was sent a while ago has been received."""
        received = None
        while self._sent and time.monotonic() - self._sent[0][0] >= HOLD:
            received = self._sent.popleft()
        if received is not None:
            self._write_note(*received[1:])

    def _next(self) -> list[bytes]:
        """Whole lines from where we are; at the end of a file those of the next."""
        while True:
            lines = _lines(self._folder / self._file, self._offset) if self._file else []
            if lines:
                return lines
            following = [path.name for path in trail.files(self._folder) if path.name > self._file]
            if not following:
                return []
            self._file, self._offset = following[0], 0

    def _read_note(self) -> None:
        """Where to go on. The first time it is the newest file: what was written before anybody asked is not sent."""
        try:
            self._file, self._offset = _noted(self._folder)
        except (OSError, ValueError, TypeError, KeyError):
            there = trail.files(self._folder)
            self._file, self._offset = there[-1].name if there else "", 0
            self._write_note(self._file, self._offset)  # also of an empty trail: after a break it begins here again

    def _write_note(self, file: str, offset: int) -> None:
        durable.replace(self._folder / SENT, orjson.dumps({"file": file, "offset": offset}))


def reporter(site: str | None) -> Reporter:
    """This machine."""
    return Reporter(socket.gethostname(), site)


def waiting_since(folder: Path) -> float | None:
    """When the oldest line of a trail was written that is not known to have been received; None if there is none."""
    with suppress(FileNotFoundError, ValueError, TypeError, KeyError):  # nothing was ever sent
        name, offset = _noted(folder)
        found = (_lines(path, offset if path.name == name else 0) for path in trail.files(folder) if path.name >= name)
        return next((time for lines in found for time in _times(lines)), None)
    return None


def _times(lines: list[bytes]) -> Iterator[float]:
    for line in lines:
        with suppress(ValueError, TypeError, KeyError):
            yield datetime.fromisoformat(orjson.loads(line)["time"]).timestamp()


def _noted(folder: Path) -> tuple[str, int]:
    said = orjson.loads((folder / SENT).read_bytes())
    return str(said["file"]), int(said["offset"])


def _lines(path: Path, offset: int) -> list[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            block = file.read(BATCH)
            if block and b"\n" not in block:
                block += file.readline()  # a line may be longer than a batch
    except FileNotFoundError:
        return []  # its time was over before it was sent
    end = block.rfind(b"\n") + 1
    return block[:end].splitlines(keepends=True)

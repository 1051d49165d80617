"""Import: the DICOM files of a folder or a bucket, stored. They stay where they are.

(1) take the next names      in an order that is always the same
(2) read and store           in parallel, by the Store Transaction, with its checks; what is no DICOM is passed over
(3) save the last name       with what was not stored, in one transaction

What is stored already counts as that, so a batch done twice does no harm. The storage folder of an Orthanc is one more
folder: its attachments have names that say nothing, and may be compressed.
"""

import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from filmroom import places
from filmroom.archive import Archive
from filmroom.dicom import beginning
from filmroom.dicom.resources import DEFAULT_PARTITION, Resource
from filmroom.dicom.store_response import Outcome
from filmroom.errors import BadFile, NotFound, TooLarge
from filmroom.places import Entry, Place
from filmroom.protocol.dialects import DICOMWEB
from filmroom.services import recorded
from filmroom.services.crew import Crew
from filmroom.services.examination import Part, spooled
from filmroom.services.store import store
from filmroom.task import Task

IMPORT = "import"  # the name of the operation
BATCH = 320  # files
BATCH_BYTES = 256 << 20  # about; a file may be larger
TOGETHER = 20  # files in a Store Transaction
IN_MEMORY = 8 << 20  # bytes of such files; a larger one is spooled to disk
_ORTHANC_HEADER = 8  # bytes before a compressed attachment: its length
_ZLIB = frozenset({b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"})  # RFC 1950, as zlib writes it

Failed = tuple[str, str]  # the name, and why


@dataclass(slots=True)
class Counts:
    """What became of files."""

    stored: int = 0
    already: int = 0
    failed: int = 0
    passed: int = 0

    def add(self, other: "Counts") -> None:
        """Count the others too."""
        self.stored += other.stored
        self.already += other.already
        self.failed += other.failed
        self.passed += other.passed

    def results(self) -> dict[str, int]:
        """The results of an operation."""
        return {
            "stored": self.stored,
            "storedAlready": self.already,
            "failed": self.failed,
            "passedOver": self.passed,
        }


@dataclass(slots=True)
class _Done:
    counts: Counts = field(default_factory=Counts)
    failures: list[Failed] = field(default_factory=list)
    whose: dict[str, str | None] = field(default_factory=dict)  # the Patient IDs of Studies that are stored now

    def fail(self, name: str, why: str) -> None:
        self.counts.failed += 1
        self.failures.append((name.encode(errors="backslashreplace").decode(), why))


def arguments(archive: Archive, url: str, largest: int, partition: int = DEFAULT_PARTITION) -> dict[str, Any]:
    """What the operation is started with. BadRequest if there is no such place."""
    place = places.open_place(url, archive.buckets)
    place.check()
    return {"url": place.url, "largest": largest, "partition": partition}


def import_from(task: Task) -> dict[str, int]:
    """Store what the operation was asked for; gives the results."""
    given, saved = task.arguments, task.checkpoint or {"after": "", "counts": {}}
    place = places.open_place(given["url"], task.archive.buckets)
    total = Counts(**saved["counts"])
    target = Resource(partition=given["partition"])
    with Crew(task) as crew:
        work = partial(_import, task.archive, place, target, given["largest"], crew)
        for entries in _batches(place.entries(saved["after"])):  # (1)
            parts = [(_Done(), entries[at : at + TOGETHER]) for at in range(0, len(entries), TOGETHER)]
            done = [one for one, _ in parts]
            try:
                crew.do(work, parts)  # (2)
            except BaseException:  # it may be that nobody does this batch again
                _write_down(task, done, state="failed")
                raise
            _write_down(task, done)
            for one in done:
                total.add(one.counts)
            share = entries[-1].share
            with task.batch() as tx:  # (3)
                task.failed(tx, [failure for one in done for failure in one.failures])
                checkpoint = {"after": entries[-1].name, "counts": asdict(total)}
                task.save(tx, checkpoint, None if share is None else int(100 * share))
    return total.results()


def _write_down(task: Task, done: Iterable[_Done], **facts: Any) -> None:
    """Whose images came."""
    whose = {study: patient for one in done for study, patient in one.whose.items()}
    if whose:
        stored = sum(one.counts.stored for one in done)
        recorded.write(task.archive, task.operation, "batch", whose, instances=stored, **facts)


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += entry.size
        if len(batch) == BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _import(
    archive: Archive, place: Place, target: Resource, largest: int, crew: Crew, some: tuple[_Done, Iterable[Entry]]
) -> None:
    """Store some files. What is wrong with one of them is no reason not to store the others."""
    done, entries = some
    waiting: list[tuple[str, Part]] = []
    size = 0
    for entry in entries:
        if entry.name.endswith("/"):
            done.fail(entry.name, "The folder can't be read.")
            continue
        try:
            part = _read(archive, place, entry.name, largest, crew)
        except (BadFile, NotFound, TooLarge) as error:
            done.fail(entry.name, str(error))
            continue
        if part is None:
            done.counts.passed += 1
            continue
        waiting.append((entry.name, part))
        size += 0 if isinstance(part.content, Path) else part.length
        if size >= IN_MEMORY:
            _store(archive, target, waiting, done)
            waiting, size = [], 0
    _store(archive, target, waiting, done)


def _store(archive: Archive, target: Resource, waiting: list[tuple[str, Part]], done: _Done) -> None:
    try:
        stored = store(archive, DICOMWEB, target, [part for _, part in waiting], replace=False)
    finally:
        for _, part in waiting:
            part.discard()
    done.counts.already += stored.already
    done.counts.stored -= stored.already
    for (name, _), outcome in zip(waiting, stored.outcomes, strict=True):
        if outcome.failure is None:
            done.counts.stored += 1
            done.whose[str(outcome.study)] = stored.patients.get(str(outcome.study))
        else:
            done.fail(name, _reason(outcome))


def _reason(outcome: Outcome) -> str:
    told = (f"{one.tag:08X}: {one.message}" if one.tag else one.message for one in outcome.problems)
    return " ".join(told) or f"It was refused with Failure Reason {outcome.failure}."


def _read(archive: Archive, place: Place, name: str, largest: int, crew: Crew) -> Part | None:
    """What a file holds; None if it is passed over, as `filmroom store` does with what lies in folders."""
    *folders, last = name.split("/")
    if last.upper() == "DICOMDIR" or any(one.startswith(".") for one in (*folders, last)):
        return None
    chunks = place.stream(name)
    first = next(chunks, b"")
    if beginning.is_dicom(first[: beginning.ENOUGH]):
        return _taken(archive, chain((first,), crew.watched(chunks)), largest)
    if first[_ORTHANC_HEADER : _ORTHANC_HEADER + 2] in _ZLIB and len(first) > _ORTHANC_HEADER + 2:
        inflated = _inflated(chain((first[_ORTHANC_HEADER:],), crew.watched(chunks)))
        head = b""
        with suppress(BadFile):  # it is something else that happens to begin so
            head = next(inflated, b"")
        if beginning.is_dicom(head[: beginning.ENOUGH]):
            return _taken(archive, chain((head,), inflated), largest)
    return None


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj()
    try:
        for chunk in chunks:
            left = chunk
            while left:
                if inflated := inflater.decompress(left, places.CHUNK):
                    yield inflated
                left = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error as error:
        raise BadFile("The file is compressed, and damaged.") from error
    if not inflater.eof:
        raise BadFile("The file is compressed, and cut off.")


def _taken(archive: Archive, chunks: Iterable[bytes], largest: int) -> Part:
    """The bytes: in memory, or spooled to disk if they are many."""
    held = bytearray()
    left = _limited(chunks, largest)
    for chunk in left:
        held += chunk
        if len(held) > IN_MEMORY:
            return spooled(archive, chain((bytes(held),), left))
    return Part(held, len(held))


def _limited(chunks: Iterable[bytes], largest: int) -> Iterator[bytes]:
    length = 0
    for chunk in chunks:
        length += len(chunk)
        if length > largest:
            raise TooLarge(f"The file is larger than {largest} bytes, which the setting part_limit allows.")
        yield chunk

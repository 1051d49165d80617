"""Make the index anew from the files alone, for when the database is lost.

(1) begin     in an empty index; until (5) no service starts on it
(2) list      the keys, in their order: that of the stores
(3) read      each file whole, as a store does; its key stays what it is, and no file is copied or changed
(4) add       rows in batches, with the place reached: whoever dies goes on there
(5) end       the operation has succeeded

Of several files with the same UIDs the one that was stored last stays, as a PUT would have it; the others are left to
the sweep. An updated file names its first version, which is kept beside it. The data partition of a file stands in its
key, and the names of all in a note of the blob store. A file that can't be read is told of and left where it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from filmroom.archive import Archive
from filmroom.blobs import KEY, made_at, partition_of
from filmroom.dicom import part10, rewrite, validation
from filmroom.dicom.resources import DEFAULT_PARTITION, Resource
from filmroom.errors import Conflict, Lost, Unreadable
from filmroom.index import additions, operations, rebuilding, watermarks
from filmroom.index.additions import ANY, NewRows, Status
from filmroom.index.operations import State
from filmroom.index.query_tags import Known
from filmroom.index.transaction import Transaction
from filmroom.services import lineage, partitions
from filmroom.services.examination import Part, examine, spooled
from filmroom.task import Task

REBUILD = operations.REBUILD
BATCH = 500  # files in a transaction, or
BATCH_BYTES = 512 << 20  # so many bytes: it must end within a lease
_HEAD = 16 << 10  # bytes that hold every file meta information of ours
IN_MEMORY = 16 << 20  # bytes of a file; a larger one is read by way of the spool folder


@dataclass(frozen=True, slots=True)
class Read:
    """What a file brings to the index, or why it brings nothing."""

    key: str
    length: int
    rows: NewRows | None
    problem: str = ""
    first: NewRows | None = None  # what its first version brings, if it was updated
    unreadable: bool = False  # perhaps only now


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is."""

    files: int
    of: int
    bytes: int


Partitions = Mapping[str, int] | None  # as `partitions.noted` gives them
Reader = Callable[[Iterable[str]], Iterable[Read]]  # reads files, and gives them in the order of the keys


def begin(archive: Archive) -> None:
    """Have the index rebuilt: as an operation, which no worker of a service does."""
    if not any(True for _ in archive.blobs.list()):
        raise Conflict(
            "There is no file to make an index from: is the disk mounted, is it the right bucket and prefix?"
        )
    with archive.index.begin() as tx:
        before = operations.fetch_latest(tx, REBUILD)
        if before is not None and not before.state.ended:
            return  # it goes on
        failed = before is not None and before.state is not State.SUCCEEDED
        if not failed and watermarks.lock(tx) > 1:
            raise Conflict("The index is not empty, and only an empty one can be rebuilt.")
        if not failed:
            rebuilding.forget_files(tx)
        rebuilding.add_partitions(tx, partitions.noted(archive) or {})
        # Of several that failed, the last may have got no further than the one before.
        reached = (before.checkpoint or before.arguments["from"]) if before is not None and failed else None
        operations.add(tx, REBUILD, {"from": reached}, after=0.0 if before is None else before.created)


def rebuild(
    task: Task,
    read: Reader,
    progress: Callable[[Progress], None] = lambda _: None,
    added: Callable[[], None] = lambda: None,
) -> dict[str, int]:
    """Add the rows of all files. It may be ended at any point, and called again. `added` is called at the end."""
    done = task.checkpoint or task.arguments["from"] or {"after": "", "instances": 0, "replaced": 0, "failed": 0}
    keys = sorted({key for key, _ in task.archive.blobs.list()})  # (2)
    left = [key for key in keys if key > done["after"]]
    passed, total = len(keys) - len(left), 0
    for batch in _batches(read(left)):  # (3)
        found = [one for one in batch if one.rows is not None]
        failures = [(one.key, one.problem) for one in batch if one.rows is None]
        passed, total = passed + len(batch), total + sum(one.length for one in batch)
        with task.batch() as tx:  # (4)
            # Before the rows: one of the same batch may be a first version, which they take off the sweep's list.
            rebuilding.keep_files(tx, [key for key, _ in failures])
            statuses = _add(tx, found, task.archive.additions.known)
            task.failed(tx, failures)
            replaced = sum(status is Status.REPLACED for status in statuses)
            done = {
                "after": batch[-1].key,
                "instances": done["instances"] + len(found) - replaced,
                "replaced": done["replaced"] + replaced,
                "failed": done["failed"] + len(failures),
            }
            task.save(tx, done, 100 * passed // len(keys))
        progress(Progress(passed, len(keys), total))
    lineage.forget(task.archive)  # now that there is something better than what may be restored in its place
    added()
    return {name: done[name] for name in ("instances", "replaced", "failed")}


def _add(tx: Transaction, found: Iterable[Read], known: Known) -> list[Status]:
    """Add what was stored by one request together, so that rows have the order that they had."""
    statuses = []
    for _, request in groupby(found, lambda one: made_at(one.key)):
        together = list(request)
        versions = {one.key: rebuilding.version(tx, one.first.new.key) for one in together if one.first is not None}
        rows = [replace(one.rows, new=replace(one.rows.new, replaces=ANY)) for one in together if one.rows is not None]
        statuses += additions.add(tx, rows, known)
        for one in together:
            if one.first is not None:
                rebuilding.keep_first(tx, one.key, one.first, versions[one.key])
    return statuses


def _batches(reads: Iterable[Read]) -> Iterator[list[Read]]:
    batch: list[Read] = []
    for one in reads:
        batch.append(one)
        if len(batch) == BATCH or sum(other.length for other in batch) >= BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def read(archive: Archive, known: Partitions, key: str) -> Read:
    """What one file brings to the index, and its first version if it was updated."""
    found, original = _read(archive, known, key)
    if found.rows is None or original is None:
        return found
    first = _read(archive, known, original)[0]
    if first.unreadable:  # without it nobody would know later whose it was
        return Read(key, found.length, None, first.problem, unreadable=True)
    return replace(found, first=first.rows)


def _read(archive: Archive, known: Partitions, key: str) -> tuple[Read, str | None]:
    """The same of the file alone, and the key of its first version."""
    try:
        length = archive.blobs.size(key)
        if length <= IN_MEMORY:
            return _examined(archive, known, key, Part(archive.blobs.get(key), length))
        part = spooled(archive, archive.blobs.stream(key))
        try:
            return _examined(archive, known, key, part)
        finally:
            part.discard()
    except Lost:
        return Read(key, 0, None, "It went away while it was read."), None
    except Unreadable as error:
        return Read(key, 0, None, str(error), unreadable=True), None


def _examined(archive: Archive, known: Partitions, key: str, part: Part) -> tuple[Read, str | None]:
    partition = _partition(known, key)
    if partition is None:
        return Read(key, part.length, None, _NO_PARTITION), None
    # What was stored was good enough for one of the dialects; these are the rules that refuse least.
    target, tags = Resource(partition=partition), archive.additions.known.last
    candidate = examine(archive, validation.STANDARD, target, part, key, tags)
    if candidate.new is None:
        return Read(key, part.length, None, _UNREADABLE), None
    return Read(key, part.length, additions.prepare(candidate.new)), _original(part, key)


def _original(part: Part, key: str) -> str | None:
    """The key of the first version of a file, if it was updated, and is no copy of one that was."""
    if isinstance(part.content, Path):
        with part.content.open("rb") as file:
            beginning = file.read(_HEAD)
    else:
        beginning = bytes(part.content[:_HEAD])
    said = rewrite.original_of(part10.read_head(beginning).meta) or ""
    named, own = said[: len(key)], said[len(key) :]
    return named if own == key and KEY.fullmatch(named) else None


def _partition(known: Partitions, key: str) -> int | None:
    """The data partition of a file; None if nobody knows it, for it must not come into another one."""
    if known is None:
        return DEFAULT_PARTITION
    found = partition_of(key)
    return found if found == DEFAULT_PARTITION or found in known.values() else None


_NO_PARTITION = "The note of the blob store has no name for its data partition."
_UNREADABLE = "It is no DICOM file, or not a whole one: what a crash left behind, or damaged since."

"""Whether an archive is sound, and mending what can be mended without loss.

(1) files that rows name     are there, as long as they were and, unless only that is asked, the same bytes
(2) files that no row names  a crash leaves some; many, and the index is older than the files
(3) what a retrieve needs    is there for each Instance
(4) what is counted          of Studies and Series is what there is
(5) what is searched by      is what the rows, and for query tags the Metadata, say

A service may be running: what seems wrong is looked at once more before it is told of, and under the lock of its row
before it is mended, each in a transaction of its own.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import islice

from filmroom.archive import ORPHAN_AGE, Archive
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import Lost, Unreadable
from filmroom.index import consistency, instances, rows
from filmroom.index.consistency import File
from filmroom.index.transaction import Transaction
from filmroom.services import lineage

BATCH = 500
THREADS = 4


class Kind(StrEnum):
    """What can be wrong."""

    LOST = "file lost"
    DAMAGED = "file damaged"
    ORPHAN = "file without a row"
    DATA = "row without metadata"
    COUNTS = "wrong counts"
    VALUES = "wrong values to search by"
    TAGS = "wrong values of query tags"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong: with what, and whether it was mended."""

    kind: Kind
    where: str  # a path of a resource, or the key of a file
    text: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is with the files that rows name."""

    files: int
    of: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What to look at, and what to do."""

    quick: bool = False  # the lengths of files, not their bytes; and not what is searched by
    repair: bool = False
    remove_lost: bool = False  # the rows whose files are gone: what they know is lost with them
    threads: int = THREADS
    orphan_age: float = ORPHAN_AGE
    progress: Callable[[Progress], None] = lambda _: None


def check(archive: Archive, asked: Asked) -> Iterator[Problem]:
    """All that is wrong, as it is found."""
    yield from _files(archive, asked)
    yield from _orphans(archive, asked)
    yield from _without_data(archive)
    yield from _rows(archive, asked, Level.STUDY, consistency.miscounted, rows.recount, Kind.COUNTS)
    if asked.quick:
        return
    for level in Level:
        wrong, mend = partial(consistency.badly_derived, level=level), partial(consistency.derive, level=level)
        yield from _rows(archive, asked, level, wrong, mend, Kind.VALUES)
    yield from _rows(archive, asked, Level.INSTANCE, consistency.badly_tagged, consistency.retag, Kind.TAGS)


# --- (1)


def _files(archive: Archive, asked: Asked) -> Iterator[Problem]:
    with archive.index.read() as tx:
        total = consistency.count_files(tx)
    done = size = 0
    with ThreadPoolExecutor(asked.threads) as pool:
        for first in (False, True):
            for batch in _batches(archive, partial(consistency.fetch_files, first=first)):
                found = pool.map(partial(_file_problem, archive, asked.quick), batch)
                for file, problem in zip(batch, found, strict=True):
                    done, size = done + 1, size + file.length
                    if problem is not None:
                        yield from _confirmed(archive, asked, file, *problem)
                asked.progress(Progress(done, total, size))


def _batches(archive: Archive, fetch: Callable[..., list[File]]) -> Iterator[list[File]]:
    after = 0
    while True:
        with archive.index.read() as tx:
            batch = fetch(tx, after=after, limit=BATCH)
        if not batch:
            return
        yield batch
        after = batch[-1].watermark


def _file_problem(archive: Archive, quick: bool, file: File) -> tuple[Kind, str] | None:
    try:
        length = archive.blobs.size(file.blob)
        if length != file.length:
            return Kind.DAMAGED, f"the file has {length} bytes, and had {file.length}"
        if not quick:
            digest = hashlib.sha256()
            for chunk in archive.blobs.stream(file.blob):
                digest.update(chunk)
            if digest.digest() != file.digest:
                return Kind.DAMAGED, "the file has other bytes than were stored"
    except Lost:
        return Kind.LOST, "the file is not there"
    except Unreadable as error:
        return Kind.DAMAGED, str(error)
    return None


def _confirmed(archive: Archive, asked: Asked, file: File, kind: Kind, text: str) -> Iterator[Problem]:
    """The problem, unless the Instance was deleted or replaced meanwhile."""
    with archive.index.read() as tx:
        if not consistency.names_still(tx, file):
            return
        resource = consistency.resource_of(tx, Level.INSTANCE, file.watermark)
    if file.first:
        text = f"of the first version: {text}"
    problem = Problem(kind, f"{path(resource)} ({file.blob})", text)
    if kind is Kind.LOST and asked.remove_lost and not file.first and resource is not None:
        problem = replace(problem, repaired=_remove_lost(archive, file, resource))
    yield problem


def _remove_lost(archive: Archive, file: File, resource: Resource) -> bool:
    def remove(tx: Transaction) -> bool:
        if not consistency.names_still(tx, file) or _file_problem(archive, True, file) is None:
            return False
        return instances.remove(tx, resource) > 0

    return archive.index.transact(remove)


# --- (2)


def _orphans(archive: Archive, asked: Asked) -> Iterator[Problem]:
    fits = lineage.fits(archive)  # else they may be what was stored since the backup of the index, an hour ago perhaps
    repair, least = asked.repair and fits, asked.orphan_age if fits else 0.0
    listed = iter(archive.blobs.list())
    while some := list(islice(listed, BATCH)):
        ages = {key: age for key, age in some if age >= least}
        for key in sorted(_nameless(archive, ages)):
            try:
                size = archive.blobs.size(key)
            except Lost:  # a sweep was quicker
                continue
            if repair:
                archive.blobs.delete(_nameless(archive, [key]))
            text = f"{size} bytes, {ages[key] / 3600:.0f} hours old"
            yield Problem(Kind.ORPHAN, key, text, repair)


def _nameless(archive: Archive, keys: Collection[str]) -> set[str]:
    with archive.index.read() as tx:
        return instances.nameless(tx, keys)


# --- (3) to (5)


def _without_data(archive: Archive) -> Iterator[Problem]:
    after = 0
    while True:
        with archive.index.read() as tx:
            found = consistency.fetch_without_data(tx, after, BATCH)
            named = [consistency.resource_of(tx, Level.INSTANCE, key) for key in found]
        if not found:
            return
        yield from (Problem(Kind.DATA, path(one), "store the file once more, by PUT") for one in named)
        after = found[-1]


def _rows(
    archive: Archive,
    asked: Asked,
    level: Level,
    wrong: Callable[..., list[int]],
    mend: Callable[[Transaction, int], None],
    kind: Kind,
) -> Iterator[Problem]:
    after = 0
    while True:
        with archive.index.read() as tx:
            keys = consistency.fetch_keys(tx, level, after, BATCH)
            found = wrong(tx, keys=keys) if keys else []
            named = [consistency.resource_of(tx, level, key) for key in found]
        if not keys:
            return
        for key, resource in zip(found, named, strict=True):
            if asked.repair:
                archive.index.transact(partial(_mended, mend, key))
            yield Problem(kind, path(resource), _TEXTS[kind], asked.repair)
        after = keys[-1]


def _mended(mend: Callable[[Transaction, int], None], key: int, tx: Transaction) -> None:
    mend(tx, key)


_TEXTS = {
    Kind.COUNTS: "its counts or its sets are not those of what there is",
    Kind.VALUES: "a search may miss it, or find it by other values",
    Kind.TAGS: "a search by a query tag may miss it, or find it by other values",
}


def path(resource: Resource | None) -> str:
    """The path of a resource, as under a root."""
    return "(deleted meanwhile)" if resource is None else resource.path

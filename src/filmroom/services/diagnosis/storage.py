"""Where things are stored: the index, the files, the folders and disks. What is tried is undone."""

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import URL

from filmroom.archive import Archive
from filmroom.blobs import new_keys
from filmroom.errors import Unavailable
from filmroom.index import schema, soundness
from filmroom.index.database import Database
from filmroom.services.diagnosis.findings import Finding, clock, ok, problem, warning

FULL, NEARLY_FULL = 1 << 30, 10 << 30  # bytes that are free
FILES = 10_000  # that may still be made
SLOW = 1.0  # seconds for a small file, written and synced
_PROBE = b"filmroom doctor"


def database(url: str | URL) -> Iterator[Finding]:
    """The index: whether it answers, is of this version, and keeps what it has committed."""
    try:
        with closing(Database(url, connections=1, migrating=True)) as index, index.read() as tx:
            said, found = soundness.ask(tx), schema.find(tx)
            if found is not None:
                schema.refuse_newer(found)
    except Unavailable as error:
        yield problem(str(error), "filmroom can't work without its index")
        return
    if found is None:
        yield warning(f"{said.name} {said.version} has no tables yet", "`filmroom serve` makes them")
    elif found != schema.Found(schema.SCHEMA, stamped=True):
        yield problem(
            f"{said.name} {said.version} has schema {found.schema}, this version works with {schema.SCHEMA}",
            "end all services on it, back it up, and run `filmroom migrate`",
        )
    else:
        yield ok(f"{said.name} {said.version} answers, schema {found.schema}")
    for what in said.missing:
        yield problem(f"{said.name} may lose what it has committed", f"it needs {what}")
    yield from clock("the database", said.ahead)


def files(archive: Archive) -> Iterator[Finding]:
    """The blob store: a file is written, read and removed again."""
    key = new_keys(1)[0]
    began = time.monotonic()
    try:
        archive.blobs.put(key, _PROBE)
        archive.blobs.settle([key])
        took = time.monotonic() - began
        same = archive.blobs.get(key) == _PROBE
    except Unavailable as error:
        yield problem(str(error), "nothing can be stored until it can be written")
        return
    finally:
        with suppress(Unavailable):
            archive.blobs.delete([key])
    if not same:
        yield problem("the blob store gave back other bytes than it was given", "do not use it")
    elif took > SLOW:
        yield warning(f"a small file took {took:.1f} seconds to write", "look at the disk, or the way to the bucket")
    else:
        yield ok(f"a file was written, read and removed in {took * 1000:.0f} ms")


def folder(path: Path) -> Iterator[Finding]:
    """The rights of the data folder: it holds what is known of patients."""
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o007:
        yield problem(f"everybody on this machine may look into {path} (mode {mode:04o})", f"chmod 0700 {path}")
    elif mode & 0o020:
        yield warning(f"the group may write into {path} (mode {mode:04o})", f"chmod 0700 {path}, unless it must")
    elif not os.access(path, os.W_OK | os.X_OK):
        yield problem(f"{path} can't be written by this user", "run filmroom as its owner, or chown it")
    else:
        yield ok(f"{path} is nobody else's (mode {mode:04o})")
    if found.st_uid != os.geteuid():
        yield warning(
            f"{path} belongs to user {found.st_uid}, and this is run by {os.geteuid()}",
            "run filmroom and its commands as the user of the service",
        )


def disk(path: Path) -> Iterator[Finding]:
    """The space on a disk."""
    space, entries = shutil.disk_usage(path), os.statvfs(path)
    left = f"{space.free / 2**30:.1f} GiB of {space.total / 2**30:.0f} are free on the disk of {path}"
    if space.free < FULL:
        yield problem(left, "free some space: stores are refused when there is none")
    elif space.free < NEARLY_FULL:
        yield warning(left, "free some space, or move the files to a bucket")
    else:
        yield ok(left)
    if entries.f_files and entries.f_favail < FILES:
        yield problem(f"only {entries.f_favail} more files fit on the disk of {path}", "it has no inodes left for more")

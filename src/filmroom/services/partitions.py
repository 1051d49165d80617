"""Data partitions (Azure; PS3.18 has nothing like it): found by name, made by the first store, listed.

Names never change and partitions are never removed, so what a process has once found it keeps (`Archive.partitions`).
A store makes a partition, and only when it has something to put into it. In order, and why:

(1) lock             of several first stores, in whatever processes, one makes it
(2) add the row      it gives the key
(3) write the note   from it and the keys of the files the index can be made again; so it must know the partition
                     before any file can be put there
(4) commit
"""

import time
from collections.abc import Collection, Mapping

import orjson

from filmroom import metrics
from filmroom.archive import Archive
from filmroom.blobs import LARGEST_PARTITION
from filmroom.errors import BadRequest, Unavailable
from filmroom.index import partitions as rows
from filmroom.index.partitions import Partition
from filmroom.index.transaction import Transaction

NOTE = "partitions"  # of the blob store: {name: key, …} in JSON


def known(archive: Archive, name: str) -> int | None:
    """The key of a partition, if this process knows it; it waits for nothing."""
    key = archive.partitions.get(name)
    metrics.cache_looks["partitions"][key is not None].inc()
    return key


def find(archive: Archive, name: str) -> int | None:
    """The key of a partition, if there is one of that name."""
    key = known(archive, name)
    return fetch(archive, name) if key is None else key


def fetch(archive: Archive, name: str) -> int | None:
    """The key of one that is not known."""
    with archive.index.read() as tx:
        key = rows.fetch(tx, name)
    if key is not None:
        archive.partitions[name] = key
    return key


def keys(archive: Archive, names: Collection[str] | None) -> list[int] | None:
    """The keys of the partitions of these names that there are; None if all are meant."""
    if names is None:
        return None
    return [key for name in names if (key := find(archive, name)) is not None]


def fetch_all(archive: Archive, names: Collection[str] | None = None) -> list[Partition]:
    """The partitions of these names, or all, in the order in which they were made."""
    with archive.index.read() as tx:
        return [one for one in rows.fetch_all(tx) if names is None or one.name in names]


def make(archive: Archive, name: str) -> int:
    """The key of a partition, which is made unless it is there."""
    key = archive.index.transact(lambda tx: _make(archive, tx, name))
    archive.partitions[name] = key
    return key


def _make(archive: Archive, tx: Transaction, name: str) -> int:
    rows.lock(tx)  # (1)
    names = rows.names(tx)
    if name in names:
        return names[name]
    key = rows.add(tx, name, time.time())  # (2)
    if key > LARGEST_PARTITION:
        raise BadRequest(f"There can be no more data partitions: {LARGEST_PARTITION} are the most.")
    archive.blobs.write_note(NOTE, orjson.dumps({**names, name: key}))  # (3)
    return key


def noted(archive: Archive) -> Mapping[str, int] | None:
    """The keys of all partitions by name, as the note has them; None: there was only ever the default one."""
    note = archive.blobs.read_note(NOTE)
    return None if note is None else dict(orjson.loads(note))


def check(archive: Archive, *, in_use: bool) -> None:
    """Refuse to serve the default partition as if it were everything."""
    if in_use:
        return
    with archive.index.read() as tx:
        count = rows.count(tx)
    if count > 1:
        raise Unavailable(
            f"It has {count} data partitions, and the setting 'partitions' is off, with which all but the first would "
            "be out of reach: switch it on (--partitions, or FILMROOM_PARTITIONS=true)."
        )

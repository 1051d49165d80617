"""Delete a Study, Series or Instance, and sweep the files that no row names any more.

Deleting removes rows in one transaction; the files stay until a sweep, so that a delete of a large Study
answers at once and a retrieve that has begun can end.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice

from filmroom.archive import ORPHAN_AGE, Archive
from filmroom.dicom.resources import Resource
from filmroom.errors import NotFound
from filmroom.index import instances, partitions, patients
from filmroom.index.transaction import Transaction
from filmroom.services import lineage
from filmroom.task import Batch

SWEEP = "sweep"  # the name of the operation
_BATCH = 500
_LISTED = 2000  # files looked at in one batch

Removed = Callable[[Transaction, int], None]


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted, for the audit: how many Instances, and the Patient ID, which nobody knows afterwards."""

    instances: int
    patient: str | None


def delete(archive: Archive, target: Resource) -> Deleted:
    """Remove what `target` names from the index."""
    deleted = archive.index.transact(partial(_delete, target=target))
    if not deleted.instances:
        raise NotFound(f"The specified {target.level.name.lower()} cannot be found.")
    return deleted


def _delete(tx: Transaction, target: Resource, expired_by: float | None = None) -> Deleted:
    whose = patients.identifiers(tx, [(target.partition, str(target.study))])
    removed = instances.remove(tx, target, expired_by)
    return Deleted(removed, next(iter(whose.values()), None))


def expire(archive: Archive, by: float, stopping: Callable[[], bool] = lambda: False) -> int:
    """Delete the Studies that have expired by a time, each in a transaction. Gives their number.

    What was found is looked at once more under the lock of its row: a store since then decides, and of several
    workers one deletes. `stopping` is asked before each Study.
    """
    expired = 0
    while not stopping():
        with archive.index.read() as tx:
            due = instances.fetch_expired(tx, by, _BATCH)
            names = {key: partitions.fetch_name(tx, key) for key in {one.partition for one in due}}
        for study in due:
            if stopping():
                break
            deleted = archive.index.transact(partial(_delete, target=study, expired_by=by))
            if deleted.instances:
                expired += 1
                archive.audit.write(
                    "delete",
                    why="expired",
                    partition=names[study.partition],
                    study=study.study,
                    patient=deleted.patient,
                    instances=deleted.instances,
                )
        if len(due) < _BATCH:
            break
    return expired


def _unheard(tx: Transaction, count: int) -> None:
    pass


def sweep(
    archive: Archive,
    delay: float,
    orphan_age: float = ORPHAN_AGE,
    batch: Batch | None = None,
    removed: Removed = _unheard,
) -> int:
    """Delete the files that no row names; those of deleted Instances after `delay` seconds. Gives their number.

    (1) files of Instances deleted or replaced     their keys were written down with the time
    (2) files whose store never got to its rows    a crash; younger ones than `orphan_age` may still get theirs. None
                                                   if the index is older than the files (`lineage`): Conflict

    Each `batch` is a transaction, in which `removed` is told how many files go with it.
    """
    batch = batch or archive.index.begin
    swept = _sweep_deleted(archive, time.time() - delay, batch, removed)
    lineage.check(archive)
    swept += _sweep_orphans(archive, orphan_age, batch, removed)
    lineage.note(archive)  # last: it needs room, which a sweep makes
    return swept


def _sweep_deleted(archive: Archive, before: float, batch: Batch, removed: Removed) -> int:
    swept = 0
    while True:
        with archive.index.read() as tx:
            keys = instances.fetch_deleted(tx, before, _BATCH)
        if not keys:
            return swept
        archive.blobs.delete(keys)
        with batch() as tx:
            instances.forget_deleted(tx, keys)
            removed(tx, len(keys))
        swept += len(keys)


def _sweep_orphans(archive: Archive, orphan_age: float, batch: Batch, removed: Removed) -> int:
    swept = 0
    listed = iter(archive.blobs.list())
    while some := list(islice(listed, _LISTED)):
        keys = [key for key, age in some if age >= orphan_age]
        with batch() as tx:  # also if all are young: a batch must come before the lease runs out
            orphans = instances.nameless(tx, keys)
            if orphans:
                removed(tx, len(orphans))
        archive.blobs.delete(orphans)
        swept += len(orphans)
    return swept

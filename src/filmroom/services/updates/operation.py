"""The operation: its start, its checks, and its batches, one after the other."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from filmroom.archive import Archive
from filmroom.dicom import updates
from filmroom.dicom.resources import Resource
from filmroom.errors import AtWork
from filmroom.index import instances, operations, originals, watermarks
from filmroom.index import updates as rows
from filmroom.index.database import persistently
from filmroom.index.transaction import Transaction
from filmroom.index.updates import Outcome
from filmroom.protocol import updates as messages
from filmroom.services.updates.versions import Batch, Maker
from filmroom.task import Failed, Task

UPDATE = "update"  # the name of the operation
MOST_AT_ONCE = 1000  # Instances in a transaction, which holds up stores for as long as it takes
MOST_TOLD = 5  # messages about Instances in the results; the errors of the operation have all
_OCCUPIED = "An Instance is stored under the new UIDs already."


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far an update is: its checkpoint."""

    study: int = 0  # the place of that at which it is
    after: int = 0  # the watermark of the last Instance of it that was looked at
    here: int = 0  # updated of this Study
    failed_here: bool = False
    total: int = 0  # Instances
    done: int = 0
    updated: int = 0
    studies: int = 0  # of which all was updated
    failed: list[str] = field(default_factory=list)  # Studies
    told: list[str] = field(default_factory=list)

    @property
    def percent(self) -> int:
        return min(100 * self.done // self.total, 100) if self.total else 0


def start(archive: Archive, wanted: messages.Update, partition: int) -> str:
    """Have Studies updated; gives the id of the operation. One at a time may be at work on a Study."""
    new_study = updates.uids(wanted.changes)[0]
    touched = {*wanted.studies, *([new_study] if new_study else [])}

    def begin(tx: Transaction) -> str:
        last = watermarks.lock(tx) - 1  # its lock lets one look at a time
        for other in operations.fetch_unended(tx, UPDATE):
            if other.arguments["partition"] == partition and touched & {*other.arguments["touched"]}:
                raise AtWork(f"There is already an active update operation with ID '{other.id}'.", other.id)
        arguments = {
            "partition": partition,
            "studies": wanted.studies,
            "series": wanted.series,
            "instance": wanted.instance,
            "changes": wanted.changes,
            "touched": sorted(touched),
            "last": last,
        }
        return operations.add(tx, UPDATE, arguments)

    return archive.index.transact(begin)


def update(task: Task) -> dict[str, Any]:
    """Do what was started, or what is left of it."""
    given = task.arguments
    targets = [Resource(study, given["series"], given["instance"], given["partition"]) for study in given["studies"]]
    progress = _Progress(**task.checkpoint) if task.checkpoint else _begin(task, targets)
    while progress.study < len(targets):
        progress = _advance(task, targets[progress.study], progress)
    results = _results(progress, len(targets))
    if progress.failed:
        raise Failed(f"{len(progress.failed)} of {len(targets)} Studies could not be updated as a whole.", results)
    return results


def _results(progress: _Progress, studies: int) -> dict[str, Any]:
    results: dict[str, Any] = {
        "studyProcessed": studies,
        "studyUpdated": progress.studies,
        "studyFailed": len(progress.failed),
        "instanceUpdated": progress.updated,
    }
    errors = [f"Failed to update instances for study {study}" for study in progress.failed] + progress.told
    return results | ({"errors": errors} if errors else {})


def _begin(task: Task, targets: Sequence[Resource]) -> _Progress:
    """(2)"""
    last = task.arguments["last"]
    with task.batch() as tx:
        obstacle = _obstacle(tx, targets[0], updates.uids(task.arguments["changes"]), last)
        progress = _Progress(total=sum(rows.count_before(tx, target, last) for target in targets))
        task.save(tx, asdict(progress), 0)
    if obstacle:
        raise Failed(obstacle, _results(replace(progress, failed=[str(targets[0].study)], told=[obstacle]), 1))
    return progress


def _obstacle(tx: Transaction, target: Resource, new: tuple[str | None, ...], last: int) -> str | None:
    """Why UIDs can't be changed; None if they can, or are not to be."""
    study, series, instance = (one != old and one for one, old in zip(new, target.uids, strict=True))
    if series and len(rows.serieses(tx, target)) > 1:
        return "The Study has several Series: seriesInstanceUid must say which one gets the new UID."
    if instance and rows.count_before(tx, target, last) > 1:
        return "The Series has several Instances: sopInstanceUid must say which one gets the new UID."
    if study and instances.version(tx, Resource(study, partition=target.partition)):
        return "A Study of the new UID is stored already."
    if series and not study and instances.version(tx, Resource(target.study, series, partition=target.partition)):
        return "A Series of the new UID is stored already."
    within = Resource(target.study, target.series, instance or None, target.partition)
    if instance and not (study or series) and instances.version(tx, within):
        return _OCCUPIED
    return None


def _advance(task: Task, target: Resource, progress: _Progress) -> _Progress:
    """The next batch of a Study; behind the last, the next Study."""
    archive, last = task.archive, task.arguments["last"]
    with archive.index.read() as tx:
        found = rows.fetch_before(tx, target, progress.after, last, MOST_AT_ONCE)
        first = originals.fetch_keys(tx, [one.watermark for one in found])
        hidden = rows.fetch_hidden(tx, found)
    if not found:
        progress = _concluded(progress, str(target.study))
        with task.batch() as tx:
            task.save(tx, asdict(progress), progress.percent)
        return progress
    batch = Batch()
    try:
        Maker(task, batch).make(found, first, hidden)  # (3)
        archive.blobs.settle(batch.keys)
        progress, lost = persistently(partial(_replace, task, batch, progress))  # (4)
    except Exception:
        archive.take_back(batch.keys)
        raise
    archive.blobs.delete(lost)
    return progress


def _concluded(progress: _Progress, study: str) -> _Progress:
    done = progress.here and not progress.failed_here
    return replace(
        progress,
        study=progress.study + 1,
        after=0,
        here=0,
        failed_here=False,
        studies=progress.studies + (1 if done else 0),
        failed=[*progress.failed, *([study] if progress.failed_here else [])],
    )


def _replace(task: Task, batch: Batch, progress: _Progress) -> tuple[_Progress, list[str]]:
    """How far the update is then, and the blobs that got no row."""
    with task.batch() as tx:
        outcomes = rows.replace(tx, batch.made, task.archive.additions.known)
        occupied = [
            (one.old.resource.path, _OCCUPIED)
            for one, outcome in zip(batch.made, outcomes, strict=True)
            if outcome is Outcome.OCCUPIED
        ]
        failures = [*batch.failures, *occupied]
        updated = outcomes.count(Outcome.UPDATED)
        progress = replace(
            progress,
            after=batch.looked_at[-1].watermark,
            here=progress.here + updated,
            failed_here=progress.failed_here or bool(failures),
            done=progress.done + len(batch.looked_at),
            updated=progress.updated + updated,
            told=[*progress.told, *(f"{path}: {message}" for path, message in failures)][:MOST_TOLD],
        )
        task.failed(tx, failures)
        task.save(tx, asdict(progress), progress.percent)
    lost = [key for key, outcome in zip(batch.keys, outcomes, strict=True) if outcome is not Outcome.UPDATED]
    return progress, lost

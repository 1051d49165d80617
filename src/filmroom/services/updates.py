"""Bulk update (Azure; PS3.18 has nothing like it): attributes of all Instances of Studies changed, in new files.

(1) start      one update at a time for a Study; what is stored later is not its business, which watermarks tell
(2) check      that new UIDs are free
(3) prepare    new files, each read and written in pieces, and put under keys of their own
(4) replace    the rows of a batch at once: a Study of up to MOST_AT_ONCE Instances, and of up to MOST_TEXT of Metadata,
               changes in one moment

A worker that dies leaves at most files without rows, which the sweep removes: an Instance with a new version has a
watermark that is above all that the update looks at, so whoever goes on does nothing twice. A store, PUT or delete
that comes between (3) and (4) wins. An Instance that can't be updated is told, and the others go on.
"""

import mmap
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from filmroom.archive import Archive, spooling
from filmroom.blobs import new_keys
from filmroom.dicom import amend, attributes, part10, updates, validation
from filmroom.dicom.resources import Resource
from filmroom.errors import AtWork, BadFile, Lost
from filmroom.index import additions, instances, operations, originals, watermarks
from filmroom.index import updates as rows
from filmroom.index.additions import NewInstance
from filmroom.index.database import persistently
from filmroom.index.instances import StoredInstance
from filmroom.index.updates import Outcome, Update
from filmroom.protocol import updates as messages
from filmroom.services.examination import Part, examine, spooled
from filmroom.task import Failed, Task

UPDATE = "update"  # the name of the operation
MOST_AT_ONCE = 1000  # Instances in a transaction, which holds up stores for as long as it takes
MOST_TEXT = 64 << 20  # bytes of their Metadata, which wait in memory for it
IN_MEMORY = 4 << 20  # bytes of a file; larger ones go through the spool folder
PUT_TOGETHER = 64  # files, written and synced side by side
RENEWED = 15.0  # seconds after which the lease is renewed between files
MOST_TOLD = 5  # messages about Instances in the results; the errors of the operation have all
_OCCUPIED = "An Instance is stored under the new UIDs already."
_OTHER_UIDS = "The file names other UIDs than the Instance is stored under."


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

    def begin(tx: Connection) -> str:
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


def _obstacle(tx: Connection, target: Resource, new: tuple[str | None, ...], last: int) -> str | None:
    """Why UIDs can't be changed; None if they can, or are not to be."""
    study, series, instance = (one != old and one for one, old in zip(new, _uids(target), strict=True))
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


def _uids(target: Resource) -> tuple[str | None, str | None, str | None]:
    return target.study, target.series, target.instance


@dataclass(slots=True)
class _Batch:
    """New versions that wait for their transaction, and what could not be made."""

    looked_at: list[StoredInstance] = field(default_factory=list)
    made: list[Update] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    text: int = 0

    @property
    def keys(self) -> list[str]:
        return [one.rows.new.key for one in self.made]


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
    batch = _Batch()
    try:
        _Maker(task, batch).make(found, first, hidden)  # (3)
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


def _replace(task: Task, batch: _Batch, progress: _Progress) -> tuple[_Progress, list[str]]:
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


class _Maker:
    """Makes new versions, and keeps the lease meanwhile."""

    def __init__(self, task: Task, batch: _Batch) -> None:
        self._task = task
        self._archive = task.archive
        self._batch = batch
        self._changes = updates.written(task.arguments["changes"])
        self._keys = frozenset(map(attributes.key, self._changes))
        self._new = updates.uids(task.arguments["changes"])
        self._renewed = time.monotonic()
        self._waiting: list[tuple[NewInstance, Part]] = []

    def make(self, found: Sequence[StoredInstance], first: dict[int, str], hidden: dict[int, frozenset[str]]) -> None:
        """As many as fit into one batch."""
        for old, key in zip(found, new_keys(len(found), self._task.arguments["partition"]), strict=True):
            self._batch.looked_at.append(old)
            left_out = hidden.get(old.watermark, frozenset()) - self._keys
            with ExitStack() as held:
                try:
                    # A file names its own key behind that of its first version: who stores it again makes a copy of
                    # it that is the new version of nothing, and a rebuild must not take it for that.
                    part = self._amended(old, first.get(old.watermark, old.key) + key, held)
                    self._add(old, self._examined(old, part, key, left_out), part)
                except (BadFile, Lost) as error:
                    self._batch.failures.append((old.resource.path, str(error)))
            self._keep_lease()
            if self._batch.text > MOST_TEXT:
                break
        self._put()

    def _add(self, old: StoredInstance, new: NewInstance, part: Part) -> None:
        self._waiting.append((new, part))
        self._batch.made.append(Update(old, additions.prepare(new)))
        self._batch.text += len(new.metadata)
        if isinstance(part.content, Path) or len(self._waiting) >= PUT_TOGETHER:
            self._put()

    def _put(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._archive.blobs.put_all((new.key, part.content) for new, part in waiting)

    def _examined(self, old: StoredInstance, part: Part, key: str, hidden: frozenset[str]) -> NewInstance:
        tags, target = self._archive.additions.known.last, Resource(partition=old.resource.partition)
        # What a store accepted is not refused now; the changed values have been checked.
        candidate = examine(self._archive, validation.STANDARD, target, part, key, tags, hidden)
        if candidate.new is None:
            raise BadFile(" ".join(problem.message for problem in candidate.outcome.problems))
        study, series, instance = (new or uid for new, uid in zip(self._new, _uids(old.resource), strict=True))
        resource = Resource(study, series, instance, old.resource.partition)
        if candidate.new.resource != resource:
            raise BadFile(_OTHER_UIDS)
        return replace(candidate.new, replaces=old.key if resource == old.resource else None)

    def _amended(self, old: StoredInstance, original: str, held: ExitStack) -> Part:
        """The new file, in memory or in the spool folder for as long as `held` lasts."""
        if old.length <= IN_MEMORY:
            content = b"".join(self._written(self._archive.blobs.get(old.key), original))
            return Part(content, len(content))
        with spooling(), tempfile.TemporaryFile(dir=self._archive.spool) as stored:
            stored.writelines(self._renewing(self._archive.blobs.stream(old.key, 0, old.length)))
            stored.flush()
            with mmap.mmap(stored.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                made = spooled(self._archive, self._renewing(self._written(mapped, original)))
        held.callback(made.discard)
        return made

    def _written(self, buffer: part10.Buffer, original: str) -> Iterator[bytes]:
        head = part10.read_head(buffer)
        with ExitStack() as held:
            if head.deflated:
                held.enter_context(self._archive.inflating)
            yield from amend.write(part10.read(buffer, head), head, self._changes, original)

    def _renewing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self._keep_lease()

    def _keep_lease(self) -> None:
        if time.monotonic() - self._renewed > RENEWED:
            self._task.renew()
            self._renewed = time.monotonic()

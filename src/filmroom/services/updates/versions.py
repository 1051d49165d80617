"""New versions of Instances: each file is read, written with other values, checked as a store does, and put."""

import mmap
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from filmroom.archive import spooling
from filmroom.blobs import new_keys
from filmroom.dicom import amend, attributes, part10, updates, validation
from filmroom.dicom.resources import Resource
from filmroom.errors import BadFile, Lost, Unreadable
from filmroom.index import additions
from filmroom.index.additions import NewInstance
from filmroom.index.instances import StoredInstance
from filmroom.index.updates import Update
from filmroom.services.crew import Crew
from filmroom.services.examination import Part, examine, spooled
from filmroom.task import Task

MOST_TEXT = 64 << 20  # bytes of Metadata, which wait in memory for the transaction
IN_MEMORY = 4 << 20  # bytes of a file; larger ones go through the spool folder
PUT_TOGETHER = 64  # files, written and synced side by side
RENEWED = 15.0  # seconds after which the lease is renewed between files
_OTHER_UIDS = "The file names other UIDs than the Instance is stored under."


@dataclass(slots=True)
class Batch:
    """New versions that wait for their transaction, and what could not be made."""

    looked_at: list[StoredInstance] = field(default_factory=list)
    made: list[Update] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    text: int = 0

    @property
    def keys(self) -> list[str]:
        """Of the new files."""
        return [one.rows.new.key for one in self.made]


class Maker:
    """Makes new versions, and keeps the lease meanwhile."""

    def __init__(self, task: Task, batch: Batch) -> None:
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
                except (BadFile, Lost, Unreadable) as error:
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
        with Crew(self._task) as crew:  # a slow bucket may take longer than a lease
            crew.do(self._archive.blobs.put_all, [[(new.key, part.content) for new, part in waiting]])

    def _examined(self, old: StoredInstance, part: Part, key: str, hidden: frozenset[str]) -> NewInstance:
        tags, target = self._archive.additions.known.last, Resource(partition=old.resource.partition)
        # What a store accepted is not refused now; the changed values have been checked.
        candidate = examine(self._archive, validation.STANDARD, target, part, key, tags, hidden)
        if candidate.new is None:
            raise BadFile(" ".join(problem.message for problem in candidate.outcome.problems))
        study, series, instance = (new or uid for new, uid in zip(self._new, old.resource.uids, strict=True))
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

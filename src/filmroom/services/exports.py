"""Export: the files of Instances, copied to a folder or a bucket (Azure's; PS3.18 has nothing like it).

With a profile they are de-identified on the way, and go by the UIDs that they have then, in errors.log too. Who sees
some Studies alone exports those: which they are the index decides when their turn comes, as it does for a retrieve.

(1) write an empty errors.log   where nothing can be written, nothing is begun
(2) take the next Instances     as they are now; what was deleted meanwhile is not missed
(3) copy their files            in parallel; the last bytes follow when all have been found to be those stored
(4) save the position           with what could not be copied, in one transaction; a batch done twice writes the same
(5) write errors.log            at the end, from what (4) wrote down
"""

import hashlib
import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import Enum, auto
from functools import partial
from typing import Any

from filmroom import places
from filmroom.archive import Archive
from filmroom.audit.gathered import note
from filmroom.audit.records import MOST_NAMED
from filmroom.dicom import instants, uids
from filmroom.dicom.deidentification import Deidentification
from filmroom.dicom.resources import DEFAULT_PARTITION, Resource
from filmroom.dicom.views import View
from filmroom.errors import Conflict, Forbidden, Lost, NotFound, Unreadable
from filmroom.index import instances, operations, watermarks
from filmroom.index.instances import StoredInstance
from filmroom.index.operations import SECRET
from filmroom.index.transaction import Transaction
from filmroom.places import Place
from filmroom.services import deidentified, pseudonyms, recorded, views
from filmroom.services.crew import Crew
from filmroom.services.views import EVERYTHING, Shown
from filmroom.task import Task

EXPORT = "export"  # the name of the operation
BATCH = 200  # Instances
BATCH_BYTES = 256 << 20  # about; a file may be larger
_PAGE = 1000  # failures read at once

Failed = tuple[str, str]  # the item, and why


class _Copied(Enum):
    """What became of an Instance with which nothing is wrong."""

    WHOLLY = auto()
    GONE = auto()  # deleted or replaced meanwhile


@dataclass(frozen=True, slots=True)
class _Position:
    """How far it is: in the resources, in the Instances of that one by watermark, and what became of those before."""

    at: int = 0
    after: int = 0
    exported: int = 0
    skipped: int = 0


def arguments(
    archive: Archive,
    url: str,
    options: Mapping[str, str],
    resources: Sequence[Resource],
    profile: str | None = None,
    shown: Shown = EVERYTHING,
) -> dict[str, Any]:
    """What the operation is started with. BadRequest if there is no such place, or no such profile.

    Of what is `shown` de-identified, the resources are called by pseudonyms, as in all requests. Those that are none
    of anything are `absent`: told, by what they were called, and never looked for.
    """
    if shown.profile is not None:
        if profile not in {None, shown.profile}:
            raise Forbidden(
                f"Your role exports what the profile {shown.profile} de-identifies, and nothing else: leave "
                f"'deidentify' out, or say '{shown.profile}'."
            )
        profile = shown.profile
    if profile is not None:
        deidentified.profile(archive, profile)
    place = places.open_place(url, archive.buckets, options)
    place.check()
    found = pseudonyms.all_resolved(archive, resources)
    _note(resources, found, profile, shown)
    absent = [one.uids for one, there in zip(resources, found, strict=True) if pseudonyms.NOTHING in there.uids]
    return {
        "url": place.url,
        SECRET: dict(options),
        "resources": [one.uids for one in found if pseudonyms.NOTHING not in one.uids],
        "partition": resources[0].partition if resources else DEFAULT_PARTITION,
        **({} if profile is None else {"profile": profile}),
        **({} if shown.searches is None else {"searches": shown.searches}),
        **({"absent": absent} if absent else {}),
    }


def _note(asked: Iterable[Resource], found: Iterable[Resource], profile: str | None, shown: Shown) -> None:
    """For the audit: which Studies are asked for, and what they were called. Of each one alone a search noted it."""
    stored, called = ({one.study for one in of if one.study} for of in (found, asked))
    of_one: dict[str, Any] = dict.fromkeys(("study", "series", "instance", "pseudonym"))
    note(
        studies=sorted(stored)[:MOST_NAMED] or None,
        pseudonyms=sorted(called)[:MOST_NAMED] or None if shown.profile else None,
        deidentified=profile,
        **of_one,
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """Where files go, and how."""

    archive: Archive
    place: Place
    folder: str
    crew: Crew
    profile: Deidentification | None
    absent: Sequence[Resource]
    inflating: threading.Lock = field(default_factory=threading.Lock)

    @property
    def log(self) -> str:
        return f"{self.folder}/errors.log"

    def names(self, named: Iterable[str | None]) -> str:
        """What a resource is called where files go, by its UIDs."""
        return "/".join(self.profile.uid(uid) if self.profile else uid for uid in named if uid is not None)

    def begin(self, task: Task) -> _Position:
        """Tell what is not there and known to be so; gives where to begin."""
        position = _Position(skipped=len(self.absent))
        with task.batch() as tx:
            task.failed(tx, map(_missing, self.absent))
            task.save(tx, asdict(position))
        return position


def export(task: Task) -> dict[str, Any]:
    """Copy what the operation was asked for; gives the results."""
    archive, given = task.archive, task.arguments
    partition, searches = given["partition"], given.get("searches")
    resources, absent = (
        [_resource(uids, partition) for uids in given.get(name, ())] for name in ("resources", "absent")
    )
    place = places.open_place(given["url"], archive.buckets, given[SECRET])
    profile = deidentified.profile(archive, given["profile"]) if "profile" in given else None
    position = _Position(**(task.checkpoint or {}))
    with Crew(task) as crew:
        way = _Way(archive, place, task.operation.id, crew, profile, absent)
        if task.checkpoint is None:
            crew.do(_log, [way])  # (1)
            position = way.begin(task)
        while position.at < len(resources):
            view = View(views.found_by(archive, searches, partition))
            found, failed, following = _next(archive, resources, position, view)  # (2)
            whose = recorded.whose(archive, task.operation, {str(one.resource.study) for one in found})
            try:
                copied = crew.do(partial(_copy, way), found)  # (3)
                place.settle()
            except BaseException:  # some are copied, and it may be that nobody does this batch again
                _write_down(task, whose, found, state="failed")
                raise
            done = [one for one, what in zip(found, copied, strict=True) if what is _Copied.WHOLLY]
            _write_down(task, whose, done)
            failed += [one for one in copied if not isinstance(one, _Copied)]
            exported = position.exported + len(done)
            position = replace(following, exported=exported, skipped=position.skipped + len(failed))
            with task.batch() as tx:  # (4)
                task.failed(tx, failed)
                task.save(tx, asdict(position), _percent(tx, resources, position))
        crew.do(_log, [way])  # (5)
    return {"exported": position.exported, "skipped": position.skipped, "errorHref": f"{place.url}/{way.log}"}


def _write_down(task: Task, whose: recorded.Whose, copied: Sequence[StoredInstance], **facts: Any) -> None:
    """Whose images are out of the house now."""
    if copied:
        of = {study: whose[study] for study in sorted({str(one.resource.study) for one in copied})}
        recorded.write(task.archive, task.operation, "batch", of, instances=len(copied), **facts)


def _resource(uids: Sequence[str | None], partition: int) -> Resource:
    study, series, instance = uids
    return Resource(study, series, instance, partition)


def _missing(resource: Resource) -> Failed:
    return resource.path, f"The specified {resource.level.name.lower()} cannot be found."


def _next(
    archive: Archive, resources: Sequence[Resource], position: _Position, view: View
) -> tuple[list[StoredInstance], list[Failed], _Position]:
    """The Instances of the next batch, what is not there, and where the batch after it begins."""
    found: list[StoredInstance] = []
    missing: list[Failed] = []
    at, after, size = position.at, position.after, 0
    with archive.index.read() as tx:
        while at < len(resources) and len(found) + len(missing) < BATCH and size < BATCH_BYTES:
            wanted = BATCH - len(found)
            some = instances.fetch_after(tx, replace(resources[at], view=view), after, wanted)
            taken = list(_within(some, BATCH_BYTES - size))
            found += taken
            size += sum(one.length for one in taken)
            if not some and not after and resources[at].study is not None:
                missing.append(_missing(resources[at]))
            if len(taken) < len(some) or len(some) == wanted:
                after = taken[-1].watermark
            else:
                at, after = at + 1, 0
    return found, missing, _Position(at, after)


def _within(some: Iterable[StoredInstance], size: int) -> Iterator[StoredInstance]:
    for one in some:
        if size <= 0:
            return
        size -= one.length
        yield one


def _percent(tx: Transaction, resources: Sequence[Resource], position: _Position) -> int:
    if resources[0].study is None and not position.at:
        return 100 * position.after // max(watermarks.largest(tx), 1)
    return 100 * position.at // len(resources)


def _copy(way: _Way, stored: StoredInstance) -> _Copied | Failed:
    """What became of an Instance, or what is wrong with it."""
    resource = stored.resource
    name = f"{way.folder}/results/{way.names(resource.uids)}.dcm"
    try:
        counted = _Counted(_content(way, stored))
        way.place.write(name, counted)
        if way.place.size(name) != counted.length:
            raise Conflict("What was written is of another length.")
    except (Conflict, NotFound, Unreadable) as error:
        return resource.path, str(error)
    except Lost as error:
        with way.archive.index.read() as tx:
            there = any(one.key == stored.key for one in instances.fetch(tx, resource))
        return (resource.path, str(error)) if there else _Copied.GONE
    return _Copied.WHOLLY


def _content(way: _Way, stored: StoredInstance) -> Iterator[bytes]:
    content = _verified(way.crew.watched(way.archive.blobs.stream(stored.key)), stored.digest)
    if way.profile is None:
        return content
    if uids.is_document(stored.sop_class):
        raise Conflict(deidentified.LEFT_OUT)
    return way.crew.watched(deidentified.written(way.archive, way.profile, content, way.inflating))


@dataclass(slots=True)
class _Counted:
    """Chunks, and how long they are together, as far as they were taken."""

    chunks: Iterator[bytes]
    length: int = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.length += len(chunk)
            yield chunk


def _verified(chunks: Iterable[bytes], expected: bytes) -> Iterator[bytes]:
    """The chunks; before the last of them it is known that they are what was stored."""
    digest, last = hashlib.sha256(), b""
    for chunk in chunks:
        if last:
            yield last
        digest.update(chunk)
        last = chunk
    if digest.digest() != expected:
        raise Lost("The file of a stored Instance is damaged; restore it from a backup.")
    yield last


def _log(way: _Way) -> None:
    way.place.write(way.log, _lines(way))
    way.place.settle()


def _lines(way: _Way) -> Iterator[bytes]:
    offset = 0
    while True:
        with way.archive.index.read() as tx:
            page = operations.fetch_failures(tx, way.folder, _PAGE, offset)
        if not page:
            return
        for number, one in enumerate(page, offset):
            uids = one.item.split("/")[2::2]  # /studies/1/series/2
            # Those of `begin` come first, called as they were by who asked: that may be a guess at what is stored.
            names = "/".join(uids) if number < len(way.absent) else way.names(uids)
            line = {"timestamp": instants.written(one.created), "identifier": names, "error": one.message}
            yield json.dumps(line).encode() + b"\n"
        offset += len(page)

"""Store Transaction (PS3.18 §10.5).

An Instance is stored when its row is committed. In order, and why:

(1) read and check each part      a refused Instance must cost no write
(2) make the data partition       if it is not there; a store that is refused must leave none behind
(3) put the files                 a row must never name a missing file
(4) add all rows at once          readers see the whole request or none of it; the group settles its files first
(5) replace what is lost          "stored already" must not be said of a file that is gone
(6) delete the files that lost    another request stored the same Instance first

A crash before (4) leaves files that no row names; `delete.sweep` removes them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from functools import partial

from filmroom import metrics
from filmroom.archive import Archive
from filmroom.blobs import new_keys
from filmroom.dicom import json_model, store_response, validation
from filmroom.dicom.resources import NO_PARTITION, Resource
from filmroom.dicom.store_response import Outcome
from filmroom.errors import Lost
from filmroom.index import instances
from filmroom.index.additions import ANY, WRITTEN, NewInstance, Status
from filmroom.index.instances import StoredInstance
from filmroom.index.query_tags import Tags
from filmroom.protocol.dialects import Dialect
from filmroom.services import partitions
from filmroom.services.examination import Part, examine

PATIENT_ID = 0x00100020


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of each part, in the order received."""

    outcomes: tuple[Outcome, ...]
    already: int  # of the outcomes are of what was stored before, byte for byte
    multiple_values: bool  # an indexed attribute had several values, of which the first was indexed
    patients: Mapping[str, str]  # Patient IDs of Studies, as these parts have them


def store(
    archive: Archive,
    dialect: Dialect,
    target: Resource,
    parts: Sequence[Part],
    *,
    replace: bool,
    lifetime: float | None = None,
    into: str | None = None,
) -> Stored:
    """Store the parts. `target` names the Study that all must belong to, or none. `replace` is PUT.

    `lifetime` is in how many seconds their Studies are to be deleted, unless others store to them by then.
    `into` is the name of the data partition, if `target` is in none because it is yet to be made.
    """
    # (1)
    keys = new_keys(len(parts), target.partition)
    tags = _tags(archive, dialect)
    candidates = [
        examine(archive, dialect.rules, target, part, key, tags) for part, key in zip(parts, keys, strict=True)
    ]
    already = 0
    wanted = partial(replaced, replaces=ANY if replace else None, lifetime=lifetime, renews=dialect.identical_succeeds)
    accepted = [(c, wanted(c.new)) for c in candidates if c.new is not None]
    if accepted and target.partition == NO_PARTITION:
        partition = partitions.make(archive, str(into))  # (2)
        again = new_keys(len(accepted), partition)
        accepted = [(c, _moved(new, partition, key)) for (c, new), key in zip(accepted, again, strict=True)]
    if accepted:
        try:
            archive.blobs.put_all((new.key, c.part.content) for c, new in accepted)  # (3)
            statuses = archive.additions.add([new for _, new in accepted])  # (4)
            if dialect.identical_succeeds:
                statuses = _repair(archive, [new for _, new in accepted], statuses)  # (5)
        except Exception:
            archive.take_back([new.key for _, new in accepted])
            raise
        lost = [new.key for (_, new), status in zip(accepted, statuses, strict=True) if status not in WRITTEN]
        archive.take_back(lost)  # (6)
        for (candidate, _), status in zip(accepted, statuses, strict=True):
            candidate.outcome = _concluded(candidate.outcome, status, dialect)
        already = statuses.count(Status.IDENTICAL)
    for labels, number in Counter(_labels(candidate.outcome) for candidate in candidates).items():
        metrics.store_instances.labels(*labels).inc(number)
    return Stored(
        tuple(c.outcome for c in candidates),
        already,
        any(c.multiple_values for c in candidates),
        {str(new.resource.study): str(json_model.first(new.elements, PATIENT_ID) or "") for _, new in accepted},
    )


def _labels(outcome: Outcome) -> tuple[str, str]:
    """As what it is counted."""
    if outcome.failure is not None:
        return "refused", f"{outcome.failure:#06x}"
    return ("stored", "") if outcome.warning is None else ("warning", f"{outcome.warning:#06x}")


def _tags(archive: Archive, dialect: Dialect) -> Tags:
    """The query tags to look for: as this process knows them, for (4) finds out whether there are others."""
    known = archive.additions.known
    if not dialect.rules.extended:
        return known.last
    with archive.index.read() as tx:  # here their values decide about the Instance
        return known.of(tx)


def _moved(new: NewInstance, partition: int, key: str) -> NewInstance:
    """The Instance in a partition that was made after it had been read."""
    return replaced(new, resource=replaced(new.resource, partition=partition), key=key)


def _repair(archive: Archive, new: Sequence[NewInstance], statuses: list[Status]) -> list[Status]:
    """The statuses after each identical Instance whose file is gone has been replaced by the one that came."""
    identical = [place for place, status in enumerate(statuses) if status is Status.IDENTICAL]
    if not identical:
        return statuses
    with archive.index.read() as tx:
        stored = {place: instances.fetch(tx, new[place].resource) for place in identical}
    lost = {place: one.key for place, found in stored.items() for one in found if not _is_whole(archive, one)}
    if lost:
        again = archive.additions.add([replaced(new[place], replaces=key) for place, key in lost.items()])
        for place, status in zip(lost, again, strict=True):
            statuses[place] = status
    return statuses


def _is_whole(archive: Archive, stored: StoredInstance) -> bool:
    try:
        return archive.blobs.size(stored.key) == stored.length
    except Lost:
        return False


def _concluded(outcome: Outcome, status: Status, dialect: Dialect) -> Outcome:
    if status in WRITTEN or (status is Status.IDENTICAL and dialect.identical_succeeds):
        return outcome
    # Where identical bytes succeed, these are others; Azure's answer has no comment.
    problems = (validation.Problem(0, _OTHER_BYTES),) if dialect.identical_succeeds else ()
    return store_response.refuse(outcome, store_response.ALREADY_STORED, problems)


_OTHER_BYTES = "Other bytes are stored under these UIDs; PUT replaces them."

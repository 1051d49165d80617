"""New versions of Instances in the place of those that they were made of. No function commits.

(1) lock the Studies, from and to           in one order, so that nobody waits in a ring
(2) look what still stands                  a version that was replaced or deleted meanwhile gets no successor
(3) take the first versions                 before the rows go that they are in
(4) remove what goes by other UIDs now      as a delete does
(5) add the new versions                    as a store does: rows, counts, query tags, change feed; not expiry
(6) keep the first versions                 and take their blobs off the list of the sweep
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy import func, select

from filmroom.dicom import json_model
from filmroom.dicom.resources import Resource
from filmroom.index import additions, instances, originals, rows, selects, watermarks
from filmroom.index.additions import NewRows, Status
from filmroom.index.instances import StoredInstance
from filmroom.index.packing import unpack
from filmroom.index.query_tags import Known
from filmroom.index.rows import StudyId, StudyRow
from filmroom.index.tables import instance, instance_data
from filmroom.index.transaction import Transaction


class Outcome(Enum):
    """What became of a new version."""

    UPDATED = auto()
    OVERTAKEN = auto()  # what it was made of is not what is stored any more
    OCCUPIED = auto()  # something is stored under its new UIDs


@dataclass(frozen=True, slots=True)
class Update:
    """A new version, which replaces the blob of the old one (`NewInstance.replaces`) unless its UIDs are others."""

    old: StoredInstance
    rows: NewRows

    @property
    def moves(self) -> bool:
        """Whether the Instance gets other UIDs."""
        return self.rows.new.resource != self.old.resource


def replace(tx: Transaction, updates: Sequence[Update], known: Known) -> list[Outcome]:
    """Put new versions in the place of old ones; what became of each, in the order given."""
    studies = _lock(tx, updates)  # (1)
    outcomes = [_outcome(tx, update) for update in updates]  # (2)
    standing = [one for one, outcome in zip(updates, outcomes, strict=True) if outcome is Outcome.UPDATED]
    if not standing:
        _close(tx, studies.values())  # which were opened for what does not come
        return outcomes
    taken = originals.take(tx, [one.old.watermark for one in standing])  # (3)
    if moving := [one.old.watermark for one in standing if one.moves]:
        watermarks.lock(tx)
        instances.remove_versions(tx, moving)  # (4)
    statuses = additions.add(tx, [one.rows for one in standing], known)  # (5)
    assert {*statuses} <= {Status.ADDED, Status.REPLACED}
    _keep_expiry(tx, standing, studies)
    originals.keep(tx, ((one.rows.new.key, taken[one.old.watermark]) for one in standing))  # (6)
    return outcomes


def fetch_before(tx: Transaction, resource: Resource, after: int, last: int, limit: int) -> list[StoredInstance]:
    """Instances whose watermarks are above `after` and not above `last`, oldest first."""
    chosen = selects.of(select(*selects.FILE), resource.level)
    within = chosen.where(instance.c.watermark > after, instance.c.watermark <= last)
    page = within.order_by(instance.c.watermark).limit(limit)
    return [instances.stored_instance(row) for row in selects.run(tx, page, resource)]


def count_before(tx: Transaction, resource: Resource, last: int) -> int:
    """How many there are of them, from the first on."""
    chosen = selects.of(select(instance.c.watermark), resource.level).where(instance.c.watermark <= last)
    count = select(func.count()).select_from(chosen.subquery())
    return tx.core.scalar(count, selects.parameters(resource)) or 0


def fetch_hidden(tx: Transaction, found: Sequence[StoredInstance]) -> dict[int, frozenset[str]]:
    """The attributes that Metadata and searches leave out, by watermark; of those that have such."""
    of = instance_data.c.watermark
    chosen = select(of, instance_data.c.metadata)
    texts: dict[int, frozenset[str]] = {}
    for batch in selects.batches(one.watermark for one in found):
        these = chosen.where(of.in_(batch))
        texts |= {row.watermark: json_model.hidden(unpack(row.metadata)) for row in tx.core.execute(these)}
    return {watermark: keys for watermark, keys in texts.items() if keys}


def serieses(tx: Transaction, resource: Resource) -> set[str]:
    """The Series that Instances of it are in."""
    found = selects.run(tx, selects.of(select(*selects.NAME).distinct(), resource.level), resource)
    return {row.SeriesInstanceUID for row in found}


def _lock(tx: Transaction, updates: Iterable[Update]) -> dict[StudyId, StudyRow]:
    """Only Studies with Instances: to open one that is gone would make it."""
    wanted = {_study(one.old.resource) for one in updates}
    present = [id_ for id_ in wanted if instances.version(tx, Resource(id_[1], partition=id_[0]))]
    targets = {_study(one.rows.new.resource) for one in updates if one.moves}
    opened = rows.open_studies(tx, {*present, *targets})
    _close(tx, (row for id_, row in opened.items() if id_ not in targets))
    return opened


def _close(tx: Transaction, opened: Iterable[StudyRow]) -> None:
    for row in opened:
        if not row.instances:
            rows.close(tx, row.key, None)


def _study(resource: Resource) -> StudyId:
    return resource.partition, str(resource.study)


def _keep_expiry(tx: Transaction, updates: Iterable[Update], before: Mapping[StudyId, StudyRow]) -> None:
    """An update is no store: a Study expires when it would have; one of a new UID, when that does which it was."""
    expire = {}
    for one in updates:
        source, target = before[_study(one.old.resource)], before[_study(one.rows.new.resource)]
        expire[_study(one.rows.new.resource)] = (target if target.instances else source).expires
    ending = {id_: at for id_, at in expire.items() if at is not None}
    for id_, row in rows.open_studies(tx, ending).items():
        rows.write_expiry(tx, row.key, ending[id_])


def _outcome(tx: Transaction, update: Update) -> Outcome:
    if [one.key for one in instances.fetch(tx, update.old.resource)] != [update.old.key]:
        return Outcome.OVERTAKEN
    if update.moves and instances.version(tx, update.rows.new.resource):
        return Outcome.OCCUPIED
    return Outcome.UPDATED

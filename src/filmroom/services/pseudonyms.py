"""Studies, Series and Instances by their pseudonyms, for who sees them de-identified.

A pseudonym can't be undone, it can only be found among those of all there is:

(1) what this process has found before  it stays true for ever
(2) Studies in the index                of all of them, once somebody has asked for one that is not known
(3) Series of a Study, Instances        by hashing those that there are

A UID that is no pseudonym leads nowhere, also if something is stored under it.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from filmroom.archive import Archive
from filmroom.audit.gathered import note
from filmroom.dicom.deidentification import Deidentification, Option
from filmroom.dicom.resources import Level, Resource
from filmroom.dicom.views import EVERYTHING
from filmroom.index import pseudonyms, watermarks
from filmroom.index.transaction import Transaction

NOTHING = ""  # the UID of nothing that is stored
BATCH = 1000  # Studies in a transaction


def resolved(archive: Archive, target: Resource) -> Resource:
    """What a target names by pseudonyms, if its view has them; what is not there becomes what can't be."""
    [found] = all_resolved(archive, [target])
    if found != target and found.study != NOTHING:
        note(study=found.study, series=found.series, instance=found.instance, pseudonym=target.path)
    return found


def all_resolved(archive: Archive, targets: Sequence[Resource]) -> list[Resource]:
    """The same of many, of one view and data partition: each Study and Series is looked into once."""
    view = targets[0].view if targets else EVERYTHING
    profile = view.deidentification
    if profile is None or Option.UIDS in profile.options:
        return list(targets)
    uids = {
        value: study(archive, profile, value, targets[0].partition)
        for value in dict.fromkeys(one.study for one in targets)
        if value is not None
    }
    found = [Resource(one.study and uids[one.study], partition=one.partition) for one in targets]
    series = _all_below(archive, profile, found, Level.SERIES, [one.series for one in targets])
    found = [replace(one, series=uid) for one, uid in zip(found, series, strict=True)]
    instances = _all_below(archive, profile, found, Level.INSTANCE, [one.instance for one in targets])
    return [replace(one, instance=uid, view=view) for one, uid in zip(found, instances, strict=True)]


def _all_below(
    archive: Archive, profile: Deidentification, above: Sequence[Resource], level: Level, values: Sequence[str | None]
) -> list[str | None]:
    """The UIDs of many, each below its own Study or Series; None of what has no pseudonym."""
    wanted: dict[Resource, dict[str, None]] = {}
    for one, value in zip(above, values, strict=True):
        if value is not None:
            wanted.setdefault(one, {})[value] = None
    uids = {
        one: dict(zip(named, below(archive, profile, one, level, [*named]), strict=True))
        for one, named in wanted.items()
    }
    return [None if value is None else uids[one][value] for one, value in zip(above, values, strict=True)]


def called(profile: Deidentification, resource: Resource) -> Resource:
    """A resource as it is called in answers."""
    study, series, instance = (None if uid is None else profile.uid(uid) for uid in resource.uids)
    return replace(resource, study=study, series=series, instance=instance)


def study(archive: Archive, profile: Deidentification, value: str, partition: int) -> str:
    """The UID of the Study of that pseudonym."""
    known = archive.pseudonyms.find(profile, value)
    if known is not None:
        return known
    found = _fetch(archive, profile, value, partition)
    if found is None:
        _complete(archive, profile, partition)
        found = _fetch(archive, profile, value, partition)
    if found is None:
        return NOTHING
    archive.pseudonyms.remember(profile, {value: found})
    return found


def below(
    archive: Archive, profile: Deidentification, above: Resource, level: Level, values: Sequence[str]
) -> list[str]:
    """The UIDs, by their pseudonyms, of Series or Instances of a Study, or of Instances of a Series."""
    found = [archive.pseudonyms.find(profile, value) for value in values]
    if None not in found:
        return [uid or NOTHING for uid in found]
    with archive.index.read() as tx:
        uids = {profile.uid(uid): uid for uid in pseudonyms.fetch_uids(tx, above, level)}
    archive.pseudonyms.remember(profile, uids)
    return [uids.get(value, NOTHING) for value in values]


def _fetch(archive: Archive, profile: Deidentification, value: str, partition: int) -> str | None:
    with archive.index.read() as tx:
        return pseudonyms.fetch(tx, profile.number, value, partition)


def _complete(archive: Archive, profile: Deidentification, partition: int) -> None:
    """Write down the pseudonyms of all Studies that have none yet, batch by batch. Others may be at it, too."""
    since = archive.pseudonyms.complete_until(profile, partition)
    with archive.index.read() as tx:  # watermarks become visible in their order: what comes later is looked at later
        newest = watermarks.largest(tx)
    if newest > since:
        last: int | None = 0
        while last is not None:
            last = archive.index.transact(partial(_add, profile, partition, since, last))
        archive.pseudonyms.complete(profile, partition, newest)


def _add(profile: Deidentification, partition: int, since: int, behind: int, tx: Transaction) -> int | None:
    """The key behind which there may be more."""
    missing = pseudonyms.missing(tx, profile.number, partition, since, behind, BATCH)
    if missing:
        pseudonyms.add(tx, profile.number, {key: profile.uid(uid) for key, uid in missing.items()})
    return max(missing) if len(missing) == BATCH else None

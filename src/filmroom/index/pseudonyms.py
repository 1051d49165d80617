"""The pseudonyms of Studies, by which they are found where they are de-identified. No function commits.

A pseudonym is a hash of the UID: nobody can tell the UID from it but by trying all. So they are written down, by the
number of the key that they are made with. What is missing is found by what has come since they were last complete.
"""

from collections.abc import Mapping

from sqlalchemy import Column, Select, select

from filmroom.dicom.resources import Level, Resource
from filmroom.index.database import upsert
from filmroom.index.selects import HERE, parameters
from filmroom.index.tables import instance, links, pseudonym, series, study
from filmroom.index.transaction import Transaction


def fetch(tx: Transaction, profile: int, value: str, partition: int) -> str | None:
    """The UID of the Study of that pseudonym."""
    wanted = (pseudonym.c.profile == profile) & (pseudonym.c.value == value) & (study.c.partition == partition)
    return tx.core.scalar(
        select(study.c.StudyInstanceUID).join_from(study, pseudonym, pseudonym.c.study_key == study.c.key).where(wanted)
    )


def missing(tx: Transaction, profile: int, partition: int, since: int, behind: int, limit: int) -> dict[int, str]:
    """Keys and UIDs of Studies without one, of those that got Instances behind the watermark `since`, or of all.

    They come in the order of their keys, from `behind` one on.
    """
    known = select(pseudonym.c.study_key).where(pseudonym.c.study_key == study.c.key, pseudonym.c.profile == profile)
    here = (study.c.partition == partition) & (study.c.key > behind)
    wanted = select(study.c.key, study.c.StudyInstanceUID).where(here, ~known.exists())
    if since:
        newer = select(instance.c.study_key).where(instance.c.partition == partition, instance.c.watermark > since)
        wanted = wanted.where(study.c.key.in_(newer))
    return {row.key: row.StudyInstanceUID for row in tx.core.execute(wanted.order_by(study.c.key).limit(limit))}


def add(tx: Transaction, profile: int, values: Mapping[int, str]) -> None:
    """Write them down, by the keys of Studies. Another may have done so meanwhile: they come to the same."""
    rows = [{"study_key": key, "profile": profile, "value": value} for key, value in values.items()]
    tx.core.execute(upsert(pseudonym, tx.dialect.name).on_conflict_do_nothing(), rows)


def fetch_uids(tx: Transaction, resource: Resource, level: Level) -> list[str]:
    """The UIDs of all Series or Instances of a Study or a Series."""
    return list(tx.core.scalars(_UIDS[resource.level, level], parameters(resource)))


def _of(uids: Column[str], above: Level) -> Select[str]:
    return select(uids).where(*links({uids.table, series, study}), *HERE[:above])


_UIDS = {
    (Level.STUDY, Level.SERIES): _of(series.c.SeriesInstanceUID, Level.STUDY),
    (Level.STUDY, Level.INSTANCE): _of(instance.c.SOPInstanceUID, Level.STUDY),
    (Level.SERIES, Level.INSTANCE): _of(instance.c.SOPInstanceUID, Level.SERIES),
}

"""The change feed (Azure; PS3.18 has nothing like it): what was stored, replaced and deleted, for programs to follow.

An entry holds what has become of the Instance until now, and its Metadata as the dialect gives them elsewhere.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from filmroom.archive import Archive
from filmroom.audit.gathered import note
from filmroom.dicom import json_model
from filmroom.index import changes as rows
from filmroom.index import patients
from filmroom.index.changes import Change
from filmroom.index.transaction import Transaction
from filmroom.protocol.change_feed import ByTime, Window, written
from filmroom.protocol.cloud_events import NAMES
from filmroom.protocol.dialects import DICOMWEB, Dialect
from filmroom.protocol.parameters import LARGEST_INTEGER
from filmroom.services import partitions


def changes(
    archive: Archive,
    dialect: Dialect,
    window: Window,
    base: Callable[[str], str],
    *,
    metadata: bool,
    within: Collection[str] | None = None,
) -> Iterator[bytes]:
    """The changes of a window, each a JSON object. `base` gives, by the name of a partition, the absolute URL under
    which its Studies lie; `within` are the names of those whose changes are told, None all.
    """
    keys = partitions.keys(archive, within)
    with archive.index.read() as tx:
        if isinstance(window, ByTime):
            start, end = window.start, window.end
            found = rows.fetch_between(tx, start, end, window.offset, window.limit, metadata=metadata, partitions=keys)
        else:
            found = rows.fetch_after(tx, window.after, window.up_to, window.limit, metadata=metadata, partitions=keys)
        _note(archive, tx, found)
    return (_entry(dialect, change, base) for change in found)


def latest(
    archive: Archive,
    dialect: Dialect,
    base: Callable[[str], str],
    *,
    metadata: bool,
    within: Collection[str] | None = None,
) -> bytes | None:
    """The newest change, as `changes` has it; None if there is none."""
    keys = partitions.keys(archive, within)
    with archive.index.read() as tx:
        found = rows.fetch_latest(tx, by_time=dialect.changes_by_time, metadata=metadata, partitions=keys)
        _note(archive, tx, [] if found is None else [found])
    return None if found is None else _entry(dialect, found, base)


def _note(archive: Archive, tx: Transaction, found: Iterable[Change]) -> None:
    """For the audit: whose Metadata are told."""
    if not archive.audit.on:
        return
    told = sorted({(one.resource.partition, str(one.resource.study)) for one in found if one.packed is not None})
    if told:
        whose = patients.identifiers(tx, told)
        note(studies=[study for _, study in told], patients=[whose.get(one) for one in told])


@dataclass(frozen=True, slots=True)
class News:
    """A change for those who listen: what has happened, in which data partition, and its entry without Metadata."""

    sequence: int
    name: str
    partition: str
    entry: bytes


def news(archive: Archive, after: int, limit: int) -> list[News]:
    """The first changes after a sequence."""
    with archive.index.read() as tx:
        found = rows.fetch_after(tx, after, LARGEST_INTEGER, limit, metadata=False)
    return [News(one.sequence, NAMES[one.action], one.partition, _entry(DICOMWEB, one, str)) for one in found]


def newest(archive: Archive) -> int:
    """The sequence of the newest change; 0 if nothing was ever stored."""
    with archive.index.read() as tx:
        return rows.last(tx)


def _entry(dialect: Dialect, change: Change, base: Callable[[str], str]) -> bytes:
    """An entry as the C# client of that service reads it, in the case that it writes."""
    of = change.resource
    entry: dict[str, Any] = {
        "sequence": change.sequence,
        "partitionName": change.partition,
        "studyInstanceUid": of.study,
        "seriesInstanceUid": of.series,
        "sopInstanceUid": of.instance,
        "action": change.action.capitalize(),
        "timestamp": written(change.timestamp),
        "state": change.state,
    }
    text = change.metadata
    if text is not None:
        whole = (
            json_model.standard(text, base(change.partition) + of.path)
            if dialect.bulkdata_uris
            else json_model.azure(text)
        )
        entry["metadata"] = orjson.Fragment(whole)
    return orjson.dumps(entry)

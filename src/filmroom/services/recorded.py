"""What a long operation did, for the audit: that it began and ended, and of each batch whose Studies it was about.

Who asked for it stands in the record of the request, with the same id. Whose they are is looked up here and not when
the line is written: an update may have changed it by then.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from filmroom.archive import Archive
from filmroom.audit.records import MOST_NAMED
from filmroom.dicom.resources import DEFAULT_PARTITION
from filmroom.errors import Unavailable
from filmroom.index import partitions, patients
from filmroom.index.operations import Operation

Whose = Mapping[str, str | None]  # the Patient IDs of Studies, where they are known

_AUDITED = {"update": "update-study-operation"}  # where the audit has another name, that of the Azure service


def whose(archive: Archive, operation: Operation, studies: Iterable[str]) -> Whose:
    """Whose Studies these are now, of the data partition of an operation."""
    key = operation.arguments.get("partition", DEFAULT_PARTITION)
    named = sorted({*studies})
    found: Mapping[tuple[int, str], str] = {}
    if named and archive.audit.on:
        with suppress(Unavailable), archive.index.read() as tx:  # the Studies are told all the same
            found = patients.identifiers(tx, [(key, one) for one in named])
    return {one: found.get((key, one)) for one in named}


def write(archive: Archive, operation: Operation, phase: str, of: Whose, **facts: Any) -> None:
    """Have it written down."""
    if not archive.audit.on:
        return
    given = operation.arguments
    named = dict(islice(of.items(), MOST_NAMED))
    archive.audit.write(
        _AUDITED.get(operation.name, operation.name),
        operation=operation.id,
        phase=phase,
        partition=_partition(archive, given.get("partition")),
        place=given.get("url"),
        deidentified=given.get("profile"),
        studies=[*named] or None,
        patients=[*named.values()] if any(named.values()) else None,
        **facts,
    )


def _partition(archive: Archive, key: int | None) -> str | None:
    if key is not None:
        with suppress(Unavailable), archive.index.read() as tx:
            return partitions.fetch_name(tx, key)
    return None

"""Health: each part of the archive is tried, not assumed."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from filmroom.archive import INDEX_ID, Archive, reading
from filmroom.blobs import new_keys
from filmroom.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Part:
    """How one part of the archive is."""

    name: str
    healthy: bool
    description: str


Probe = Callable[[Archive], None]


def check(archive: Archive, name: str, probe: Probe | None = None) -> Part:
    """Try a part, by its `PROBES` unless by another. It takes as long as the part lets it wait."""
    try:
        (probe or PROBES[name])(archive)
    except Unavailable as error:
        return Part(name, False, str(error))
    return Part(name, True, "It answers.")


def _index(archive: Archive) -> None:
    archive.index.probe()


def _blobs(archive: Archive) -> None:
    key = new_keys(1)[0]
    archive.blobs.put(key, b"health")
    archive.blobs.delete([key])


def _spool(archive: Archive) -> None:
    with reading(), tempfile.TemporaryFile(dir=archive.spool) as file:
        file.write(b"health")


def _read_index(archive: Archive) -> None:
    archive.index.pair()


def _read_blobs(archive: Archive) -> None:
    archive.blobs.read_note(INDEX_ID)


def _audit(archive: Archive) -> None:
    if (problem := archive.audit.problem()) is not None:
        raise Unavailable(f"The audit trail can't be written: {problem}.")


PROBES: Mapping[str, Probe] = MappingProxyType({"index": _index, "blobs": _blobs, "spool": _spool, "audit": _audit})
LOOKS: Mapping[str, Probe] = MappingProxyType({"index": _read_index, "blobs": _read_blobs})  # which change nothing

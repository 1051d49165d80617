"""Health: each part of the archive is tried, not assumed."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from filmroom.archive import Archive, reading
from filmroom.blobs import new_keys
from filmroom.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Part:
    """How one part of the archive is."""

    name: str
    healthy: bool
    description: str


def check(archive: Archive, name: str) -> Part:
    """Try one of the `PROBES`. It takes as long as the part lets it wait."""
    try:
        PROBES[name](archive)
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


PROBES: Mapping[str, Callable[[Archive], None]] = MappingProxyType({"index": _index, "blobs": _blobs, "spool": _spool})

"""Health: each part of the archive is tried, not assumed."""

from collections.abc import Callable
from dataclasses import dataclass

from filmroom.archive import Archive
from filmroom.blobs import new_keys
from filmroom.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Part:
    """How one part of the archive is."""

    name: str
    healthy: bool
    description: str


def check(archive: Archive) -> list[Part]:
    """Try the index and the blob store."""
    return [_try("index", _index, archive), _try("blobs", _blobs, archive)]


def _try(name: str, probe: Callable[[Archive], None], archive: Archive) -> Part:
    try:
        probe(archive)
    except Unavailable as error:
        return Part(name, False, str(error))
    return Part(name, True, "It answers.")


def _index(archive: Archive) -> None:
    archive.index.probe()


def _blobs(archive: Archive) -> None:
    key = new_keys(1)[0]
    archive.blobs.put(key, b"health")
    archive.blobs.delete([key])

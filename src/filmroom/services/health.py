"""Health: each part of the archive is tried, not assumed."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass

from filmroom.archive import Archive, reading
from filmroom.blobs import new_keys
from filmroom.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Part:
    """How one part of the archive is."""

    name: str
    healthy: bool
    description: str


def check(archive: Archive) -> list[Part]:
    """Try the index, the blob store and the spool folder."""
    return [_try("index", _index, archive), _try("blobs", _blobs, archive), _try("spool", _spool, archive)]


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


def _spool(archive: Archive) -> None:
    with reading(), tempfile.TemporaryFile(dir=archive.spool) as file:
        file.write(b"health")

"""The file of an Instance on its way out, de-identified."""

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from filmroom.archive import Archive, reading
from filmroom.dicom import deidentification, part10, uids
from filmroom.dicom.deidentification import Deidentification
from filmroom.errors import BadRequest, Conflict
from filmroom.index.instances import StoredInstance

IN_MEMORY = 4 << 20  # bytes of a file; larger ones go through the spool folder
LEFT_OUT = "It is a report or a document, which may name the patient anywhere: it can't be de-identified."


def profile(archive: Archive, name: str) -> Deidentification:
    """The profile of that name."""
    found = archive.profiles.get(name)
    if found is None:
        raise BadRequest(
            f"There is no profile of de-identification '{name}': the setting deidentification has "
            f"{', '.join(sorted(archive.profiles))}."
        )
    return found


def written(
    archive: Archive,
    stored: StoredInstance,
    profile: Deidentification,
    content: Iterable[bytes],
    inflating: AbstractContextManager[object],
) -> Iterator[bytes]:
    """What becomes of the content of a file. `inflating` is held while a deflated one is in memory."""
    if uids.is_document(stored.sop_class):
        raise Conflict(LEFT_OUT)
    with ExitStack() as held, reading():
        buffer = held.enter_context(_whole(archive, stored, content))
        head = part10.read_head(buffer)
        if head.deflated:
            held.enter_context(inflating)
        yield from deidentification.write(part10.read(buffer, head), profile)


@contextmanager
def _whole(archive: Archive, stored: StoredInstance, content: Iterable[bytes]) -> Iterator[part10.Buffer]:
    """All of a file, in memory or in the spool folder."""
    if stored.length <= IN_MEMORY:
        yield b"".join(content)
        return
    with tempfile.TemporaryFile(dir=archive.spool) as file:
        file.writelines(content)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped

"""The DICOM files of folders, and what in the folders is passed over."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filmroom.dicom import beginning


@dataclass(slots=True)
class PassedOver:
    """What lay in the folders that were given, and was not sent.

    files    that do not begin like DICOM, hidden ones, DICOMDIRs; pipes, sockets and devices too
    links    to folders: they are not followed
    folders  hidden ones
    """

    files: int = 0
    links: int = 0
    folders: int = 0

    def __str__(self) -> str:
        counts = {"file": self.files, "link": self.links, "hidden folder": self.folders}
        said = [f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count]
        return " and ".join(filter(None, [", ".join(said[:-1]), *said[-1:]]))

    def __bool__(self) -> bool:
        return bool(self.files or self.links or self.folders)


def dicom_files(folder: Path, passed_over: PassedOver) -> Iterator[Path | OSError]:
    """The files under `folder` that begin like DICOM, in order, and an OSError for each folder that can't be read."""
    unreadable: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=unreadable.append):
        yield from _taken(unreadable)
        folders[:] = sorted(name for name in folders if _is_walked(parent, name, passed_over))
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith(".") and name.upper() != "DICOMDIR" and _looks_like_dicom(path):
                yield path
            else:
                passed_over.files += 1
    yield from _taken(unreadable)


def _taken(errors: list[OSError]) -> Iterator[OSError]:
    while errors:
        yield errors.pop(0)


def _is_walked(parent: str, name: str, passed_over: PassedOver) -> bool:
    """A link may lead out of what was given, or in a circle."""
    if os.path.islink(os.path.join(parent, name)):
        passed_over.links += 1
        return False
    if name.startswith("."):
        passed_over.folders += 1
        return False
    return True


def _looks_like_dicom(path: Path) -> bool:
    """The prefix of PS3.10 §7.1, or without preamble a first element of group 2 or 8. What can't be read counts too."""
    try:
        if not is_regular(path):
            return False
        with path.open("rb") as file:
            head = file.read(beginning.ENOUGH)
    except OSError:
        return True
    return beginning.is_dicom(head)


def is_regular(path: Path) -> bool:
    """A pipe, a socket or a device must not be opened: that may wait for ever."""
    return stat.S_ISREG(path.stat().st_mode)

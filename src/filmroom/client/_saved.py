"""Bulk values that are written to files of their own while they arrive."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filmroom.client import _parts
from filmroom.client._parts import Part
from filmroom.protocol import media_types

PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class ContentFile:
    """A bulk value in a file, and what it is. Whoever keeps the file gives it another name.

    path             where it lies, under a name of its own
    media_type       "application/pdf"
    transfer_syntax  UID as the service named it; None when it named none
    location         URL of just this content (Content-Location); None when the service gave none
    """

    path: Path
    media_type: str
    transfer_syntax: str | None
    location: str | None

    def remove(self) -> None:
        """Remove the file, if it has its name still."""
        self.path.unlink(missing_ok=True)


def open_in(folder: str | os.PathLike[str]) -> Callable[[], IO[bytes]]:
    """Makes files in a folder, which is made with the first."""

    def opened() -> IO[bytes]:
        os.makedirs(folder, exist_ok=True)
        return _parts.in_folder(Path(folder))

    return opened


def saved(part: Part, byte_range: tuple[int] | tuple[int, int] | None) -> ContentFile:
    """A part as the file that it was written to."""
    with part.file as file:
        if byte_range is not None and not part.is_range:
            _cut(file, byte_range[0], byte_range[1] if len(byte_range) > 1 else None)
    parsed = media_types.parse(part.content_type)
    syntax = parsed.parameters.get("transfer-syntax")
    return ContentFile(Path(file.name), parsed.type, syntax, part.headers.get("content-location"))


def _cut(file: IO[bytes], first: int, last: int | None) -> None:
    """Keep a range of a file. Not every service cuts: RFC 9110 §14.2 lets it send everything."""
    if last is not None:
        file.truncate(min(last + 1, file.seek(0, os.SEEK_END)))
    length = 0
    file.seek(first)
    while piece := file.read(PIECE):
        file.seek(length)
        length += file.write(piece)
        file.seek(first + length)
    file.truncate(length)

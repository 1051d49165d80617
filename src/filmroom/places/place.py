"""What a place is: files under names, which are relative paths with slashes."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from filmroom.errors import Conflict

CHUNK = 1 << 20


class Entry(NamedTuple):
    """A file, or (its name ends with a slash) a folder that can't be read."""

    name: str
    size: int
    share: float | None  # of the place lies before it, as far as that is known


class Place(Protocol):
    """Files under names."""

    url: str  # without credentials, and of a folder behind all links

    def check(self) -> None:
        """BadRequest if it is not there."""

    def entries(self, after: str = "") -> Iterator[Entry]:
        """All files behind a name, in the order of the bytes of their names."""

    def stream(self, name: str) -> Iterator[bytes]:
        """What a file holds. NotFound if it is no file, or can't be read."""

    def write(self, name: str, content: Iterable[bytes]) -> None:
        """Write a file, whole or not at all; it replaces one of that name. Conflict if it can't be written."""

    def size(self, name: str) -> int:
        """The length of a file in bytes."""

    def settle(self) -> None:
        """When this returns, what was written is there to stay."""


def checked(name: str) -> str:
    """A name that stays within its place."""
    if "\0" in name or {"", ".", ".."} & set(name.split("/")):
        raise Conflict("The name of the file is not one that can be used here.")
    return name

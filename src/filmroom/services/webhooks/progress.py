"""How far webhooks are, for people who operate a service, and going on elsewhere at their request."""

from collections.abc import Iterable
from dataclasses import dataclass

from filmroom.archive import Archive
from filmroom.errors import BadRequest, NotFound
from filmroom.index import changes, webhooks
from filmroom.index.transaction import Transaction
from filmroom.index.webhooks import Progress


@dataclass(frozen=True, slots=True)
class Standing:
    """A webhook, how far it was told, and how many changes there are after that; no progress: it never began."""

    name: str
    progress: Progress | None
    behind: int
    waiting_since: float | None = None  # when the first of these changes was made


def standings(archive: Archive, names: Iterable[str]) -> list[Standing]:
    """Of each of the names."""
    with archive.index.read() as tx:
        newest = changes.last(tx)
        return [_standing(tx, name, newest) for name in names]


def _standing(tx: Transaction, name: str, newest: int) -> Standing:
    found = webhooks.fetch(tx, name)
    if found is None or found.position >= newest:
        return Standing(name, found, 0)
    first = changes.fetch_after(tx, found.position, newest, 1, metadata=False)
    return Standing(name, found, newest - found.position, first[0].timestamp if first else None)


def replay(archive: Archive, name: str, since: int | None) -> None:
    """Tell a webhook everything after a sequence; None: go on at once where it is, also if it was disabled."""
    with archive.index.begin() as tx:
        newest = changes.last(tx)
        if since is not None and since > newest:
            raise BadRequest(f"There is no sequence {since} yet; the newest is {newest}.")
        if not webhooks.replace_position(tx, name, since):
            raise NotFound(
                f"The webhook '{name}' has not begun yet: it does when a worker has seen it in the settings."
            )

"""Extended query tags: attributes that users make searchable.

(1) declare     the tag is there, stores index it from now on, and an operation is to do so for what is stored
(2) reindex     what is stored, in batches, newest first; a search by the tag is refused until it is done
(3) ready       searches know the tag

Values that are not valid are written down in (2), and searches by their tag disabled until somebody enables them.
"""

from collections.abc import Callable, Collection, Sequence

from filmroom.archive import Archive
from filmroom.dicom.query_tags import BadValue, Listed, QueryTag, Status
from filmroom.errors import AtWork, Conflict, NotFound, Unavailable
from filmroom.index import operations, query_tags, reindexing, watermarks
from filmroom.index.transaction import Transaction
from filmroom.task import Batch

MOST_TAGS = 128
REINDEX = "reindex"  # the name of the operation
REINDEXED = 200  # Instances in a batch: their Metadata is read before the transaction that writes their values
REMOVED = 1000  # values in a batch


def declare(archive: Archive, tags: Sequence[QueryTag]) -> str:
    """Make attributes searchable; gives the id of the operation that indexes what is stored."""
    with archive.index.begin() as tx:
        before = query_tags.change(tx)
        present = {tag.path: tag for tag, _ in query_tags.fetch_all(tx)}
        left = _left_behind(tx, present.values())
        again = [present[tag.path] for tag in tags if tag.path in left and _alike(tag, present[tag.path])]
        fresh = [tag for tag in tags if tag.path not in {one.path for one in again}]
        if len(present) + len(fresh) > MOST_TAGS:
            raise Unavailable(f"Extended query tags exceeds max allowed count '{MOST_TAGS}'.")
        if any(tag.path in present for tag in fresh):
            raise Conflict("One or more extended query tags already exist.")
        keys = [tag.key for tag in (*again, *query_tags.declare(tx, fresh, before))]
        operation = operations.add(tx, REINDEX, {"tags": keys, "paths": [tag.path for tag in tags]})
        query_tags.assign(tx, keys, operation=operation)
    return operation


def _left_behind(tx: Transaction, present: Collection[QueryTag]) -> set[str]:
    """The paths of tags that are being added, but by no operation any more. One at a time may be at work."""
    adding = [tag for tag in present if tag.status is Status.ADDING]
    for id_ in dict.fromkeys(tag.operation for tag in adding if tag.operation is not None):
        operation = operations.fetch(tx, id_)
        if operation is not None and not operation.state.ended:
            raise AtWork(f"There is already an active re-index operation with ID '{id_}'.", id_)
    return {tag.path for tag in adding}


def _alike(one: QueryTag, other: QueryTag) -> bool:
    return (one.vr, one.level, one.creator) == (other.vr, other.level, other.creator)


def reindex(
    archive: Archive,
    keys: Collection[int],
    batch: Batch | None = None,
    progress: Callable[[Transaction, int], None] = lambda tx, percent: None,
) -> None:
    """Index what was stored before tags were declared. It may be ended at any point, and called again.

    Each `batch` is a transaction, and `progress` is told in it how much is done, in percent.
    """
    batch = batch or archive.index.begin
    while True:
        with archive.index.read() as tx:
            pending = reindexing.fetch_pending(tx, keys)
            found = reindexing.read(tx, pending, REINDEXED) if pending else []
            total = watermarks.largest(tx)
        if not pending:
            return
        with batch() as tx:
            reindexing.write(tx, pending, found)
            progress(tx, reindexing.percent(found, total))


def fetch_all(archive: Archive, limit: int, offset: int) -> list[Listed]:
    """The tags, in the order in which they were declared."""
    with archive.index.read() as tx:
        return query_tags.fetch_all(tx, limit, offset)


def fetch(archive: Archive, path: str) -> Listed:
    """One tag."""
    with archive.index.read() as tx:
        return _existing(tx, path)


def update(archive: Archive, path: str, *, enabled: bool) -> Listed:
    """Enable or disable searches by a tag."""
    with archive.index.begin() as tx:
        query_tags.change(tx)
        query_tags.assign(tx, [_existing(tx, path).tag.key], enabled=enabled)
        return _existing(tx, path)


def fetch_errors(archive: Archive, path: str, limit: int, offset: int) -> list[BadValue]:
    """Where a tag has values that are not valid."""
    with archive.index.read() as tx:
        return query_tags.fetch_errors(tx, _existing(tx, path).tag, limit, offset)


def delete(archive: Archive, path: str) -> None:
    """Remove a tag, at once for searches and stores; then its values, in batches, and last the tag itself."""
    with archive.index.begin() as tx:
        query_tags.change(tx)
        tag = _existing(tx, path).tag
        query_tags.assign(tx, [tag.key], status=Status.DELETING)
    _remove(archive, tag)


def finish_deleting(archive: Archive, stopping: Callable[[], bool] = lambda: False) -> None:
    """Remove the tags that somebody began to remove, who may be gone since. `stopping` is asked before each batch."""
    with archive.index.read() as tx:
        begun = [tag for tag, _ in query_tags.fetch_all(tx) if tag.status is Status.DELETING]
    for tag in begun:
        _remove(archive, tag, stopping)


def _remove(archive: Archive, tag: QueryTag, stopping: Callable[[], bool] = lambda: False) -> None:
    removed = REMOVED
    while removed == REMOVED and not stopping():
        with archive.index.begin() as tx:
            removed = query_tags.remove_values(tx, tag, REMOVED)
            if removed < REMOVED:
                query_tags.remove(tx, tag)


def _existing(tx: Transaction, path: str) -> Listed:
    found = query_tags.fetch(tx, path)
    if found is None:
        raise NotFound(f"The specified extended query tag with tag path {path} cannot be found.")
    return found

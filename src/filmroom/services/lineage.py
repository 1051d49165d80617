"""Whether the index is as new as the files: what was stored after a backup of it must not be taken for left files.

The blob store notes an entry of the change feed, which each sweep replaces by a newer one. An index that was restored
from an older backup does not have it, nor does a standby that took over without it.
"""

import orjson

from filmroom.archive import Archive
from filmroom.errors import Conflict
from filmroom.index import changes

NOTE = "newest-change"  # of the blob store: the sequence and the time of an entry, in JSON


def fits(archive: Archive) -> bool:
    """Whether the index has the entry that was noted, so that files which no row names are left ones."""
    noted = archive.blobs.read_note(NOTE)
    if not noted:
        return True
    sequence, timestamp = orjson.loads(noted)
    with archive.index.read() as tx:
        return changes.has(tx, sequence, timestamp)


def check(archive: Archive) -> None:
    """Refuse to take files that no row names for left ones, if the index is older than they are."""
    if not fits(archive):
        raise Conflict(
            "The index is older than the files: it was restored from a backup, or a standby without the last changes "
            "took over. Files that it does not name are kept. `filmroom rebuild` makes an empty index anew from all "
            f"files. If those that this one does not name are of no value, remove {NOTE}, which lies beside the files."
        )


def note(archive: Archive) -> None:
    """Note the newest entry of the index that is in use."""
    with archive.index.read() as tx:
        newest = changes.newest(tx)
    content = orjson.dumps(newest)
    if newest is not None and archive.blobs.read_note(NOTE) != content:  # a bucket with versions keeps each
        archive.blobs.write_note(NOTE, content)


def forget(archive: Archive) -> None:
    """Note nothing: the index is being made anew from the files, with a feed of its own."""
    archive.blobs.write_note(NOTE, b"")

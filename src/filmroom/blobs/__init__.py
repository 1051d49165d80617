"""The blob store: the file of every stored Instance, under a key that is never reused."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from filmroom.blobs.folder import Folder
from filmroom.blobs.memory import Memory
from filmroom.blobs.metered import Metered
from filmroom.blobs.objects import Objects
from filmroom.blobs.store import KEY, LARGEST_PARTITION, BlobStore, Content, Parts, made_at, new_keys, partition_of

__all__ = [
    "KEY",
    "LARGEST_PARTITION",
    "BlobStore",
    "Content",
    "Folder",
    "Memory",
    "Metered",
    "Objects",
    "Parts",
    "made_at",
    "new_keys",
    "open_store",
    "partition_of",
]


def open_store(url: str, options: Mapping[str, str]) -> BlobStore:
    """The blob store that a URL names: a folder (file:///srv/blobs), or a bucket that is there and can be written."""
    if urlsplit(url).scheme == "file":
        return Folder(Path(unquote(urlsplit(url).path)))
    made = Objects(url, options)
    try:
        made.check()
    except BaseException:
        made.close()
        raise
    return made

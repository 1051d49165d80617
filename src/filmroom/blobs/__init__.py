"""The blob store: the file of every stored Instance, under a key that is never reused. In a folder or in memory."""

from filmroom.blobs.folder import Folder
from filmroom.blobs.memory import Memory
from filmroom.blobs.store import BlobStore, Content, Parts, made_at, new_keys

__all__ = ["BlobStore", "Content", "Folder", "Memory", "Parts", "made_at", "new_keys"]

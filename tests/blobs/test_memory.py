import time

import pytest

from filmroom.blobs import BlobStore, Memory
from tests.blobs.contract import Contract


class RawMemory:
    """A memory store, looked at without the code under test."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.store: BlobStore = self.memory

    def read(self, key: str) -> bytes:
        return self.memory._blobs[key][0]

    def write(self, key: str, content: bytes) -> None:
        self.memory._blobs[key] = content, time.time()

    def count(self) -> int:
        return len(self.memory._blobs)


class TestMemory(Contract):
    @pytest.fixture
    def raw(self) -> RawMemory:
        return RawMemory()

"""A store that is metered does what it did, and says what it takes."""

import pytest

from filmroom import metrics
from filmroom.blobs import BlobStore, Metered, new_keys
from filmroom.errors import Lost
from tests.blobs.contract import Contract
from tests.blobs.test_memory import RawMemory


class RawMetered(RawMemory):
    def __init__(self) -> None:
        super().__init__()
        self.store: BlobStore = Metered(self.memory, "memory")


class TestMetered(Contract):
    @pytest.fixture
    def raw(self) -> RawMetered:
        return RawMetered()


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(f"filmroom_{name}", {"store": "metered", **labels}) or 0.0


@pytest.fixture
def store() -> BlobStore:
    return Metered(RawMemory().memory, "metered")


def test_calls_are_timed(store: BlobStore) -> None:
    (key,) = new_keys(1)
    store.put(key, b"content")
    before = value("blob_call_seconds_count", call="stream")
    chunks = store.stream(key)
    assert value("blob_call_seconds_count", call="stream") == before  # nothing is read before the first is taken
    assert list(chunks) == [b"content"]
    assert value("blob_call_seconds_count", call="stream") == before + 1


def test_failures_are_counted_by_what_they_are(store: BlobStore) -> None:
    before = value("blob_errors_total", call="get", error="Lost")
    with pytest.raises(Lost):
        store.get(new_keys(1)[0])
    assert value("blob_errors_total", call="get", error="Lost") == before + 1

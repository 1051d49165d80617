from collections.abc import Iterator

import pytest

from tests.blobs.test_objects import azure
from tests.places import store
from tests.places.store import Store

__all__ = ["azure"]  # a fixture


@pytest.fixture
def refusing() -> Iterator[Store]:
    with store.running() as running:
        yield running

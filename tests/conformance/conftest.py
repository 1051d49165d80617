"""A service to test from outside. `CONFORMANCE_URL` names another one, to learn where the two differ."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx2
import pytest

from tests import service
from tests.conftest import Elsewhere
from tests.postgresql import EACH

NAMES = {"FILMROOM_HOSTS": "pacs.example"}  # under which tests ask, too


@contextmanager
def served(folder: Path, database: AbstractContextManager[str | None], *options: str) -> Iterator[str]:
    """The URL of a service that runs as long as the block, and must not have had a mishap at its end."""
    with database as index, service.running(folder, *options, index=index, given=NAMES) as running:
        yield running.url
        assert not running.mishaps()


@pytest.fixture(scope="session", params=EACH)
def url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere
) -> Iterator[str]:
    if given := os.environ.get("CONFORMANCE_URL"):
        yield given
        return
    with served(tmp_path_factory.mktemp("conformance") / "data", elsewhere(request.param)) as address:
        yield address


@pytest.fixture(scope="session")
def http(url: str) -> Iterator[httpx2.Client]:
    """A client that sends no header of its own: what a test does not say is not sent."""
    with httpx2.Client(base_url=url, timeout=60) as client:
        client.headers.clear()
        yield client

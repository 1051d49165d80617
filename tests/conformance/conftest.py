"""A service to test from outside. `CONFORMANCE_URL` names another one, to learn where the two differ."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from tests import service
from tests.postgresql import Server


@pytest.fixture(scope="session", params=["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if given := os.environ.get("CONFORMANCE_URL"):
        yield given
        return
    with ExitStack() as stack:
        options = []
        if request.param == "postgresql":
            server: Server = request.getfixturevalue("postgresql_server")
            options = ["--index", stack.enter_context(server.database("conformance"))]
        running = stack.enter_context(service.running(tmp_path_factory.mktemp("conformance") / "data", *options))
        yield running.url
        assert not running.mishaps()


@pytest.fixture(scope="session")
def http(url: str) -> Iterator[httpx2.Client]:
    """A client that sends no header of its own: what a test does not say is not sent."""
    with httpx2.Client(base_url=url, timeout=60) as client:
        client.headers.clear()
        yield client

"""The application in this process, on an archive of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from filmroom.server.app import create
from filmroom.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", codec_processes=1)


@pytest.fixture
def http(settings: Settings) -> Iterator[TestClient]:
    """A client that sees server errors as answers, as a real one does."""
    with TestClient(create(settings), raise_server_exceptions=False, base_url="http://127.0.0.1:8080") as client:
        client.headers.clear()
        yield client

"""The databases that the index is tested on."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from filmroom.index.database import Database

URLS: dict[str, Callable[[Path], str]] = {"sqlite": lambda folder: f"sqlite:///{folder / 'index.sqlite'}"}


@pytest.fixture(params=URLS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    return URLS[request.param](tmp_path)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with tables: to copy a file is quicker than to make them for each test."""
    folder = tmp_path_factory.mktemp("made")
    Database(URLS["sqlite"](folder)).close()
    return folder / "index.sqlite"


@pytest.fixture
def database(url: str, tmp_path: Path, made: Path) -> Iterator[Database]:
    if url.startswith("sqlite"):
        shutil.copy(made, tmp_path)
    opened = Database(url)
    yield opened
    opened.close()

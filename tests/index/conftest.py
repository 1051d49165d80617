"""The databases that the index is tested on: a test that takes one runs on each, unless it says `only`."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from filmroom.index.database import Database
from tests.postgresql import EACH, Server

Made = Callable[[str, bool], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def sqlite_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with tables: to copy a file is quicker than to make them for each test."""
    path = tmp_path_factory.mktemp("made") / "index.sqlite"
    Database(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgresql_made(postgresql_server: Server) -> Iterator[str]:
    """The same in PostgreSQL: the name of a database to copy."""
    with postgresql_server.database("made") as url:
        Database(url).close()
        yield "made"


@pytest.fixture(scope="session")
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Makes a database, with tables or empty, that goes with a block."""
    numbers = itertools.count()

    @contextmanager
    def sqlite(filled: bool) -> Iterator[str]:
        path = tmp_path_factory.mktemp("database") / "index.sqlite"
        if filled:
            shutil.copy(request.getfixturevalue("sqlite_made"), path)
        yield f"sqlite:///{path}"

    @contextmanager
    def postgresql(filled: bool) -> Iterator[str]:
        server: Server = request.getfixturevalue("postgresql_server")
        template = request.getfixturevalue("postgresql_made") if filled else "template0"
        with server.database(f"index_{next(numbers)}", template) as url:
            yield url

    kinds = {"sqlite": sqlite, "postgresql": postgresql}
    return lambda kind, filled: kinds[kind](filled)


@pytest.fixture(params=EACH)
def url(request: pytest.FixtureRequest, make: Made) -> Iterator[str]:
    """The URL of an empty database; of one with tables, if the test takes `database`, too."""
    with make(request.param, "database" in request.fixturenames) as made:
        yield made


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=EACH)
def shared(request: pytest.FixtureRequest, make: Made) -> Iterator[Database]:
    """A database for all examples of a property: to make one for each would take too long."""
    with make(request.param, True) as url:
        opened = Database(url)
        yield opened
        opened.close()

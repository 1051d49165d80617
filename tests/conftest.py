"""What tests of several layers share."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import count

import hypothesis
import pytest

from tests import pgbouncer, postgresql

hypothesis.settings.register_profile("filmroom", deadline=None)  # time is measured in benchmarks
hypothesis.settings.load_profile("filmroom")

Elsewhere = Callable[[str], AbstractContextManager[str | None]]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A PostgreSQL; whatever keeps it from starting fails the tests."""
    with postgresql.running() as server:
        yield server


@pytest.fixture(scope="session")
def pooler(postgresql_server: postgresql.Server) -> Iterator[pgbouncer.Pooler]:
    """A pooler of transactions before it; a test that takes it says `needs_pgbouncer`."""
    with pgbouncer.running(postgresql_server) as running:
        yield running


@pytest.fixture(scope="session")
def elsewhere(request: pytest.FixtureRequest) -> Elsewhere:
    """Makes an empty database of a kind for a service, that goes with a block; None is SQLite in its data folder."""
    numbers = count()

    def make(kind: str) -> AbstractContextManager[str | None]:
        if kind == "sqlite":
            return nullcontext(None)
        server: postgresql.Server = request.getfixturevalue("postgresql_server")
        return server.database(f"service_{next(numbers)}")

    return make

"""What tests of several layers share."""

from collections.abc import Iterator

import pytest

from tests import postgresql


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A PostgreSQL; whatever keeps it from starting fails the tests."""
    with postgresql.running() as server:
        yield server

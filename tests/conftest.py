"""What tests of several layers share."""

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import count

import hypothesis
import pytest

from tests import pgbouncer, postgresql
from tests.blobs import servers
from tests.blobs.flaky import Flaky, flaky

hypothesis.settings.register_profile("filmroom", deadline=None)  # time is measured in benchmarks
hypothesis.settings.load_profile("filmroom")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell has it of what it runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--s3", choices=servers.S3_KINDS, default="moto", help="which S3 the tests of buckets run on")


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


@pytest.fixture(scope="session")
def s3(request: pytest.FixtureRequest) -> Iterator[str]:
    with servers.s3(request.config.getoption("--s3")) as endpoint:
        yield endpoint


@pytest.fixture
def proxy(s3: str) -> Iterator[Flaky]:
    """What stands before the S3, and can be made to fail or to stand still."""
    with flaky(s3, 0.0) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def bucket_of(s3: str) -> Callable[[str], Mapping[str, str]]:
    """Makes a bucket; gives the FILMROOM_* variables by which a service keeps its files there."""

    def make(name: str) -> Mapping[str, str]:
        servers.make_bucket(s3, name)
        options = json.dumps(servers.S3_OPTIONS | {"endpoint": s3})
        return {"FILMROOM_BLOBS": f"s3://{name}/images", "FILMROOM_BLOBS_OPTIONS": options}

    return make

"""The routes are the table: every method answers, HEAD goes with GET, 405 and OPTIONS name the methods."""

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from filmroom.protocol.dialects import ALL, DICOMWEB, V2, Dialect
from filmroom.server import routes, table

PATHS = sorted({method.path for method in table.methods(DICOMWEB, partitions=False)})
EXAMPLES = {
    "{frames}": "1",
    "{path:path}": "7FE00010",
    "{study}": "1",
    "{series}": "2",
    "{instance}": "3",
    "{operation}": "4",
    "{tag}": "00101002",
}


def _routes(dialect: Dialect) -> list[Route]:
    """Those of the table; what refuses a path, whatever the method, has none of its own."""
    return [route for route in routes.under(dialect) if route.methods]


def _filled(path: str) -> str:
    for variable, value in EXAMPLES.items():
        path = path.replace(variable, value)
    return path


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.name)
def test_every_method_of_the_table_has_its_route(dialect: Dialect) -> None:
    served = {(verb, route.path) for route in _routes(dialect) for verb in route.methods or ()}
    rows = {(method.verb, method.path) for method in table.methods(dialect, partitions=False)}
    assert rows <= served
    assert {verb for verb, _ in served - rows} <= {"HEAD", "OPTIONS"}


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.name)
def test_every_route_answers_head_where_it_answers_get(dialect: Dialect) -> None:
    for route in _routes(dialect):
        assert route.methods is not None
        assert ("HEAD" in route.methods) == ("GET" in route.methods)


def test_some_is_of_the_standard_alone() -> None:
    beyond = {method.path for method in table.methods(DICOMWEB, partitions=False)} - {
        method.path for method in table.methods(V2, partitions=False)
    }
    assert {"/", "/wado", "/studies/{study}/series/{series}/instances/{instance}/bulkdata/{path:path}"} <= beyond


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/"])
def test_options_names_the_methods(http: TestClient, path: str) -> None:
    answer = http.options(DICOMWEB.root + _filled(path))
    assert (answer.status_code, answer.content) == (204, b"")
    verbs = {method.verb for method in table.methods(DICOMWEB, partitions=False) if method.path == path}
    assert set(answer.headers["Allow"].split(", ")) == verbs | {"OPTIONS"} | ({"HEAD"} if "GET" in verbs else set())


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_405(http: TestClient, path: str) -> None:
    answer = http.request("LOCK", DICOMWEB.root + _filled(path))
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) >= {"OPTIONS"}


def test_azure_has_no_options(http: TestClient) -> None:
    answer = http.options("/v2/studies")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "PUT"}


def test_identifiers_are_unique() -> None:
    names = [method.identifier for method in table.METHODS]
    assert len(names) == len(set(names))

"""The change feed by HTTP: where nothing is, and as it is beside the Standard."""

import pytest
from starlette.testclient import TestClient

from filmroom.protocol.dialects import ALL, DICOMWEB, Dialect
from tests.messages import sent, store


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.name)
def test_an_empty_archive_has_no_changes(http: TestClient, dialect: Dialect) -> None:
    feed, latest = (http.get(f"{dialect.root}/changefeed{path}") for path in ("", "/latest"))
    assert (feed.status_code, feed.text) == (200, "[]")
    assert (latest.status_code, latest.content) == (204, b"")


def test_beside_the_standard_it_goes_on_after_a_sequence(http: TestClient) -> None:
    for _ in range(3):
        store(http, DICOMWEB.root, sent().content)
    whole = http.get("/dicomweb/changefeed").json()
    assert http.get("/dicomweb/changefeed?since=1").json() == whole[1:]
    assert http.get("/dicomweb/changefeed?since=1&limit=1").json() == whole[1:2]
    assert http.get("/dicomweb/changefeed?since=3").json() == []
    assert http.get("/dicomweb/changefeed?since=x").status_code == 400


def test_beside_the_standard_it_is_by_time_as_well(http: TestClient) -> None:
    store(http, DICOMWEB.root, sent().content)
    [entry] = http.get("/dicomweb/changefeed", params={"startTime": "2020-01-01T00:00:00Z"}).json()
    assert http.get("/dicomweb/changefeed", params={"endTime": entry["timestamp"]}).json() == []
    answer = http.get("/dicomweb/changefeed?limit=201")
    assert (answer.status_code, answer.text) == (
        400,
        "limit must be a whole number from 1 to 200, and '201' is none.",
    )


@pytest.mark.parametrize("path", ["", "/latest"])
def test_head_says_what_get_sends(http: TestClient, path: str) -> None:
    store(http, DICOMWEB.root, sent().content)
    answer = http.head(f"/v2/changefeed{path}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json"


def test_a_long_page_is_compressed_for_who_accepts_that(http: TestClient) -> None:
    store(http, DICOMWEB.root, *(sent().content for _ in range(20)))
    answer = http.get("/dicomweb/changefeed", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.json()) == 20


def test_options_names_get_alone(http: TestClient) -> None:
    assert http.options("/dicomweb/changefeed").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_only_get_is_known(http: TestClient) -> None:
    assert http.post("/v2/changefeed").status_code == 405

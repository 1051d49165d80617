"""What is counted of requests."""

from typing import Any

import pytest

from filmroom import metrics
from filmroom.server.traffic import Traffic, method_of


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(f"filmroom_{name}", labels) or 0.0


def scope(route: str, method: str = "GET") -> dict[str, Any]:
    return {"template": route, "method": method}


def test_a_request_is_counted_by_the_template_of_its_route() -> None:
    traffic = Traffic()
    for status in (200, 206, 404):
        traffic.end(scope("/counted"), status, 0.02, 10, 100)
    of = {"route": "/counted", "method": "GET"}
    assert value("http_request_duration_seconds_count", **of, status="2xx") == 2
    assert value("http_request_duration_seconds_bucket", **of, status="4xx", le="0.025") == 1
    assert value("http_request_duration_seconds_bucket", **of, status="4xx", le="0.01") == 0
    assert (value("http_received_bytes_total", **of), value("http_sent_bytes_total", **of)) == (30, 300)


def test_statuses_of_errors_can_be_told_apart() -> None:
    before = {status: value("http_refused_total", status=status) for status in ("401", "429", "503")}
    traffic = Traffic()
    for status in (200, 304, 401, 429, 429, 503):
        traffic.end(scope("/refused"), status, 0.02, 0, 0)
    assert {status: value("http_refused_total", status=status) - before[status] for status in before} == {
        "401": 1,
        "429": 2,
        "503": 1,
    }
    assert value("http_refused_total", status="200") == 0


def test_a_client_that_went_away_got_no_status() -> None:
    Traffic().end(scope("/left"), 0, 1.0, 0, 0)
    assert value("http_request_duration_seconds_count", route="/left", method="GET", status="none") == 1


@pytest.mark.parametrize(("sent", "counted"), [("GET", "GET"), ("PROPFIND", "other"), ("A" * 1000, "other")])
def test_clients_make_no_labels(sent: str, counted: str) -> None:
    assert method_of(scope("/", sent)) == counted


def test_what_breaks_off_is_counted() -> None:
    Traffic().break_off(scope("/broken"))
    assert value("http_broken_off_total", route="/broken", method="GET") == 1

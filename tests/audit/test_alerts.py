"""Who is refused again and again is an alert, and can't fill the disk."""

import math
from typing import Any

import pytest

from filmroom.audit import alerts
from filmroom.audit.alerts import Alerts
from filmroom.audit.chain import ALERT, LIMITED


def refuse(known: Alerts, count: int, at: float = 0.0, **facts: Any) -> list[dict[str, Any]]:
    """What is written of so many refusals."""
    given = {"time": at, "action": "unknown", "who": "anonymous", "client": "192.0.2.1", "status": 401, **facts}
    return [line for _ in range(count) for line in known.sift(dict(given))]


def test_the_first_have_a_line_each_and_the_others_one_a_minute() -> None:
    known = Alerts()
    assert len(refuse(known, 1000)) == 11  # with the alert
    assert list(known.due(59.0)) == []
    assert known.rest(59.0) == 1.0
    [counted] = known.due(60.0)
    assert (counted["action"], counted["client"], counted["refused"], counted["status"]) == (
        ALERT, "192.0.2.1", 990, 401,
    )  # fmt: skip
    assert refuse(known, 500, at=61.0) == []
    assert [line["refused"] for line in known.due(120.0)] == [500]
    assert known.rest(120.0) is None


def test_who_was_quiet_for_a_while_has_lines_again() -> None:
    known = Alerts()
    refuse(known, 10)
    assert list(known.due(120.0)) == []
    assert [line["action"] for line in refuse(known, 2, at=121.0)] == ["unknown"] * 2


def test_refusals_that_are_rare_are_no_alert() -> None:
    known = Alerts()
    assert [line["action"] for at in range(30) for line in refuse(known, 1, at=at * 7.0)] == ["unknown"] * 30


@pytest.mark.parametrize("who", [{"who": "Dr. Who"}, {"who": "anonymous", "who_id": "token:5b1c22f0"}])
def test_what_is_refused_to_somebody_who_is_known_is_always_told(who: dict[str, Any]) -> None:
    known = Alerts()
    found = refuse(known, 25, status=403, **who)
    assert [line["action"] for line in found].count("unknown") == 25
    assert [line["action"] for line in found].count(ALERT) == 1


def test_what_a_limit_refuses_is_counted_and_no_alert() -> None:
    known = Alerts()
    assert [line["action"] for line in refuse(known, 30, action=LIMITED, status=429)] == [LIMITED] * 10
    assert [(line["action"], line["refused"], line["status"]) for line in known.due(math.inf)] == [(LIMITED, 20, 429)]
    assert len(refuse(known, 3)) == 3  # one is not counted as the other


def test_more_addresses_than_can_be_known_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "MOST", 5)
    known = Alerts()
    found = [line for number in range(100) for line in refuse(known, 1, client=f"192.0.2.{number}")]
    assert len(found) == 5 + 11
    assert [(line["client"], line["refused"]) for line in known.due(math.inf)] == [("others", 85)]


def test_addresses_of_one_network_are_one() -> None:
    known = Alerts()
    found = [
        line for end in range(100) for line in refuse(known, 1, client=f"2001:db8::{end}", counted_as="2001:db8::")
    ]
    assert len(found) == 11
    assert not any("counted_as" in line for line in found)


def test_everything_else_is_let_through() -> None:
    assert len(refuse(Alerts(), 100, action="query", status=404)) == 100

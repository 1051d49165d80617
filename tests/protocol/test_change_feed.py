"""What the parameters of the change feed ask for, at each root."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.errors import BadParameter
from filmroom.protocol.change_feed import BySequence, ByTime, Window, includes_metadata, parse, written
from filmroom.protocol.dialects import ALL, DICOMWEB, V1, V1_PRERELEASE, V2, Dialect
from filmroom.protocol.parameters import LARGEST_INTEGER

INFINITE = float("inf")


def asked(dialect: Dialect, **parameters: str) -> Window:
    return parse(dialect, parameters.items())


def start(text: str) -> float:
    window = asked(V2, startTime=text)
    assert isinstance(window, ByTime)
    return window.start


def refusal(dialect: Dialect, **parameters: str) -> str:
    with pytest.raises(BadParameter) as refused:
        asked(dialect, **parameters)
    return str(refused.value)


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (V1_PRERELEASE, BySequence(0, 10, 10)),
        (V1, BySequence(0, 10, 10)),
        (V2, ByTime(-INFINITE, INFINITE, 0, 100)),
        (DICOMWEB, ByTime(-INFINITE, INFINITE, 0, 100)),
    ],
)
def test_the_defaults(dialect: Dialect, expected: Window) -> None:
    assert asked(dialect) == asked(dialect, limit="", offset="", startTime="", since="") == expected
    assert includes_metadata(dialect, ())


def test_a_window_of_sequences_ends_with_the_largest_there_can_be() -> None:
    assert asked(V1, offset="5", limit="3") == BySequence(5, 8, 3)
    assert asked(V1, offset=str(LARGEST_INTEGER)) == BySequence(LARGEST_INTEGER, LARGEST_INTEGER, 10)


def test_since_is_known_where_it_is_ours_to_say() -> None:
    assert asked(DICOMWEB, since="5", limit="200") == BySequence(5, LARGEST_INTEGER, 200)
    assert asked(DICOMWEB, since="0") == BySequence(0, LARGEST_INTEGER, 100)
    assert asked(V1, since="x") == asked(V1)
    assert asked(V2, since="x") == asked(V2)


@pytest.mark.parametrize("other", ["offset", "startTime", "endTime"])
def test_since_goes_with_no_other_window(other: str) -> None:
    assert refusal(DICOMWEB, since="5", **{other: "1"}).startswith("since goes with limit and includeMetadata alone")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1970-01-01T01:00:00 01:00", 0.0),  # a plus that was not encoded
        ("1970-01-01T01:00:00.5 0100", 0.5),
        ("1970-01-01 00:00:01.5Z", 1.5),
        ("1969-12-31T23:59:59.999999Z", -0.000001),
        ("1970-01-01T00:00:00.0000010Z", 0.000001),
        ("1970-01-01T00:00:00.0000011Z", 0.000002),  # nothing lies between
        ("1970-01-01T00:00:00.00000100000000000000001Z", 0.000002),
        ("0001-01-01T00:00:00+14:00", -62135647200.0),
        ("9999-12-31T23:59:59-14:00", 253402351199.0),
    ],
)
def test_times_of_any_zone(text: str, expected: float) -> None:
    assert start(text) == expected


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-10:00"])
def test_a_time_that_utc_can_not_hold_is_told_as_the_first_or_last(text: str) -> None:
    said = refusal(V2, startTime=text, endTime="0001-01-01T00:00:00+14:00")
    assert "must occur strictly before the end time '0001-01-01T00:00:00.0000000+00:00'" in said


@pytest.mark.parametrize("text", ["x", "1", "2024-13-01T00:00:00Z", "2024-01-01T00:00:00+25:00", "٢٠٢٤", "0000-01-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    assert "is not valid for StartTime" in refusal(V2, startTime=text)
    assert refusal(DICOMWEB, endTime=text).startswith("endTime must be a date and a time such as")


def test_a_time_without_a_zone_is_refused_with_what_may_be_meant() -> None:
    said = refusal(DICOMWEB, startTime="2024-01-01T00:00:00")
    assert said == "startTime must say its time zone: is 2024-01-01T00:00:00Z meant?"


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    said = refusal(V2, startTime="2024-01-01T00:00:00Z", endTime="2024-01-01T01:00:00+01:00", other="passed over")
    assert said == (
        "The start time '2024-01-01T00:00:00.0000000+00:00' must occur strictly "
        "before the end time '2024-01-01T00:00:00.0000000+00:00'."
    )


@pytest.mark.parametrize("dialect", ALL)
def test_a_limit_is_one_at_least_and_has_an_end(dialect: Dialect) -> None:
    for limit in (0, dialect.largest_changes + 1):
        assert f" 1 {'and' if dialect.version else 'to'} {dialect.largest_changes}" in refusal(
            dialect, limit=str(limit)
        )
    assert asked(dialect, limit=str(dialect.largest_changes)).limit == dialect.largest_changes


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_a_time_is_read_as_it_was_written(moment: datetime) -> None:
    timestamp = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    assert start(written(timestamp)) == timestamp
    assert datetime.fromisoformat(written(timestamp)) == moment

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom import instants

ZONES = st.sampled_from(["-1200", "-0330", "+0000", "+0545", "+1400"])


@pytest.mark.parametrize(
    ("vr", "stored", "folded"),
    [
        ("DA", "2024.02.29", "20240229"),
        ("DA", "Yesterday", "Yesterday"),
        ("TM", "10:11:12.5", "101112.500000"),
        ("DT", "2024", "20240101000000.000000"),
        ("DT", "2024-0500", "20240101000000.000000"),
    ],
)
def test_a_stored_value_is_completed(vr: str, stored: str, folded: str) -> None:
    assert instants.fold(vr, stored) == folded


def test_a_value_spans_what_it_leaves_out() -> None:
    assert (instants.start("TM", "10"), instants.end("TM", "10")) == ("100000.000000", "105959.999999")
    assert instants.end("DT", "202402") == "20240231235959.999999"


@pytest.mark.parametrize(
    ("vr", "text", "real"),
    [
        ("DA", "20240229", True),
        ("DA", "20230229", False),
        ("DA", "2024", False),
        ("TM", "235960", True),
        ("TM", "2400", False),
        ("TM", "100061", False),
        ("DT", "2024", True),
        ("DT", "2024+0100", False),
        ("DT", "202413", False),
        ("DT", "２０２４", False),
    ],
)
def test_what_there_is(vr: str, text: str, real: bool) -> None:
    assert instants.exists(vr, text) is real


@pytest.mark.parametrize(
    ("text", "zone"),
    [("+0100", "+0100"), ("-0330", "-0330"), (" 0100", "+0100"), ("0100", "+0100"), ("+2400", None), ("", None),
     ("+1", None), ("CET", None), ("+0160", None), ("--0100", None), ("+0100+0100", None)],
)  # fmt: skip
def test_offsets(text: str, zone: str | None) -> None:
    assert instants.offset(text) == zone


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2024+0100", ("2024", "+0100")),
        ("20240229101112.5-0330", ("20240229101112.5", "-0330")),
        ("2024", ("2024", None)),
        ("2024-2025", ("2024-2025", None)),
        ("", ("", None)),
    ],
)
def test_a_moment_and_its_offset(text: str, parts: tuple[str, str | None]) -> None:
    assert instants.split(text) == parts


@pytest.mark.parametrize(
    ("local", "zone", "utc"),
    [
        ("20240229233000.500000", "+0100", "20240229223000.500000"),
        ("20240229233000.500000", "-0330", "20240301030000.500000"),
        ("09991231235960.000000", "-0100", "10000101005959.000000"),
        ("00010101000000.000000", "+0100", "00010101000000.000000"),
        ("99991231235959.999999", "-0100", "99991231235959.999999"),
    ],
)
def test_utc(local: str, zone: str, utc: str) -> None:
    assert instants.utc(local, zone) == utc


@given(st.datetimes(), ZONES)
def test_utc_keeps_the_form(moment: object, zone: str) -> None:
    local = f"{moment:%Y%m%d%H%M%S.%f}".rjust(21, "0")
    found = instants.utc(local, zone)
    assert len(found) == 21
    assert instants.exists("DT", found)


@pytest.mark.parametrize(
    ("date", "days", "then"),
    [("20240228", 2, "20240301"), ("20240301", -2, "20240228"), ("00010101", -2, "00010101"), ("x", 1, "x")],
)
def test_days(date: str, days: int, then: str) -> None:
    assert instants.days_from(date, days) == then


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1769869805.123456, "2026-01-31T14:30:05.123456Z"),
        (1769869805.9999999, "2026-01-31T14:30:06.000000Z"),
        (-0.5, "1969-12-31T23:59:59.500000Z"),
    ],
)
def test_a_moment_is_written_in_utc_with_its_microseconds(seconds: float, text: str) -> None:
    assert instants.written(seconds) == text

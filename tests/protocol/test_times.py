"""Times in answers."""

import pytest

from filmroom.protocol import times


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "1970-01-01T00:00:00.000000Z"), (1769869805.123456, "2026-01-31T14:30:05.123456Z")]
)
def test_a_time_is_written_in_utc_with_its_microseconds(seconds: float, text: str) -> None:
    assert times.written(seconds) == text

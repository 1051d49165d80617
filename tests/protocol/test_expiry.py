"""The header fields of a store that say when its Studies expire."""

import pytest

from filmroom.errors import BadRequest
from filmroom.protocol import expiry


@pytest.mark.parametrize(
    ("times", "options", "levels", "seconds"),
    [
        ([], [], [], None),
        (["1"], [], [], 0.001),
        (["60000"], ["RelativeToNow"], ["Study"], 60.0),
        ([" 60000 "], ["relativetonow"], ["STUDY"], 60.0),
        (["60000", "60000"], ["RelativeToNow"], ["Study"], 60.0),
        (["9223372036854775807"], [], [], 9223372036854775.807),
    ],
)
def test_what_is_accepted(times: list[str], options: list[str], levels: list[str], seconds: float | None) -> None:
    assert expiry.lifetime(times, options, levels) == seconds


@pytest.mark.parametrize("said", ["", "0", "-1", "1.5", "1e3", "soon", "٣", "1_000", "9" * 30])
def test_a_time_is_a_whole_number_of_milliseconds(said: str) -> None:
    with pytest.raises(BadRequest, match="expiry-time-milliseconds is .* whole number of milliseconds from 1"):
        expiry.lifetime([said], ["RelativeToNow"], ["Study"])


def test_two_times_are_refused() -> None:
    with pytest.raises(BadRequest, match="is '1, 2'"):
        expiry.lifetime(["1", "2"], [], [])


def test_the_other_fields_have_one_value_each() -> None:
    with pytest.raises(BadRequest, match="msdicom-expiry-option is 'Absolute': it must be RelativeToNow"):
        expiry.lifetime(["1"], ["Absolute"], [])
    with pytest.raises(BadRequest, match="msdicom-expiry-level is 'Series': it must be Study"):
        expiry.lifetime(["1"], [], ["Series"])


def test_without_a_time_the_others_mean_nothing() -> None:
    with pytest.raises(BadRequest, match="expiry-time-milliseconds is missing"):
        expiry.lifetime([], ["RelativeToNow"], ["Study"])


def test_written_and_read_is_the_same() -> None:
    assert expiry.lifetime(*([value] for value in expiry.fields(0.25).values())) == 0.25
    assert expiry.fields(1e-9)[expiry.TIME] == "1"

"""Conditional requests (RFC 9110 §13): what counts as known, and when a part fits to what is there."""

import pytest

from filmroom.protocol.validators import Validator, allows_range, is_known

MODIFIED = 784111777.5
DATE, EARLIER, LATER = (f"Sun, 06 Nov 1994 08:49:{second} GMT" for second in (37, 36, 38))
STRONG, WEAK = Validator("5-1.2", MODIFIED), Validator("5-1.2", MODIFIED, weak=True)


def test_headers() -> None:
    assert STRONG.headers == {"ETag": '"5-1.2"', "Last-Modified": DATE}
    assert Validator("5", weak=True).headers == {"ETag": 'W/"5"'}


@pytest.mark.parametrize("validator", [STRONG, WEAK])
@pytest.mark.parametrize("known", [['"5-1.2"'], ['W/"5-1.2"'], ['"x", "5-1.2"'], ['"x"', '"5-1.2"'], ["*"]])
def test_known_by_its_tag(validator: Validator, known: list[str]) -> None:
    assert is_known(validator, known, None)


@pytest.mark.parametrize(
    ("since", "expected"), [(DATE, True), (LATER, True), (EARLIER, False), ("soon", False), (None, False)]
)
def test_known_by_its_date(since: str | None, expected: bool) -> None:
    assert is_known(STRONG, [], since) is expected


def test_a_date_means_nothing_beside_a_tag_or_of_several() -> None:
    assert not is_known(STRONG, ['"other"'], LATER)
    assert not is_known(Validator("5"), [], LATER)


@pytest.mark.parametrize("if_range", [None, '"5-1.2"', f" {DATE} "])
def test_a_part_fits(if_range: str | None) -> None:
    assert allows_range(STRONG, if_range)


@pytest.mark.parametrize("if_range", ['"5-1.3"', 'W/"5-1.2"', LATER, EARLIER, "soon", ""])
def test_a_part_does_not_fit(if_range: str) -> None:
    assert not allows_range(STRONG, if_range)


@pytest.mark.parametrize("if_range", ['"5-1.2"', 'W/"5-1.2"', DATE])
def test_a_part_never_fits_to_what_differs_each_time(if_range: str) -> None:
    assert not allows_range(WEAK, if_range)

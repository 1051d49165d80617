"""Dates are moved by days, and nothing else about them changes."""

import pytest

from filmroom.dicom.deidentification.dates import moved


@pytest.mark.parametrize(
    ("vr", "text", "becomes"),
    [
        ("DA", "20240301", "20240229"),
        ("DA", "2024.03.01", "20240229"),
        ("DA", "20240301 ", "20240229"),
        ("DT", "20240301101112.123456+0100", "20240229101112.123456+0100"),
        ("DT", "202403011011", "202402291011"),
        ("DT", "2024030123", "2024022923"),
        ("DT", "202403", "202402"),
        ("DT", "202403+0100", "202402+0100"),
        ("DT", "2024", "2023"),
        ("DA", "10000101", "09991231"),
    ],
)
def test_a_day_earlier(vr: str, text: str, becomes: str) -> None:
    assert moved(vr, text, 1) == becomes


@pytest.mark.parametrize(
    ("vr", "text"),
    [("DA", "20230229"), ("DA", "202402"), ("DA", "Smith"), ("DA", "00010101"), ("DT", "20240"), ("DT", "2024022910Z")],
)
def test_what_is_no_date_can_not_be_moved(vr: str, text: str) -> None:
    assert moved(vr, text, 1) is None

from math import gcd

from bench import rows


def test_names_are_unique() -> None:
    assert len({row.name for row in rows.ROWS}) == len(rows.ROWS)


def test_reading_walks_through_everything() -> None:
    assert gcd(rows.STEP, rows.SERIES) == gcd(rows.STEP, rows.STUDIES) == 1

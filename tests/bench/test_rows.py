from math import gcd

from bench import data, rows
from bench.rows import kept, retrieving


def test_names_are_unique() -> None:
    assert len({row.name for row in rows.ROWS}) == len(rows.ROWS)


def test_reading_walks_through_everything() -> None:
    sizes = (kept.SERIES, kept.STUDIES, kept.RADIOGRAPHS, retrieving.STUDY, data.MULTI.frames, kept.MANY_SERIES[0])
    assert all(gcd(kept.STEP, size) == 1 for size in sizes)


def test_every_row_belongs_to_a_group_and_has_a_title_of_its_own() -> None:
    assert {row.group for row in rows.ROWS} == {"Store", "Metadata", "Retrieve", "Rendered", "Search"}
    assert len({row.title for row in rows.ROWS}) == len(rows.ROWS)

from math import gcd

from bench import data, rows
from bench.rows import kept, rendering, retrieving


def test_names_are_unique() -> None:
    assert len({row.name for row in rows.ROWS}) == len(rows.ROWS)


def test_reading_walks_through_everything() -> None:
    sizes = (kept.SERIES, kept.STUDIES, kept.RADIOGRAPHS, retrieving.STUDY, data.MULTI.frames, kept.MANY_SERIES[0])
    assert all(gcd(kept.STEP, size) == 1 for size in sizes)


def test_every_row_belongs_to_a_group_and_has_a_title_of_its_own() -> None:
    assert {row.group for row in rows.ROWS} == {"Store", "Metadata", "Retrieve", "Rendered", "Search"}
    assert len({row.title for row in rows.ROWS}) == len(rows.ROWS)


def test_no_window_is_asked_for_twice() -> None:
    windows = {rendering._window(number) for number in range(2000)} | {rendering._WARM}
    assert len(windows) == 2001


def test_instances_that_are_rendered_one_after_the_other_differ_in_their_images() -> None:
    assert all(
        gcd(kept.STEP, kept.PLACES) == 1 and count % kept.PLACES == 0 for count in (kept.SERIES, kept.RADIOGRAPHS)
    )

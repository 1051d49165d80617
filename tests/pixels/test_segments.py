import struct
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from filmroom.errors import NotAcceptable
from filmroom.pixels.segments import expand


def theirs(data: list[int], count: int, size: int) -> list[int]:
    """The table of pydicom."""
    palette = Dataset()
    palette.set_original_encoding(False, True)
    raw = struct.pack(f"<{len(data)}{'BH'[size - 1]}", *data)
    for number in range(1, 4):
        palette.add_new(0x00281100 + number, "US", [count, 0, 8 * size])
        palette.add_new(0x00281220 + number, "OW", raw + b"\0" * (len(raw) % 2))
    found: list[int] = apply_color_lut(np.arange(count), palette)[..., 0].tolist()
    return found


@st.composite
def good_tables(draw: st.DrawFn, size: int) -> list[int]:
    """Discrete and linear segments, and indirect ones to the first of them."""
    numbers = st.integers(0, (1 << 8 * size) - 1)
    first = draw(st.lists(numbers, min_size=1, max_size=9))
    parts = [[0, len(first), *first]]
    for _ in range(draw(st.integers(0, 5))):
        parts.append([1, draw(st.integers(1, 200)), draw(numbers)])
    # pydicom takes the byte offset for a number of entries, so only where that is the same is it a witness.
    starts = [0, *accumulate(map(len, parts))][:-1] if size == 1 else [0]
    plain = len(parts)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.sampled_from(range(len(starts))))
        copied = draw(st.integers(1, plain - at))
        parts.append([2, copied, starts[at], 0, 0, 0] if size == 1 else [2, copied, 0, 0])
    return [number for part in parts for number in part]


@given(st.sampled_from([1, 2]).flatmap(lambda size: st.tuples(good_tables(size), st.just(size))))
def test_good_tables_are_those_of_pydicom(table: tuple[list[int], int]) -> None:
    data, size = table
    found = expand(data, 1 << 8 * size, size)
    try:
        expected = theirs(data, len(found), size)
    except ValueError:  # it begins no copied line at 0
        assume(False)
    assert found == expected


def test_an_offset_is_in_bytes() -> None:
    assert expand([0, 1, 5, 0, 2, 7, 8, 2, 1, 6, 0], 100, 2) == [5, 7, 8, 7, 8]


@pytest.mark.parametrize(("count", "made"), [(1, [1]), (3, [1, 2, 3]), (100, [1, 2, 3, 4])])
def test_no_more_entries_are_made_than_the_descriptor_has(count: int, made: list[int]) -> None:
    assert expand([0, 1, 1, 1, 3, 4], count, 2) == made


@pytest.mark.parametrize(
    "data",
    [
        [1, 3, 9],  # a line from nowhere
        [0, 1, 1, 1, 3],  # a line to nowhere
        [0, 0, 0, 0],
        [2, 1, 0, 0],
        [0, 1, 1, 2, 0, 0, 0],
        [0, 1, 1, 2, 1, 999, 0],
        [0, 1, 1, 2, 2, 0, 0],  # indirect within indirect
        [0, 1, 1, 7, 1, 1],
    ],
)
def test_what_makes_no_sense_is_refused(data: list[int]) -> None:
    with pytest.raises(NotAcceptable):
        expand(data, 65536, 2)


def test_tables_that_double_with_each_segment_are_refused() -> None:
    bomb = [0, 60, *range(60)]
    for number in range(1, 61):
        bomb += [2, number, 0, 0]
    with pytest.raises(NotAcceptable):
        expand(bomb, 65536, 2)

"""Ranges of bytes (RFC 9110 §14): what is asked for, what is passed over, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.errors import NotSatisfiable
from filmroom.protocol import byte_ranges

CONTENT = bytes(range(100))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=10-19", [(10, 10)]),
        ("bytes=90-", [(90, 10)]),
        ("bytes=90-1000", [(90, 10)]),
        ("bytes=-10", [(90, 10)]),
        ("bytes=-1000", [(0, 100)]),
        ("Bytes = 0-0, 2-3 ,-1", [(0, 1), (2, 2), (99, 1)]),
        ("bytes=200-, 5-6", [(5, 2)]),
    ],
)
def test_understood(header: str, expected: list[tuple[int, int]]) -> None:
    assert byte_ranges.parse(header, 100) == expected


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=,", "bytes=a-b", "bytes=9-5", "bytes=0-1;2-3", "frames=1-2", "bytes=--1"],
)
def test_passed_over(header: str | None) -> None:
    assert byte_ranges.parse(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=0-,0-,0-", "bytes=" + ",".join(["0-0"] * 65), "bytes=0-99,0-0"])
def test_more_than_there_is_is_passed_over(header: str) -> None:
    assert byte_ranges.parse(header, 100) is None


@pytest.mark.parametrize(
    ("header", "length"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-5", 0)]
)
def test_not_there(header: str, length: int) -> None:
    with pytest.raises(NotSatisfiable, match=f"there are {length}") as raised:
        byte_ranges.parse(header, length)
    assert raised.value.length == length


_NUMBERS = st.integers(0, 150)
_RANGES = st.one_of(
    st.tuples(_NUMBERS, _NUMBERS).map(lambda pair: f"{min(pair)}-{max(pair)}"),
    _NUMBERS.map(lambda first: f"{first}-"),
    _NUMBERS.map(lambda count: f"-{count}"),
)


@given(_RANGES)
def test_a_range_is_what_a_slice_of_python_is(text: str) -> None:
    first, _, last = text.partition("-")
    if first:
        expected = CONTENT[int(first) : int(last) + 1 if last else None]
    else:
        expected = CONTENT[-int(last) :] if int(last) else b""
    try:
        [(offset, size)] = byte_ranges.parse(f"bytes={text}", len(CONTENT)) or []
    except NotSatisfiable:
        assert not expected
    else:
        assert CONTENT[offset : offset + size] == expected


@given(st.lists(_RANGES, min_size=1, max_size=5))
def test_several_are_each_in_their_turn_or_passed_over(texts: list[str]) -> None:
    alone = []
    for text in texts:
        try:
            alone += byte_ranges.parse(f"bytes={text}", 100) or []
        except NotSatisfiable:
            continue
    if not alone:
        with pytest.raises(NotSatisfiable):
            byte_ranges.parse(f"bytes={','.join(texts)}", 100)
    elif len(alone) == 1 or sum(size for _, size in alone) <= 100:
        assert byte_ranges.parse(f"bytes={','.join(texts)}", 100) == alone
    else:
        assert byte_ranges.parse(f"bytes={','.join(texts)}", 100) is None


@given(st.text())
def test_any_text_is_understood_or_not(text: str) -> None:
    try:
        byte_ranges.parse(text, 100)
    except NotSatisfiable:
        assert "=" in text


def test_content_range() -> None:
    assert byte_ranges.content_range(10, 5, 100) == "bytes 10-14/100"
    assert byte_ranges.unsatisfied(100) == "bytes */100"

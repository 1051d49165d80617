"""Segmented palettes: a short form of long tables, expanded within bounds (PS3.3 §C.7.9.2)."""

from collections.abc import Sequence

import numpy as np

from filmroom.errors import NotAcceptable

DISCRETE, LINEAR, INDIRECT = range(3)

UNREADABLE = "The lookup table of the image can't be read."


def expand(data: Sequence[int], count: int, size: int) -> list[int]:
    """The first `count` entries that the segments in `data`, numbers of `size` bytes, describe.

    Every segment gives an entry or is refused, so there is no more work than `count` is large.
    """
    entries: list[int] = []
    position = 0
    try:
        while position + 1 < len(data) and len(entries) < count:  # a single number at the end is padding
            if data[position] == INDIRECT:
                position = _copy(data, position, entries, count, size)
            else:
                position = _append(data, position, entries)
    except IndexError as error:
        raise NotAcceptable(UNREADABLE) from error
    return entries[:count]


def _append(data: Sequence[int], position: int, entries: list[int]) -> int:
    """Add the entries of a discrete or linear segment; tell where the next one is."""
    kind, length = data[position], data[position + 1]
    position += 2
    if length == 0:
        raise NotAcceptable(UNREADABLE)
    if kind == DISCRETE:
        entries += data[position : position + length]
        return position + length
    if kind != LINEAR:  # reserved, or indirect within indirect, which is forbidden
        raise NotAcceptable(UNREADABLE)
    first, last = entries[-1], data[position]
    line = np.linspace(first + (last - first) / length, last, length)
    entries += np.around(line).astype(int).tolist()
    return position + 1


def _copy(data: Sequence[int], position: int, entries: list[int], count: int, size: int) -> int:
    """Add the entries of the segments that an indirect one names; tell where the next one is."""
    segments, after = data[position + 1], position + 2 + 4 // size
    if not entries or segments == 0:
        raise NotAcceptable(UNREADABLE)
    words = data[position + 2 : after]
    copied = sum(number << 8 * size * place for place, number in enumerate(words)) // size
    for _ in range(segments):
        if len(entries) >= count:
            break
        copied = _append(data, copied, entries)
    return after

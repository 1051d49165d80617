"""Overlays lie where the Standard says, also beyond the edges, in frames of their own and in bits of the samples."""

import base64
from typing import Any

import numpy as np
import pytest

from filmroom.pixels import overlays
from filmroom.pixels.codecs import Order


def us(*values: int) -> dict[str, Any]:
    return {"vr": "US", "Value": list(values)}


def plane(rows: int, columns: int, bits: str, *, group: int = 0x6000, **more: dict[str, Any]) -> dict[str, Any]:
    """An overlay; `bits` are written as they lie in the image, row after row."""
    packed = np.packbits([int(bit) for bit in bits], bitorder="little").tobytes()
    own = {"0010": us(rows), "0011": us(columns), "3000": {"InlineBinary": base64.b64encode(packed).decode()}}
    return {f"{group:04X}{key.strip('_')}": value for key, value in (own | more).items()}


def drawn(
    elements: dict[str, Any], number: int = 1, samples: Any = None, bulk: Any = None, order: Order = "<"
) -> list[list[int]]:
    image = np.zeros((3, 3), np.uint8)
    raw = np.zeros((3, 3), "u2") if samples is None else samples
    made: list[list[int]] = (overlays.draw(image, elements, raw, number, order, bulk or {}) // 255).tolist()
    assert not image.any()
    return made


def test_its_bits_are_white() -> None:
    assert drawn(plane(3, 3, "100010001")) == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ((2, 3), [[0, 0, 0], [0, 0, 1], [0, 0, 1]]),
        ((0, 0), [[1, 0, 0], [0, 0, 0], [0, 0, 0]]),
        ((9, 9), [[0, 0, 0]] * 3),
        ((-9, 1), [[0, 0, 0]] * 3),
    ],
)
def test_it_lies_at_its_origin(origin: tuple[int, int], expected: list[list[int]]) -> None:
    assert drawn(plane(2, 2, "1111", _0050={"vr": "SS", "Value": list(origin)})) == expected


@pytest.mark.parametrize(("number", "row"), [(1, 0), (2, 1), (3, 2), (4, None)])
def test_its_frames_lie_over_those_of_the_image(number: int, row: int | None) -> None:
    bits = "111000000" + "000111000" + "000000111"
    elements = plane(3, 3, bits, _0015=us(3), _0051=us(1))
    assert drawn(elements, number) == [[int(row == one)] * 3 for one in range(3)]


def test_it_may_lie_in_a_bit_of_the_samples() -> None:
    elements = {"60000010": us(3), "60000011": us(3), "60000100": us(16), "60000102": us(12)}
    samples = np.array([[0x1000, 0xFFF, 0], [0, 0, 0], [0, 0, 0x1FFF]], "u2")
    assert drawn(elements, samples=samples) == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert drawn(elements, samples=np.zeros((3, 3), "f4")) == [[0, 0, 0]] * 3


def test_several_lie_over_one_another() -> None:
    elements = plane(1, 3, "100") | plane(1, 3, "001", group=0x601E)
    assert drawn(elements)[0] == [1, 0, 1]


def test_bulk_values_are_named_and_read() -> None:
    elements = plane(1, 3, "000") | {"60003000": {"vr": "OW", "BulkDataURI": "bulkdata/60003000"}}
    assert overlays.needed(elements) == ("60003000",)
    assert drawn(elements, bulk={"60003000": b"\x05\x00"})[0] == [1, 0, 1]
    assert drawn(elements, bulk={"60003000": b"\x00\x05"}, order=">")[0] == [1, 0, 1]


@pytest.mark.parametrize("wrong", [{"60000050": us(1)}, {"60000010": us(0)}, {"60003000": {"vr": "OW"}}])
def test_what_cannot_be_read_is_left_out(wrong: dict[str, Any]) -> None:
    assert drawn(plane(1, 3, "111") | wrong) == [[0, 0, 0]] * 3

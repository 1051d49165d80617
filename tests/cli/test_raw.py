"""What is said of the samples in a .raw file reads them: the line for numpy is run."""

from pathlib import Path
from typing import Any

import numpy
import pytest

from filmroom.cli import raw
from filmroom.client import Content

OCTETS = "application/octet-stream"
BIG_ENDIAN = f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2.2"


def _elements(bits: int, signed: int = 0, samples: int = 1, planar: int | None = None) -> dict[str, Any]:
    numbers = {"00280010": 3, "00280011": 5, "00280002": samples, "00280006": planar, "00280100": bits}
    made: dict[str, Any] = {key: {"vr": "US", "Value": [value]} for key, value in numbers.items()}
    return made | {"00280103": {"vr": "US", "Value": [signed]}}


@pytest.mark.parametrize(
    ("elements", "type_", "shape", "content_type", "said"),
    [
        (_elements(16), "<u2", (3, 5), OCTETS, "3x5, uint16, little endian"),
        (_elements(16, 1), ">i2", (3, 5), BIG_ENDIAN, "3x5, int16, big endian"),
        (_elements(8), "u1", (3, 5), BIG_ENDIAN, "3x5, uint8"),
        (_elements(8, samples=3, planar=0), "u1", (3, 5, 3), OCTETS, "3x5x3, uint8"),
        (_elements(8, samples=3, planar=1), "u1", (3, 3, 5), OCTETS, "3x3x5, uint8"),
        (_elements(32), "<u4", (3, 5), OCTETS, "3x5, uint32, little endian"),
        (_elements(32) | {"7FE00008": {}}, "<f4", (3, 5), OCTETS, "3x5, float32, little endian"),
        (_elements(64) | {"7FE00009": {}}, "<f8", (3, 5), OCTETS, "3x5, float64, little endian"),
    ],
)
def test_samples_are_read_as_it_says(
    tmp_path: Path, elements: dict[str, Any], type_: str, shape: tuple[int, ...], content_type: str, said: str
) -> None:
    samples = numpy.arange(numpy.prod(shape)).astype(type_).reshape(shape)
    found = raw.description(elements, Content(samples.tobytes(), content_type))
    words, _, line = found.partition(": ")
    (tmp_path / "x.raw").write_bytes(samples.tobytes())
    read = eval(line, {"numpy": numpy, "NAME": tmp_path / "x.raw"})
    assert (words, read.tolist()) == (said, samples.tolist())


def test_single_bits_are_unpacked(tmp_path: Path) -> None:
    bits = numpy.arange(15).reshape(3, 5) % 2
    packed = numpy.packbits(bits, bitorder="little").tobytes()
    words, _, line = raw.description(_elements(1), Content(packed, OCTETS)).partition(": ")
    (tmp_path / "x.raw").write_bytes(packed)
    assert words == "3x5, single bits, the lowest of a byte first"
    assert eval(line, {"numpy": numpy, "NAME": tmp_path / "x.raw"}).tolist() == bits.tolist()


def test_a_byte_that_makes_a_frame_even_is_left_out(tmp_path: Path) -> None:
    line = raw.description(_elements(8), Content(bytes(range(16)), OCTETS)).partition(": ")[2]
    (tmp_path / "x.raw").write_bytes(bytes(range(16)))
    assert eval(line, {"numpy": numpy, "NAME": tmp_path / "x.raw"}).tolist() == [
        [0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]
    ]  # fmt: skip


@pytest.mark.parametrize("elements", [{}, _elements(16), {"00280010": {"vr": "LO", "Value": ["x"]}}])
def test_nothing_is_claimed_that_the_bytes_disprove(elements: dict[str, Any]) -> None:
    assert raw.description(elements, Content(bytes(7), OCTETS)).startswith("7 bytes, which are not the ")

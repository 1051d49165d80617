"""Overlays (PS3.3 §C.9.2): planes of single bits that lie over an image, in groups 6000 to 601E."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmroom.dicom.json_model import first
from filmroom.pixels.codecs import Order
from filmroom.pixels.frame import Samples

Elements = Mapping[str, Any]
Bits = NDArray[np.bool_]

GROUPS = range(0x6000, 0x6020, 2)
ROWS, COLUMNS, ORIGIN, BITS_ALLOCATED, BIT_POSITION, DATA = 0x0010, 0x0011, 0x0050, 0x0100, 0x0102, 0x3000
NUMBER_OF_FRAMES, IMAGE_FRAME_ORIGIN = 0x0015, 0x0051


@dataclass(frozen=True, slots=True)
class Plane:
    """What one group says. `top` and `left` are image pixels, and may be below 0."""

    group: int
    rows: int
    columns: int
    top: int
    left: int
    first_frame: int | None  # of the image over which the first of the overlay's frames lies; None: over each
    frames: int
    bit: int | None  # which bit of the samples holds it; None: it has data of its own


def needed(elements: Elements) -> tuple[str, ...]:
    """The paths of the bulk values of all overlays."""
    keys = [f"{group:04X}{DATA:04X}" for group in GROUPS]
    return tuple(key for key in keys if "BulkDataURI" in elements.get(key, {}))


def draw(
    image: NDArray[np.uint8],
    elements: Elements,
    samples: Samples,
    number: int,
    order: Order,
    bulk: Mapping[str, bytes],
) -> NDArray[np.uint8]:
    """The image of Frame `number` with its overlays in white. What is no overlay that can be read is left out."""
    drawn = image.copy()
    for plane in _planes(elements):
        bits = _embedded(plane, samples) if plane.bit is not None else _own(plane, elements, number, order, bulk)
        if bits is not None:
            _lay_over(drawn, bits, plane.top, plane.left)
    return drawn


def _planes(elements: Elements) -> Iterator[Plane]:
    for group in GROUPS:
        rows, columns = (_number(elements, group, tag) for tag in (ROWS, COLUMNS))
        origin = elements.get(f"{group:04X}{ORIGIN:04X}", {}).get("Value") or [1, 1]
        if (
            not rows
            or not columns
            or min(rows, columns) < 0
            or len(origin) != 2
            or not all(isinstance(one, int) for one in origin)
        ):
            continue
        allocated, position = (_number(elements, group, tag) for tag in (BITS_ALLOCATED, BIT_POSITION))
        own = f"{group:04X}{DATA:04X}" in elements
        yield Plane(
            group,
            rows,
            columns,
            top=origin[0] - 1,
            left=origin[1] - 1,
            first_frame=_number(elements, group, IMAGE_FRAME_ORIGIN),
            frames=_number(elements, group, NUMBER_OF_FRAMES) or 1,
            bit=position if not own and (allocated or 0) > 1 else None,
        )


def _own(plane: Plane, elements: Elements, number: int, order: Order, bulk: Mapping[str, bytes]) -> Bits | None:
    index = 0 if plane.first_frame is None and plane.frames == 1 else number - (plane.first_frame or 1)
    if not 0 <= index < plane.frames:
        return None
    data = _data(f"{plane.group:04X}{DATA:04X}", elements, order, bulk)
    size = plane.rows * plane.columns
    if len(data) * 8 < (index + 1) * size:
        return None
    begin = index * size // 8
    some = np.frombuffer(data, "u1", offset=begin, count=(index * size + size + 7) // 8 - begin)
    shift = index * size % 8
    bits = np.unpackbits(some, bitorder="little")[shift : shift + size]
    return bits.reshape(plane.rows, plane.columns).astype(np.bool_)


def _data(key: str, elements: Elements, order: Order, bulk: Mapping[str, bytes]) -> bytes:
    """The bits, the first the lowest of the first byte; in a file of big endian words, of the second."""
    element = elements.get(key, {})
    if "InlineBinary" in element:
        return base64.b64decode(element["InlineBinary"])  # little endian, whatever is stored (PS3.18 §F.2.7)
    data = bulk.get(key, b"")
    if order == ">" and element.get("vr") == "OW":
        return np.frombuffer(data, "u2", len(data) // 2).byteswap().tobytes()
    return data


def _embedded(plane: Plane, samples: Samples) -> Bits | None:
    """In a bit of each sample that the image leaves unused (retired, PS3.5 §8.1.2)."""
    if samples.ndim != 2 or samples.dtype.kind == "f" or plane.bit is None or not 0 <= plane.bit < samples.itemsize * 8:
        return None
    return (samples.view(f"u{samples.itemsize}") >> plane.bit & 1).astype(np.bool_)


def _lay_over(image: NDArray[np.uint8], bits: Bits, top: int, left: int) -> None:
    rows, columns = image.shape[:2]
    bits = bits[max(-top, 0) :, max(-left, 0) :]
    top, left = max(top, 0), max(left, 0)
    bits = bits[: max(rows - top, 0), : max(columns - left, 0)]
    image[top : top + bits.shape[0], left : left + bits.shape[1]][bits] = 255


def _number(elements: Elements, group: int, tag: int) -> int | None:
    value = first(elements, (group << 16) | tag)
    return value if isinstance(value, int) else None

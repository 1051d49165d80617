"""What the samples in a .raw file are, in words and for numpy: Frames without compression say nothing of themselves."""

import math
from collections.abc import Mapping
from typing import Any

from filmroom.client import Content

_ROWS, _COLUMNS, _SAMPLES, _PLANAR = "00280010", "00280011", "00280002", "00280006"
_BITS, _SIGNED = "00280100", "00280103"
_FLOATS = {"7FE00008": 4, "7FE00009": 8}  # Float and Double Float Pixel Data, and bytes of a sample
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_ORDERS = {"": "", ">": ", big endian", "<": ", little endian"}
_NAMES = {"u": "uint", "i": "int", "f": "float"}


def description(elements: Mapping[str, Any], frame: Content) -> str:
    """`512x512, uint16, little endian: numpy.fromfile(NAME, "<u2").reshape(512, 512)`, or that it isn't so."""
    rows, columns, samples = (_number(elements, key, 1) for key in (_ROWS, _COLUMNS, _SAMPLES))
    shape = [rows, columns]
    if samples > 1:
        shape.insert(0 if _number(elements, _PLANAR, 0) else 2, samples)
    shown, count, reshaped = "x".join(map(str, shape)), math.prod(shape), f"reshape({', '.join(map(str, shape))})"
    if _number(elements, _BITS, 0) == 1:
        size, words = -(-count // 8), "single bits, the lowest of a byte first"
        unpacked = f'numpy.unpackbits(numpy.fromfile(NAME, "u1"), count={count}, bitorder="little").{reshaped}'
    else:
        kind, width = _type(elements)
        order = "" if width == 1 else ">" if frame.transfer_syntax == _BIG_ENDIAN else "<"
        size, words = count * width, f"{_NAMES[kind]}{width * 8}{_ORDERS[order]}"
        padded = f", count={count}" if len(frame) > size else ""
        unpacked = f'numpy.fromfile(NAME, "{order}{kind}{width}"{padded}).{reshaped}'
    # A Frame of odd length may come with the byte that makes its Pixel Data even.
    if len(frame) not in {size, size + size % 2}:
        return f"{len(frame)} bytes, which are not the {size} that the Metadata say"
    return f"{shown}, {words}: {unpacked}"


def _type(elements: Mapping[str, Any]) -> tuple[str, int]:
    """The kind of a sample, as numpy has it, and its bytes."""
    for key, size in _FLOATS.items():
        if key in elements:
            return "f", size
    return "i" if _number(elements, _SIGNED, 0) else "u", max(_number(elements, _BITS, 8) // 8, 1)


def _number(elements: Mapping[str, Any], key: str, default: int) -> int:
    value = (elements.get(key, {}).get("Value") or [default])[0]
    return value if isinstance(value, int) and value >= 0 else default

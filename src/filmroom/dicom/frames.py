"""Where each Frame of an Instance lies in its file, and how its bytes are cut out (PS3.5 §8, §A.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from struct import Struct, iter_unpack
from typing import Any

from filmroom.dicom import part10, wording
from filmroom.dicom.json_model import first
from filmroom.dicom.part10 import Element, File
from filmroom.dicom.wording import Wording
from filmroom.errors import NotFound

PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA = 0x7FE00010, 0x7FE00008, 0x7FE00009
EXTENDED_OFFSETS = 0x7FE00001
SAMPLES_PER_PIXEL, PHOTOMETRIC_INTERPRETATION, NUMBER_OF_FRAMES = 0x00280002, 0x00280004, 0x00280008
ROWS, COLUMNS, BITS_ALLOCATED = 0x00280010, 0x00280011, 0x00280100

# Bits of a pixel, as multiples of Bits Allocated, where the colours have fewer samples (PS3.3 §C.7.6.3.1.2).
SUBSAMPLED = {"YBR_FULL_422": 2.0, "YBR_PARTIAL_422": 2.0, "YBR_PARTIAL_420": 1.5}
# How images begin: JPEG and JPEG-LS, JPEG 2000 and HTJ2K, their file format, JPEG XL, its container.
_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"\xff\x0a", b"\0\0\0\x0cJXL ")
_SPAN = Struct("<QQ")

Fragments = Sequence[tuple[int, int]]  # offset of the Item, length of its content


@dataclass(frozen=True, slots=True)
class Frames:
    """The places of all Frames.

    Native: Frame n has the bits (n-1)*bits to n*bits from byte `start` on, and `spans` is empty. Encapsulated:
    `spans` has offset and length of each Frame, 64 bits little endian, its Items with their headers.
    """

    count: int
    start: int
    bits: int
    spans: bytes


def locate(file: File, elements: Mapping[str, Any]) -> Frames | None:
    """Find the Frames. None if there are no pixel data, or no way to tell where a Frame begins."""
    for tag in (PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA):
        element = file.elements.get(tag)
        if element is not None:
            count = max(_number(elements, NUMBER_OF_FRAMES, 1), 1)
            find = _encapsulated if element.encapsulated else _native
            return find(file, element, elements, count)
    return None


def check(numbers: Sequence[int], count: int, said: Wording = wording.STANDARD) -> None:
    """Refuse Frame numbers beyond the last."""
    if max(numbers) > count:
        raise NotFound(said.missing_frame.format(number=max(numbers), count=count or "none"))


def span(frames: Frames, number: int) -> tuple[int, int]:
    """Offset and length of the bytes to read for a Frame; the first is 1."""
    if not 1 <= number <= frames.count:
        raise NotFound("The specified frame cannot be found.")
    if frames.spans:
        offset, length = _SPAN.unpack_from(frames.spans, (number - 1) * _SPAN.size)
        return offset, length
    begin, end = (number - 1) * frames.bits, number * frames.bits
    return frames.start + begin // 8, (end + 7) // 8 - begin // 8


def extract(frames: Frames, number: int, raw: bytes) -> bytes:
    """The Frame in the bytes of its span."""
    if frames.spans:
        return _content(raw)
    shift = (number - 1) * frames.bits % 8
    if shift == 0 and frames.bits % 8 == 0:
        return raw
    # The first pixel is the lowest bit (PS3.5 §8.1.1).
    bits = int.from_bytes(raw, "little") >> shift & (1 << frames.bits) - 1
    return bits.to_bytes((frames.bits + 7) // 8, "little")


def _number(elements: Mapping[str, Any], tag: int, default: int) -> int:
    value = first(elements, tag)
    return value if isinstance(value, int) else default


def _native(file: File, element: Element, elements: Mapping[str, Any], count: int) -> Frames | None:
    allocated = _number(elements, BITS_ALLOCATED, 0)
    samples: float = _number(elements, SAMPLES_PER_PIXEL, 1)
    if samples == 3:
        samples = SUBSAMPLED.get(str(first(elements, PHOTOMETRIC_INTERPRETATION)), samples)
    bits = int(_number(elements, ROWS, 0) * _number(elements, COLUMNS, 0) * allocated * samples)
    if count == 1 and allocated <= 8 and element.vr == "OW" and file.transfer_syntax.big_endian:
        bits = (bits + 15) // 16 * 16  # bytes are swapped by twos: padding comes before the last of an odd number
    whole = min(count, element.length * 8 // bits) if bits > 0 else 0
    return Frames(whole, element.offset, bits, b"") if whole else None


def _encapsulated(file: File, element: Element, _: Mapping[str, Any], count: int) -> Frames | None:
    """Give each Frame its fragments, by the best of what there is."""
    fragments = part10.fragments(file, element)
    tables = (_extended_offsets(file, count), _basic_offsets(file, fragments[:1], count))
    del fragments[:1]
    if not fragments or file.transfer_syntax.big_endian:
        return None
    starts = (
        _only(count)
        or _by_table(tables[0], fragments)
        or _by_table(tables[1], fragments)
        or _one_each(fragments, count)
        or _by_signature(file, fragments, count)
    )
    if not starts:
        return None
    offsets = [fragments[index][0] for index in starts]
    ends = [*offsets[1:], element.offset + element.length]
    spans = b"".join(_SPAN.pack(offset, end - offset) for offset, end in zip(offsets, ends, strict=True))
    return Frames(count, offsets[0], 0, spans)


def _extended_offsets(file: File, count: int) -> Sequence[int]:
    """Extended Offset Table (PS3.3 §C.7.6.3.1.8), if it has an entry for each Frame."""
    element = file.elements.get(EXTENDED_OFFSETS)
    if element is None or element.length != 8 * count:
        return []
    return [offset for (offset,) in iter_unpack("<Q", file.buffer[element.offset : element.offset + element.length])]


def _basic_offsets(file: File, table: Fragments, count: int) -> Sequence[int]:
    """Basic Offset Table (PS3.5 §A.4), if it has an entry for each Frame."""
    if not table or table[0][1] != 4 * count:
        return []
    begin = table[0][0] + 8
    return [offset for (offset,) in iter_unpack("<I", file.buffer[begin : begin + 4 * count])]


# Each of these tells with which fragment each Frame begins, or nothing if it can't.


def _only(count: int) -> Sequence[int]:
    return [0] if count == 1 else []


def _by_table(offsets: Sequence[int], fragments: Fragments) -> Sequence[int]:
    """By an offset table, if its entries are places of fragments and ascend from the first."""
    first_item = fragments[0][0]
    indexes = {item - first_item: index for index, (item, _) in enumerate(fragments)}
    starts = [indexes.get(offset, -1) for offset in offsets]
    valid = starts[:1] == [0] and all(one < other for one, other in pairwise(starts))
    return starts if valid else []


def _one_each(fragments: Fragments, count: int) -> Sequence[int]:
    return range(count) if len(fragments) == count else []


def _by_signature(file: File, fragments: Fragments, count: int) -> Sequence[int]:
    """By the bytes with which a compressed image begins."""
    starts = [
        index
        for index, (item, length) in enumerate(fragments)
        if bytes(file.buffer[item + 8 : item + 8 + min(length, 8)]).startswith(_STARTS)
    ]
    return starts if len(starts) == count and starts[0] == 0 else []


def _content(raw: bytes) -> bytes:
    """What is in the Items of a Frame."""
    position, contents = 0, []
    while position < len(raw):
        length = int.from_bytes(raw[position + 4 : position + 8], "little")
        contents.append(raw[position + 8 : position + 8 + length])
        position += 8 + length
    return b"".join(contents)

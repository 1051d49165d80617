"""How samples are to be shown, gathered from the data set: lookup tables, windows, palettes (PS3.3 §C.11, §C.7.9)."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmroom.dicom.json_model import first, items
from filmroom.errors import NotAcceptable
from filmroom.pixels import segments
from filmroom.pixels.codecs import Order
from filmroom.pixels.frame import Samples
from filmroom.pixels.segments import UNREADABLE

Elements = Mapping[str, Any]  # of the DICOM JSON Model
Bulk = Mapping[str, bytes]  # the path of a bulk value ("00281201", "00283010/1/00283006") -> its bytes

RESCALE_INTERCEPT, RESCALE_SLOPE = 0x00281052, 0x00281053
WINDOW_CENTER, WINDOW_WIDTH, VOI_LUT_FUNCTION = 0x00281050, 0x00281051, 0x00281056
PIXEL_PADDING_VALUE, PIXEL_PADDING_RANGE_LIMIT = 0x00280120, 0x00280121
HIGH_BIT, PRESENTATION_LUT_SHAPE, PIXEL_PRESENTATION = 0x00280102, 0x20500020, 0x00089205
MODALITY_LUTS, VOI_LUTS, LUT_DESCRIPTOR, LUT_DATA = "00283000", "00283010", "00283002", "00283006"
PALETTE_DESCRIPTORS = ("00281101", "00281102", "00281103")
PALETTE_DATA = ("00281201", "00281202", "00281203")
SEGMENTED_PALETTE_DATA = ("00281221", "00281222", "00281223")

# Functional groups of enhanced images, and those of them that tell how to show a Frame (PS3.3 §C.7.6.16.2).
GROUPS = ("52009229", "52009230")  # for all Frames, for each
DISPLAY_GROUPS = ("00289145", "00289132")  # Pixel Value Transformation, Frame VOI LUT


@dataclass(frozen=True, slots=True)
class LookupTable:
    """`start` has the first entry, what is above it the next; the ends serve all beyond (PS3.3 §C.11.1.1)."""

    start: int
    entries: NDArray[Any]
    bits: int

    def apply(self, samples: Samples) -> Samples:
        """The entry of each sample."""
        index = np.clip(samples.astype(np.int64) - self.start, 0, len(self.entries) - 1)
        entries: Samples = self.entries[index]
        return entries

    def shades(self, samples: Samples) -> NDArray[np.float64]:
        """The entries as shades from 0 to 1."""
        return np.clip(self.apply(samples) / float((1 << self.bits) - 1), 0, 1)


@dataclass(frozen=True, slots=True)
class Window:
    """The range of values that gets all shades (PS3.3 §C.11.2.1.2, §C.11.2.1.3)."""

    center: float
    width: float
    function: str = "LINEAR"

    def shades(self, samples: Samples) -> NDArray[np.float64]:
        """Shades from 0 to 1."""
        values = samples.astype(np.float64)
        if self.function == "SIGMOID":
            sigmoid: NDArray[np.float64] = 1 / (
                1 + np.exp(np.clip(-4 * (values - self.center) / self.width, -700, 700))
            )
            return sigmoid
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        if self.width <= 1:
            return (values > self.center - 0.5).astype(np.float64)
        return np.clip((values - (self.center - 0.5)) / (self.width - 1) + 0.5, 0, 1)


@dataclass(frozen=True, slots=True)
class Range:
    """The values from the least to the greatest get all shades, where nothing says which are of interest."""

    least: float
    most: float

    def shades(self, samples: Samples) -> NDArray[np.float64]:
        """Shades from 0 to 1."""
        return np.clip((samples - self.least) / ((self.most - self.least) or 1.0), 0, 1)


@dataclass(frozen=True, slots=True)
class Palette:
    """The tables of red, green and blue (PS3.3 §C.7.6.3.1.5, §C.7.9)."""

    tables: tuple[LookupTable, ...]

    @property
    def start(self) -> int:
        """The first sample that has a color of its own."""
        return self.tables[0].start

    def paint(self, samples: Samples) -> NDArray[np.uint8]:
        """The colors of samples."""
        # Some say 16 bits and use 8. A palette that really were that dark would be black anyway.
        shift = 8 if max(int(table.entries.max()) for table in self.tables) > 0xFF else 0
        return (np.stack([table.apply(samples) for table in self.tables], axis=-1) >> shift).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Display:
    """What is to be done to the samples of one grey Frame, in the order of the fields."""

    high_bit: int  # of what is stored of each sample
    padding: tuple[float, float] | None  # samples in this range are no image
    modality: LookupTable | None
    slope: float
    intercept: float
    values_of_interest: LookupTable | Window | None
    inverted: bool
    supplement: Palette | None  # for samples from its first on

    def in_units(self, samples: Samples) -> Samples:
        """The values that the samples stand for: Hounsfield units and such (PS3.3 §C.11.1)."""
        return self.modality.apply(samples) if self.modality else samples * self.slope + self.intercept


def describe(
    elements: Elements,
    number: int,
    order: Order,
    bulk: Bulk,
    photometric: str = "MONOCHROME2",
    window: tuple[float, float, str] | None = None,
) -> Display:
    """How grey Frame `number` is to be shown. Numbers in bulk values are in the byte order of the file.

    `window` takes the place of what the data set says of values of interest.
    """
    here = _of_frame(elements, number)
    slope, intercept = _number(here, RESCALE_SLOPE), _number(here, RESCALE_INTERCEPT)
    interest = Window(*window) if window else _first_table(here, VOI_LUTS, order, bulk) or _window(here)
    return Display(
        high_bit=high_bit(elements),
        padding=_padding(here),
        modality=_first_table(here, MODALITY_LUTS, order, bulk),
        slope=1.0 if slope is None else slope,
        intercept=intercept or 0.0,
        values_of_interest=interest,
        # The shape is INVERSE where the photometric interpretation is MONOCHROME1: that is one inversion, not two.
        inverted=photometric == "MONOCHROME1" or first(here, PRESENTATION_LUT_SHAPE) == "INVERSE",
        supplement=palette(elements, order, bulk) if _is_supplemented(here) else None,
    )


def high_bit(elements: Elements) -> int:
    """The highest bit of what is stored of each sample; 0 where that is not said."""
    return int(_number(elements, HIGH_BIT) or 0)


def needed(elements: Elements, number: int = 1) -> tuple[str, ...]:
    """The paths of the bulk values without which Frame `number` can't be shown."""
    here = _of_frame(elements, number)
    tables = [here.get(key, {}) for key in PALETTE_DATA + SEGMENTED_PALETTE_DATA]
    tables += [item.get(LUT_DATA, {}) for key in (MODALITY_LUTS, VOI_LUTS) for item in items(here, key)]
    return tuple(_path(table) for table in tables if "BulkDataURI" in table)


def palette(elements: Elements, order: Order, bulk: Bulk) -> Palette:
    """The palette of the data set."""
    segmented = SEGMENTED_PALETTE_DATA[0] in elements
    read = _segmented_table if segmented else _table
    data = SEGMENTED_PALETTE_DATA if segmented else PALETTE_DATA
    return Palette(
        tuple(
            read(elements.get(descriptor, {}), elements.get(key, {}), order, bulk)
            for descriptor, key in zip(PALETTE_DESCRIPTORS, data, strict=True)
        )
    )


def _of_frame(elements: Elements, number: int) -> Elements:
    """The data set with what its functional groups say of one Frame."""
    merged = dict(elements)
    for key, index in zip(GROUPS, (0, number - 1), strict=True):
        for item in items(elements, key)[index : index + 1]:
            for group in DISPLAY_GROUPS:
                for attributes in items(item, group)[:1]:
                    merged.update(attributes)
    return merged


def _number(elements: Elements, tag: int) -> float | None:
    value = first(elements, tag)
    return float(value) if isinstance(value, (int, float)) else None


def _padding(elements: Elements) -> tuple[float, float] | None:
    value, limit = _number(elements, PIXEL_PADDING_VALUE), _number(elements, PIXEL_PADDING_RANGE_LIMIT)
    if value is None:
        return None
    return (value, value) if limit is None else (min(value, limit), max(value, limit))


def _is_supplemented(elements: Elements) -> bool:
    """Some samples of this grey image have colors (PS3.3 §C.7.6.19, §C.8.16.2.1.1.1)."""
    return PALETTE_DESCRIPTORS[0] in elements and first(elements, PIXEL_PRESENTATION) in ("COLOR", "MIXED")


def _window(elements: Elements) -> Window | None:
    center, width = _number(elements, WINDOW_CENTER), _number(elements, WINDOW_WIDTH)
    if center is None or width is None or width <= 0:
        return None
    return Window(center, width, str(first(elements, VOI_LUT_FUNCTION) or "LINEAR").upper())


def _first_table(elements: Elements, key: str, order: Order, bulk: Bulk) -> LookupTable | None:
    for item in items(elements, key):
        return _table(item.get(LUT_DESCRIPTOR, {}), item.get(LUT_DATA, {}), order, bulk)
    return None


def _table(descriptor: Elements, data: Elements, order: Order, bulk: Bulk) -> LookupTable:
    count, start, bits = _description(descriptor)
    return LookupTable(start, _entries(data, count, order, bulk), bits)


def _segmented_table(descriptor: Elements, data: Elements, order: Order, bulk: Bulk) -> LookupTable:
    count, start, bits = _description(descriptor)
    words = _words(data, order, bulk)
    numbers = words.view("u1") if bits == 8 else words
    entries = segments.expand(numbers.tolist(), count, numbers.itemsize)
    if not entries:
        raise NotAcceptable(UNREADABLE)
    return LookupTable(start, np.array(entries, "u2"), bits)


def _description(descriptor: Elements) -> tuple[int, int, int]:
    """Number of entries, first sample that has one, bits of each."""
    match descriptor:
        case {"vr": "US" | "SS", "Value": [count, start, bits]} if 0 < bits <= 16:
            return (count & 0xFFFF) or 0x10000, start, bits
    raise NotAcceptable(UNREADABLE)


def _words(data: Elements, order: Order, bulk: Bulk) -> NDArray[np.uint16]:
    if "Value" in data:
        return _values(data).astype("<u2")
    raw = _bytes(data, bulk)
    return np.frombuffer(raw, f"{order}u2", len(raw) // 2).astype("<u2")


def _entries(data: Elements, count: int, order: Order, bulk: Bulk) -> NDArray[Any]:
    """Entries of 16 bits, or of 8 where only that many bytes are there."""
    if "Value" in data:
        entries = _values(data)
    else:
        raw = _bytes(data, bulk)
        if len(raw) >= 2 * count:
            entries = np.frombuffer(raw, f"{order}u2", count)
        else:
            entries = _words(data, order, bulk).view("u1")
    if len(entries) == 0:
        raise NotAcceptable(UNREADABLE)
    return entries[:count]


def _values(data: Elements) -> NDArray[np.int64]:
    if data["vr"] not in ("US", "SS"):
        raise NotAcceptable(UNREADABLE)
    return np.asarray(data["Value"], dtype=np.int64) & 0xFFFF


def _bytes(element: Elements, bulk: Bulk) -> bytes:
    if "InlineBinary" in element:
        return base64.b64decode(element["InlineBinary"])
    return bulk.get(_path(element), b"")


def _path(element: Elements) -> str:
    return str(element.get("BulkDataURI", "")).rpartition("bulkdata/")[2]

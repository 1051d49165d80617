import base64
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from filmroom.errors import NotAcceptable
from filmroom.pixels import display
from filmroom.pixels.codecs import Order
from filmroom.pixels.display import Display, LookupTable, Window

PLAIN = Display(
    high_bit=0,
    padding=None,
    modality=None,
    slope=1,
    intercept=0,
    values_of_interest=None,
    inverted=False,
    supplement=None,
)


def us(*values: int) -> dict[str, Any]:
    return {"vr": "US", "Value": list(values)}


def ds(*values: object) -> dict[str, Any]:
    return {"vr": "DS", "Value": list(values)}


def sequence(*items: dict[str, Any]) -> dict[str, Any]:
    return {"vr": "SQ", "Value": list(items)}


def bulk(path: str) -> dict[str, Any]:
    return {"vr": "OW", "BulkDataURI": f"bulkdata/{path}"}


def described(elements: dict[str, Any], number: int = 1) -> Display:
    return display.describe(elements, number, "<", {})


def test_nothing_said_is_nothing_done() -> None:
    assert described({}) == PLAIN


def test_rescale_and_the_first_window_are_found() -> None:
    found = described({"00281052": ds(-1024), "00281053": ds(2), "00281050": ds(40, 300), "00281051": ds(80, 1500)})
    assert (found.slope, found.intercept, found.values_of_interest) == (2, -1024, Window(40, 80))


@pytest.mark.parametrize("width", [0, -5, "wide", None])
def test_a_window_without_a_width_is_none(width: object) -> None:
    assert described({"00281050": ds(40), "00281051": ds(width)}).values_of_interest is None


@pytest.mark.parametrize(
    ("elements", "padding"),
    [
        ({"00280120": us(7)}, (7, 7)),
        ({"00280120": us(7), "00280121": us(0)}, (0, 7)),
        ({"00280120": us(7), "00280121": us(9)}, (7, 9)),
    ],
)
def test_padding_is_a_value_or_a_range(elements: dict[str, Any], padding: tuple[float, float]) -> None:
    assert described(elements).padding == padding


def test_tables_come_before_windows() -> None:
    item = {"00283002": us(3, 10, 8), "00283006": us(1, 2, 3)}
    found = described({"00283010": sequence(item), "00281050": ds(40), "00281051": ds(80)}).values_of_interest
    assert isinstance(found, LookupTable)
    assert (found.start, found.entries.tolist(), found.bits) == (10, [1, 2, 3], 8)


def test_a_window_that_is_asked_for_comes_before_all() -> None:
    item = {"00283002": us(3, 10, 8), "00283006": us(1, 2, 3)}
    elements = {"00283010": sequence(item), "00281050": ds(40), "00281051": ds(80)}
    found = display.describe(elements, 1, "<", {}, window=(1, 2, "SIGMOID")).values_of_interest
    assert found == Window(1, 2, "SIGMOID")


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("shape", ["INVERSE", "IDENTITY"])
def test_an_image_is_inverted_once(photometric: str, shape: str) -> None:
    elements = {"20500020": {"vr": "CS", "Value": [shape]}}
    inverted = display.describe(elements, 1, "<", {}, photometric).inverted
    assert inverted == (photometric == "MONOCHROME1" or shape == "INVERSE")


def test_functional_groups_speak_for_their_frame() -> None:
    def rescale(slope: int) -> dict[str, Any]:
        return {"00289145": sequence({"00281053": ds(slope), "00281052": ds(0)})}

    window = {"00289132": sequence({"00281050": ds(5), "00281051": ds(10)})}
    elements = {"52009229": sequence(window), "52009230": sequence(rescale(2), rescale(3))}
    assert described(elements, 2) == replace(PLAIN, slope=3, values_of_interest=Window(5, 10))
    assert described(elements, 3).slope == 1


def test_entries_beyond_the_ends_are_those_at_the_ends() -> None:
    table = LookupTable(-1, np.array([10, 20, 30]), 8)
    assert table.apply(np.array([-300, -1, 0, 1, 2, 300], "i2")).tolist() == [10, 10, 20, 30, 30, 30]


def test_entries_are_shades_of_their_bits() -> None:
    table = LookupTable(0, np.array([0, 0x3FF, 0xFFF, 0xFFFF], "u2"), 12)
    assert table.shades(np.arange(4)).tolist() == pytest.approx([0, 0x3FF / 0xFFF, 1, 1])


@pytest.mark.parametrize(
    ("window", "values", "shades"),
    [
        # PS3.3 §C.11.2.1.2: c=2048 and w=4096 use 0 to 4095, c=2048 and w=1 is a threshold.
        (Window(2048, 4096), [-1, 0, 4095, 4096], [0, 0, 1, 1]),
        (Window(2048, 1), [2047, 2048], [0, 1]),
        (Window(0, 100), [-50, -0.5, 49], [0, 0.5, 1]),
        (Window(0, 100, "LINEAR_EXACT"), [-51, -50, 0, 50, 51], [0, 0, 0.5, 1, 1]),
        (Window(0, 100, "SIGMOID"), [-1e9, 0, 1e9], [0, 0.5, 1]),
    ],
)
def test_windows_are_those_of_the_standard(window: Window, values: list[float], shades: list[float]) -> None:
    assert window.shades(np.array(values)).tolist() == pytest.approx(shades)


@pytest.mark.parametrize(
    ("data", "order"),
    [
        ({"vr": "OW", "InlineBinary": base64.b64encode(b"\1\0\2\1").decode()}, "<"),
        ({"vr": "OW", "BulkDataURI": "http://host/instances/1/bulkdata/00283000/1/00283006"}, ">"),
        (us(1, 0x102), "<"),
        ({"vr": "SS", "Value": [1, 0x102]}, "<"),
    ],
)
def test_entries_are_found_in_every_form(data: dict[str, Any], order: Order) -> None:
    elements = {"00283000": sequence({"00283002": us(2, 0, 16), "00283006": data})}
    table = display.describe(elements, 1, order, {"00283000/1/00283006": b"\0\1\1\2"}).modality
    assert table is not None
    assert table.entries.tolist() == [1, 0x102]


@pytest.mark.parametrize(("raw", "order"), [(b"\1\2\3\0", "<"), (b"\2\1\0\3", ">")])
def test_entries_may_have_eight_bits(raw: bytes, order: Order) -> None:
    elements = {"00283000": sequence({"00283002": us(3, 0, 8), "00283006": bulk("lut")})}
    table = display.describe(elements, 1, order, {"lut": raw}).modality
    assert table is not None
    assert table.entries.tolist() == [1, 2, 3]


@pytest.mark.parametrize("item", [{}, {"00283002": us(3, 0)}, {"00283002": us(3, 0, 16)}, {"00283002": us(3, 0, 77)}])
def test_a_damaged_table_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises(NotAcceptable):
        described({"00283000": sequence(item)})


def test_the_bulk_values_that_are_needed_are_named() -> None:
    inner = {"00283006": bulk("52009229/1/00289132/1/00283010/1/00283006")}
    group = {"00289132": sequence({"00283010": sequence(inner)})}
    elements = {"00281201": bulk("00281201"), "00281202": us(1), "52009229": sequence(group)}
    assert display.needed(elements) == ("00281201", "52009229/1/00289132/1/00283010/1/00283006")


def palette(descriptor: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    elements = dict.fromkeys(display.PALETTE_DESCRIPTORS, descriptor)
    return elements | {key: bulk(key) for key in keys}


@pytest.mark.parametrize(("bits", "high"), [(16, 256), (16, 1), (8, 1)])
def test_palettes_give_eight_bits(bits: int, high: int) -> None:
    elements = palette(us(2, 5, bits), display.PALETTE_DATA)
    values = {key: np.array([n * high, 200 * high], "<u2").tobytes() for n, key in enumerate(display.PALETTE_DATA)}
    colours = display.palette(elements, "<", values).paint(np.array([[5, 6]], "u1"))
    assert colours.dtype == np.uint8
    assert colours.tolist() == [[[0, 1, 2], [200, 200, 200]]]


def test_a_dark_region_of_a_palette_stays_dark() -> None:
    elements = palette(us(2, 0, 16), display.PALETTE_DATA)
    values = dict.fromkeys(display.PALETTE_DATA, np.array([0x80, 0xFF00], "<u2").tobytes())
    assert display.palette(elements, "<", values).paint(np.array([0])).tolist() == [[0, 0, 0]]


def test_a_grey_image_may_have_a_palette_for_some_of_its_values() -> None:
    elements = palette(us(2, 5, 8), display.PALETTE_DATA) | {"00089205": {"vr": "CS", "Value": ["COLOR"]}}
    values = dict.fromkeys(display.PALETTE_DATA, bytes([1, 2, 3, 4]))
    supplement = display.describe(elements, 1, "<", values).supplement
    assert supplement is not None
    assert supplement.start == 5
    assert display.describe(elements | {"00089205": {"vr": "CS"}}, 1, "<", values).supplement is None


def test_segmented_palettes_are_expanded() -> None:
    elements = palette(us(4, 0, 16), display.SEGMENTED_PALETTE_DATA)
    segments = np.array([0, 1, 0x0100, 1, 3, 0x0400], "<u2").tobytes()  # one entry, then a line over three
    values = dict.fromkeys(display.SEGMENTED_PALETTE_DATA, segments)
    colours = display.palette(elements, "<", values).paint(np.array([[0, 1, 2, 3]], "u1"))
    assert colours[0, :, 0].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("data", [bulk("lut"), us(0x0100, 0x0107, 0x0902)])
def test_segmented_palettes_may_have_eight_bits(data: dict[str, Any]) -> None:
    elements = palette(us(3, 0, 8), ()) | dict.fromkeys(display.SEGMENTED_PALETTE_DATA, data)
    colours = display.palette(elements, "<", {"lut": bytes([0, 1, 7, 1, 2, 9])}).paint(np.array([[0, 1, 2]], "u1"))
    assert colours[0, :, 0].tolist() == [7, 8, 9]


@pytest.mark.parametrize("segments", [b"", b"\1", b"\7\0\1\0"])
def test_a_damaged_segmented_palette_is_refused(segments: bytes) -> None:
    elements = palette(us(4, 0, 16), display.SEGMENTED_PALETTE_DATA)
    with pytest.raises(NotAcceptable):
        display.palette(elements, "<", dict.fromkeys(display.SEGMENTED_PALETTE_DATA, segments)).paint(
            np.array([[0]], "u1")
        )

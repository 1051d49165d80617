"""The picture of a group: what it says to eyes and to readers, and that no title breaks it."""

from typing import Any
from xml.etree import ElementTree

from bench import graph
from tests.bench.test_tables import row

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*rows: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(graph.graph("A <group> & more", rows))


def test_titles_are_text_and_the_picture_says_what_it_shows() -> None:
    picture = drawn(row(30, 10, goal=2) | {"title": 'A "b" <c> & d'})
    assert picture.findtext(f"{SVG}title") == "A <group> & more"
    assert picture.findtext(f"{SVG}desc") == 'A "b" <c> & d: 3 times, goal 2'
    assert 'A "b" <c> & d' in {text.text for text in picture.iter(f"{SVG}text")}


def test_bars_go_from_one_to_the_ratio_and_the_colour_says_whether_the_goal_is_met() -> None:
    rows = [row(30, 10, goal=2), row(30, 10, goal=5), row(10, 30, goal=2)]
    bars = [bar for bar in drawn(*rows).iter(f"{SVG}rect") if bar.get("height") == str(graph.LINE - 12)]
    assert [bar.get("fill") for bar in bars] == [graph.GOOD, graph.FAIR, graph.POOR]
    starts, widths = [float(bar.get("x", 0)) for bar in bars], [float(bar.get("width", 0)) for bar in bars]
    assert starts[0] == starts[1] == round(starts[2] + widths[2], 1)
    assert abs(widths[0] - widths[2]) < 0.2  # three times better is as long as three times worse


def test_everything_stays_within_the_picture_however_far_apart_the_ratios_are() -> None:
    for values in ((1e6, 1), (1, 1e5), (5, 5)):
        for bar in drawn(row(*values), row(30, 10, goal=50)).iter(f"{SVG}rect"):
            x, width = float(bar.get("x", 0)), float(bar.get("width", 0))
            assert 0 <= x <= x + width <= graph.WIDTH


def test_a_row_without_a_peer_is_not_drawn() -> None:
    assert len([text for text in drawn(row(30, None), row(30, 10)).iter(f"{SVG}text") if text.text == "A row"]) == 1

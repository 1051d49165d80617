"""The picture of a group: what it says to eyes and to readers, and that no title breaks it."""

from typing import Any
from xml.etree import ElementTree

import pytest

from bench import graph
from tests.bench.test_tables import limit, row

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*rows: dict[str, Any]) -> ElementTree.Element:
    servers = ["Filmroom 1", "Orthanc 1"][: len(rows[0]["servers"])]
    return ElementTree.fromstring(graph.graph("A <group> & more", {"servers": servers, "date": "2026-01-02"}, rows))


def texts(picture: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


def bars(picture: ElementTree.Element) -> list[ElementTree.Element]:
    return [bar for bar in picture.iter(f"{SVG}rect") if bar.get("height") == str(graph.LINE - 12)]


def test_titles_are_text_and_the_picture_says_what_it_shows() -> None:
    picture = drawn(row(30, 10, goal=2) | {"title": 'A "b" <c> & d'})
    assert picture.findtext(f"{SVG}title") == "A <group> & more"
    said = '1 of 1 goals met; least: A "b" <c> & d, 1.5 of its goal. A "b" <c> & d: 3 x ✓, goal 2 x'
    assert picture.findtext(f"{SVG}desc") == said
    assert {'A "b" <c> & d', "A: Filmroom 1", "B: Orthanc 1"} <= set(texts(picture))
    assert any(text.startswith("2026-01-02. ") and "logarithmic" in text for text in texts(picture))


def test_bars_go_from_one_to_the_ratio_and_the_colour_says_whether_all_goals_are_met() -> None:
    rows = [row(30, 10, goal=2), row(30, 10, goal=5), row(10, 30, goal=2), row(30, 10, goal=2, limit=limit(100, 0.6))]
    rows += [row(30, 10, more=False, most=20), row(10, 30), row(25, 30, goal=0.5)]
    found = bars(drawn(*rows))
    assert [bar.get("class") for bar in found] == ["good", "fair", "poor", "fair", "poor", "poor", "good"]
    starts, widths = [float(bar.get("x", 0)) for bar in found], [float(bar.get("width", 0)) for bar in found]
    assert starts[0] == starts[1] == round(starts[2] + widths[2], 1)
    assert abs(widths[0] - widths[2]) < 0.2  # three times better is as long as three times worse


def test_everything_stays_within_the_picture_however_far_apart_the_ratios_are() -> None:
    for values in ((1e6, 1), (1, 1e5), (5, 5)):
        for bar in drawn(row(*values), row(30, 10, goal=50)).iter(f"{SVG}rect"):
            x, width = float(bar.get("x", 0)), float(bar.get("width", 0))
            assert 0 <= x <= x + width <= graph.WIDTH


def test_a_row_without_a_peer_is_not_drawn_and_one_that_failed_is_drawn_as_failed() -> None:
    alone = row(30, 10)
    alone["servers"][1] |= {"figure": None}
    assert "A row" not in texts(drawn(alone))
    assert "FAILED" in texts(drawn(row(None, 10)))
    assert "B FAILED" in texts(drawn(row(30, None)))
    assert "1.5 x C FAILED" in texts(drawn(row(30, 20, None)))


def test_of_a_single_server_the_goals_are_what_it_is_compared_with() -> None:
    picture = drawn(row(1.5, more=False, most=3), row(6, more=False, most=3), row(1, more=False))
    assert [bar.get("class") for bar in bars(picture)] == ["good", "fair"]


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", [graph.LIGHT, graph.DARK])
def test_colours_can_be_told_from_what_is_behind_them(colours: dict[str, str]) -> None:
    paper = luminance(colours["paper"])
    for name, colour in colours.items():
        light, dark = sorted([paper, luminance(colour)], reverse=True)
        least = {"paper": 1.0, "ink": 7.0, "poor": 4.5}.get(name, 3.0)  # what failed is said in the colour of the worst
        assert (light + 0.05) / (dark + 0.05) >= least, name


def test_who_asked_for_a_dark_page_gets_dark_pictures() -> None:
    assert "@media (prefers-color-scheme:dark)" in (drawn(row(30, 10)).findtext(f"{SVG}style") or "")

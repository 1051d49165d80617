"""Annotations say what the file says, in letters that the font has, and where they belong."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmroom.pixels import annotations


def of(**values: Any) -> dict[str, Any]:
    return {key[1:]: {"vr": "PN" if key == "_00100010" else "LO", "Value": [value]} for key, value in values.items()}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ({"Alphabetic": "Müller^Zoë"}, "Muller Zoe"),
        ({"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}, "Yamada Tarou"),
        ({"Alphabetic": "山田"}, "??"),
    ],
)
def test_names_are_in_letters_that_the_font_has(name: dict[str, str], line: str) -> None:
    assert annotations.lines(of(_00100010=name), annotations.PATIENT) == [line]


def test_lines_hold_what_is_there() -> None:
    elements = of(_00100020="P7", _00100040="F", _00180060=120, _00180050=1.25)
    assert annotations.lines(elements, annotations.PATIENT) == ["ID P7", "F"]
    assert annotations.lines(elements, annotations.TECHNIQUE) == ["kV 120  mm 1.25"]


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(("annotation", "quarter"), [("patient", 0), ("technique", 1)])
def test_text_stands_in_its_corner(mode: str, annotation: str, quarter: int) -> None:
    image = annotations.draw(Image.new(mode, (400, 400)), of(_00100020="P7", _00080060="CT"), [annotation])
    pixels = np.asarray(image)
    upper, lower = pixels[:200, :200], pixels[200:, :200]
    assert [bool(half.any()) for half in (upper, lower)] == [quarter == 0, quarter == 1]
    assert not pixels[:, 200:].any()


def test_an_image_may_be_smaller_than_its_text() -> None:
    assert annotations.draw(Image.new("L", (4, 2)), of(_00100020="P" * 64), ["patient"]).size == (4, 2)


def test_nothing_asked_for_is_nothing_drawn() -> None:
    image = Image.new("L", (100, 100))
    assert not np.asarray(annotations.draw(image, of(_00100020="P7"), [])).any()

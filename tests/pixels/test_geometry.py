"""Sizes, regions and mirrored images (PS3.18 §8.3.5.1.3)."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmroom.dicom.presentation import Presentation, Viewport
from filmroom.errors import BadParameter, NotAcceptable
from filmroom.pixels import geometry

RAMP = Image.fromarray(np.arange(6, dtype="u1").reshape(2, 3))  # 0 1 2 / 3 4 5


def fitted(viewport: Viewport | None, image: Any = RAMP, height: float = 1.0) -> Any:
    return geometry.fit(image, Presentation(viewport=viewport), height)


@pytest.mark.parametrize(
    ("viewport", "size"),
    [
        (None, (300, 200)),
        (Viewport(150, 150), (150, 100)),
        (Viewport(600, 400), (600, 400)),
        (Viewport(600, 100), (150, 100)),
        (Viewport(1, 1), (1, 1)),
        (Viewport(100, 100, region_width=50, region_height=50), (100, 100)),
        (Viewport(100, 100, left=200), (50, 100)),
        (Viewport(150, None), (150, 100)),
        (Viewport(None, 50), (75, 50)),
        (Viewport(None, None, left=0.5, top=0.25, region_width=0.5, region_height=0.5, relative=True), (150, 100)),
    ],
)
def test_an_image_is_as_large_as_the_viewport_allows(viewport: Viewport | None, size: tuple[int, int]) -> None:
    assert fitted(viewport, Image.new("L", (300, 200))).size == size


@pytest.mark.parametrize(
    ("height", "viewport", "size"),
    [
        (2.0, None, (100, 200)),
        (0.5, None, (200, 100)),
        (1.001, None, (100, 100)),
        (2.0, Viewport(50, 50), (25, 50)),
    ],
)
def test_pixels_are_made_square(height: float, viewport: Viewport | None, size: tuple[int, int]) -> None:
    assert fitted(viewport, Image.new("RGB", (100, 100)), height).size == size


def sequence(*items: dict[str, Any]) -> dict[str, Any]:
    return {"vr": "SQ", "Value": list(items)}


def test_a_region_is_cut_out() -> None:
    viewport = Viewport(2, 1, left=1, top=1, region_width=2, region_height=1)
    assert np.asarray(fitted(viewport)).tolist() == [[4, 5]]


def test_an_image_is_mirrored_and_turned_upside_down() -> None:
    assert np.asarray(fitted(Viewport(3, 2, mirrored=True))).tolist() == [[2, 1, 0], [5, 4, 3]]
    assert np.asarray(fitted(Viewport(3, 2, flipped=True))).tolist() == [[3, 4, 5], [0, 1, 2]]


def test_fewer_pixels_are_the_mean_of_those_they_stand_for() -> None:
    stripes = Image.fromarray(np.tile(np.array([0, 200], "u1"), (64, 32)))
    assert abs(np.asarray(fitted(Viewport(8, 8), stripes)).astype(int) - 100).max() <= 20


@pytest.mark.parametrize(
    "viewport",
    [Viewport(9, 9, left=3), Viewport(9, 9, region_width=4), Viewport(9, 9, top=1, region_height=2)],
)
def test_a_region_outside_is_refused_with_the_size(viewport: Viewport) -> None:
    with pytest.raises(BadParameter, match="3 columns and 2 rows"):
        fitted(viewport)


def test_a_region_of_nothing_is_refused() -> None:
    for viewport in (Viewport(9, 9, region_width=1e-310, region_height=1e-310), Viewport(9, 9, region_height=0.0001)):
        with pytest.raises(BadParameter, match=r"0\.001 pixels wide and high"):
            fitted(viewport)
    assert fitted(Viewport(9, 9, region_width=0.001, region_height=0.001)).size == (9, 9)


@pytest.mark.parametrize("left", [0.1, 0.2, 0.3, 0.7])
def test_a_part_is_not_refused_for_how_it_was_computed(left: float) -> None:
    for columns in (3072, 512, 300, 7):
        viewport = Viewport(None, None, left=left, region_width=1.0 - left, region_height=1.0, relative=True)
        assert fitted(viewport, Image.new("L", (columns, 2))).width == round(columns - left * columns)


def test_stretching_has_a_limit() -> None:
    with pytest.raises(NotAcceptable, match="megapixels"):
        fitted(None, Image.new("L", (5000, 2000)), 10.0)


@pytest.mark.parametrize(
    ("elements", "height"),
    [
        ({}, 1.0),
        ({"00280030": {"Value": [0.5, 0.25]}}, 2.0),
        ({"00280034": {"Value": [3, 4]}}, 0.75),
        ({"00280030": {"Value": [0.5]}, "00181164": {"Value": [1, 2]}}, 0.5),
        ({"00280030": {"Value": [0, 1]}}, 1.0),
        ({"00280030": {"Value": [1000, 1]}}, 1.0),
        ({"52009229": sequence({"00289110": sequence({"00280030": {"Value": [3, 1]}})})}, 3.0),
    ],
)
def test_the_form_of_pixels_is_found(elements: dict[str, Any], height: float) -> None:
    assert geometry.pixel_height(elements) == height

"""The size of a rendered image: the region of the source, square pixels, the viewport (PS3.18 §8.3.5.1.3)."""

from collections.abc import Mapping
from typing import Any

from PIL import Image as Pillow

from filmroom.dicom.json_model import items
from filmroom.dicom.presentation import Presentation, Viewport
from filmroom.errors import BadParameter, NotAcceptable

Elements = Mapping[str, Any]
Region = tuple[float, float, float, float]  # left, top, right, bottom

# What tells the form of pixels, surest first; distances are those of rows, then of columns (PS3.3 §10.7.1.3).
SPACINGS = ("00280030", "00181164", "00182010", "00280034")
PIXEL_MEASURES = "00289110"
GROUPS = ("52009229", "52009230")
MOST_PIXELS = 64 << 20
_SMALLEST = 0.001  # sides of a region, in pixels
_ROUNDING = 0.001  # pixels by which a region may be computed too large
_STRANGEST = 16.0  # height to width of a pixel; what is beyond is a mistake


def pixel_height(elements: Elements) -> float:
    """The height of a pixel, as a multiple of its width."""
    for source in (*_measures(elements), elements):
        for key in SPACINGS:
            match source.get(key, {}).get("Value"):
                case [int() | float() as high, int() | float() as wide, *_] if high > 0 and wide > 0:
                    ratio = high / wide
                    return ratio if 1 / _STRANGEST <= ratio <= _STRANGEST else 1.0
    return 1.0


def fit(image: Pillow.Image, how: Presentation, height_of_pixels: float) -> Pillow.Image:
    """The image as large as the viewport allows, or in its own size, with square pixels."""
    region = _region(how.viewport, image.width, image.height)
    wide = (region[2] - region[0]) * max(1.0, 1 / height_of_pixels)
    high = (region[3] - region[1]) * max(1.0, height_of_pixels)
    if how.viewport is not None:
        sides = ((how.viewport.width, wide), (how.viewport.height, high))
        scale = min((most / side for most, side in sides if most is not None), default=1.0)
        wide, high = wide * scale, high * scale
    size = (max(1, round(wide)), max(1, round(high)))
    if size[0] * size[1] > MOST_PIXELS:
        raise NotAcceptable(f"Images of more than {MOST_PIXELS >> 20} megapixels are not rendered; ask for a viewport.")
    if size != image.size or region != (0, 0, *image.size):
        # The mean of all that a pixel stands for; between pixels where it is enlarged.
        image = image.resize(size, Pillow.Resampling.BILINEAR, box=region, reducing_gap=3.0)
    if how.viewport is not None and how.viewport.mirrored:
        image = image.transpose(Pillow.Transpose.FLIP_LEFT_RIGHT)
    if how.viewport is not None and how.viewport.flipped:
        image = image.transpose(Pillow.Transpose.FLIP_TOP_BOTTOM)
    return image


def _region(viewport: Viewport | None, columns: int, rows: int) -> Region:
    if viewport is None:
        return 0, 0, columns, rows
    across, down = (columns, rows) if viewport.relative else (1, 1)
    left, top = viewport.left * across, viewport.top * down
    right = columns if viewport.region_width is None else left + viewport.region_width * across
    bottom = rows if viewport.region_height is None else top + viewport.region_height * down
    if not (left < columns and top < rows and right <= columns + _ROUNDING and bottom <= rows + _ROUNDING):
        raise BadParameter(
            f"The region that 'viewport' names is not inside the image, which has {columns} columns and {rows} rows."
        )
    if right - left < _SMALLEST or bottom - top < _SMALLEST:
        raise BadParameter(f"The region must be {_SMALLEST:g} pixels wide and high at least.")
    return left, top, min(right, columns), min(bottom, rows)


def _measures(elements: Elements) -> list[Elements]:
    """The Pixel Measures of enhanced images; those of the first Frame serve for all."""
    return [
        measures
        for key in GROUPS
        for groups in items(elements, key)[:1]
        for measures in items(groups, PIXEL_MEASURES)[:1]
    ]

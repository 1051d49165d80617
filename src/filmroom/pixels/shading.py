"""Samples become shades and colors of 8 bits (PS3.4 §N.2): the modality's values, those of interest, palettes, YBR."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from filmroom.errors import NotAcceptable
from filmroom.pixels import display
from filmroom.pixels.display import Display, Range
from filmroom.pixels.frame import Frame, Samples

UNRENDERABLE = "An error was encountered when attempting to convert the dicom file into an image"
_BLOCK = 1 << 15  # pixels that are worked on at once: what is made of them on the way stays in the processor's cache

Image = NDArray[np.uint8]  # (rows, columns) or (rows, columns, 3)


@dataclass(frozen=True, slots=True)
class Values:
    """The values that samples may have, and how what is made of each becomes an image.

    What becomes of a value does not depend on its place; so of samples of at most 16 bits each value from the least to
    the greatest is worked on once. Of others all are.
    """

    values: Samples
    spread: Callable[[Image], Image]
    occurring: Callable[[], NDArray[np.bool_]]  # which of them are there; to look at each sample takes its time

    @classmethod
    def of(cls, samples: Samples, frame: Frame, high_bit: int) -> "Values":
        """Those of the samples of one Frame, without the bits that are not stored (PS3.5 §8.1.1)."""
        if samples.dtype.kind == "f" or samples.dtype.itemsize > 2:
            return cls(_stored(samples, frame, high_bit), lambda image: image, lambda: np.ones(samples.shape, np.bool_))
        each = np.arange(int(samples.min()), int(samples.max()) + 1).astype(samples.dtype)
        unsigned = f"u{samples.itemsize}"
        flat, places = np.ascontiguousarray(samples).reshape(-1).view(unsigned), each.view(unsigned)
        return cls(
            _stored(each, frame, high_bit),
            partial(_spread, flat, places, samples.shape),
            partial(_occurring, flat, places),
        )


@np.errstate(over="ignore", invalid="ignore")  # a data set may say any slope: what is beyond all numbers is dark
def grey(all_samples: Sequence[Samples], frame: Frame, displays: Sequence[Display]) -> list[Image]:
    """The images of grey Frames. Those without a window share one: all shades for all values that are visible."""
    possible = [Values.of(samples, frame, how.high_bit) for samples, how in zip(all_samples, displays, strict=True)]
    units = [how.in_units(one.values) for one, how in zip(possible, displays, strict=True)]
    visible = [_visible(one.values, how) for one, how in zip(possible, displays, strict=True)]
    full = Range(0, 1)  # also where all single bits are the same
    if frame.bits_allocated > 1 and any(how.values_of_interest is None for how in displays):
        full = _range(units, [seen & one.occurring() for one, seen in zip(possible, visible, strict=True)])
    images = []
    for one, how, values, seen in zip(possible, displays, units, visible, strict=True):
        shades = (how.values_of_interest or full).shades(values)
        image = _eight_bits(1 - shades if how.inverted else shades)
        image[~seen] = 0  # what is no image is dark, in whatever shade its number would be
        if how.supplement is not None:
            image = _supplemented(image, one.values, how.supplement)
        images.append(one.spread(image))
    return images


def painted(samples: Samples, frame: Frame, high_bit: int, palette: display.Palette) -> Image:
    """The image of a Frame whose samples are numbers of colors."""
    possible = Values.of(samples, frame, high_bit)
    return possible.spread(palette.paint(possible.values))


def colored(samples: Samples, frame: Frame, photometric: str) -> Image:
    """The image of a Frame that has three samples for each pixel."""
    to_red_green_blue = _COLORS.get(photometric)
    if to_red_green_blue is None or frame.samples != 3 or frame.floating:
        raise NotAcceptable(UNRENDERABLE)
    if frame.bits_stored == 8:
        image = samples.astype(np.uint8)
    else:
        possible = Values.of(samples, frame, frame.bits_stored - 1)
        image = possible.spread(_reduce(frame, possible.values))
    step = max(_BLOCK // frame.columns, 1)
    if photometric != "RGB":
        for row in range(0, frame.rows, step):
            image[row : row + step] = to_red_green_blue(image[row : row + step])
    return image


def _stored(values: Samples, frame: Frame, high_bit: int) -> Samples:
    """The values of Bits Stored, with their sign; overlays of old files lie in the other bits."""
    spare = frame.bits_allocated - frame.bits_stored
    up = frame.bits_allocated - 1 - max(high_bit, frame.bits_stored - 1)
    if frame.floating or spare == 0 or up < 0:
        return values
    stored: Samples = (values << up) >> (values.itemsize * 8 - frame.bits_stored)
    return stored


def _spread(flat: Samples, places: Samples, shape: tuple[int, ...], made: Image) -> Image:
    """An image of what was made of each value, at `places` of a table of all that their bits can be."""
    table = np.zeros((1 << 8 * flat.itemsize, *made.shape[1:]), np.uint8)
    table[places] = made
    image = np.empty((len(flat), *made.shape[1:]), np.uint8)
    for block in _blocks(len(flat)):
        # No index is too large, and so none is clipped; but where that is to be found out, `out` is copied.
        table.take(flat[block], axis=0, out=image[block], mode="clip")
    shaped: Image = image.reshape(shape + made.shape[1:])
    return shaped


def _occurring(flat: Samples, places: Samples) -> NDArray[np.bool_]:
    occurs = np.zeros(1 << 8 * flat.itemsize, np.bool_)
    for block in _blocks(len(flat)):
        occurs[flat[block].astype(np.intp)] = True  # in half the time that it takes with other numbers
    return occurs[places]


def _blocks(length: int) -> list[slice]:
    return [slice(start, start + _BLOCK) for start in range(0, length, _BLOCK)]


def _visible(samples: Samples, how: Display) -> NDArray[np.bool_]:
    """Which samples are image: not padding, and finite."""
    visible: NDArray[np.bool_] = np.isfinite(samples)
    if how.padding is not None:
        visible &= (samples < how.padding[0]) | (samples > how.padding[1])
    return visible


def _range(units: Sequence[Samples], visible: Sequence[NDArray[np.bool_]]) -> Range:
    """The values from the least to the greatest that can be seen in all Frames."""
    seen = [values[mask] for values, mask in zip(units, visible, strict=True) if mask.any()]
    if not seen:
        return Range(0, 0)
    return Range(min(float(values.min()) for values in seen), max(float(values.max()) for values in seen))


def _eight_bits(shades: NDArray[np.float64]) -> Image:
    return np.rint(np.nan_to_num(shades) * 255).astype(np.uint8)


def _supplemented(image: Image, values: Samples, palette: display.Palette) -> Image:
    """Grey below the first value that the palette has a color for, and colors from it on (PS3.3 §C.7.6.19)."""
    colors = np.repeat(image[..., np.newaxis], 3, axis=-1)
    mapped = values >= palette.start
    colors[mapped] = palette.paint(values[mapped])
    return colors


def _reduce(frame: Frame, samples: Samples) -> Image:
    most = (1 << frame.bits_stored) - 1
    return (np.clip(samples, 0, most).astype(np.int64) * 255 // most).astype(np.uint8)


def _from_ybr(rows: Image, luma: float, chroma: float, black: float) -> Image:
    """Luminance and color differences of ITU-R BT.601; `luma` and `chroma` stretch what does not use all values."""
    bright, blue, red = (rows[..., index].astype(np.float32) for index in range(3))
    bright, blue, red = (bright - black) * luma, (blue - 128) * chroma, (red - 128) * chroma
    made: NDArray[np.float32] = np.stack(
        [bright + 1.402 * red, bright - 0.344136 * blue - 0.714136 * red, bright + 1.772 * blue], axis=-1
    )
    return np.clip(np.rint(made), 0, 255).astype(np.uint8)


_full = partial(_from_ybr, luma=1.0, chroma=1.0, black=0)
_partial = partial(_from_ybr, luma=255 / 219, chroma=255 / 224, black=16)  # retired (PS3.3 §C.7.6.3.1.2)

_COLORS: dict[str, Callable[[Image], Image]] = {
    "RGB": lambda rows: rows,
    "YBR_FULL": _full,
    "YBR_FULL_422": _full,
    "YBR_PARTIAL_422": _partial,
    "YBR_PARTIAL_420": _partial,
}

"""A Frame as people see it, for browsers: shades and colours of 8 bits, as JPEG or PNG (PS3.4 §N.2, PS3.18 §8.3.5)."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import convert_color_space

from filmroom.errors import NotAcceptable
from filmroom.pixels import codecs, display
from filmroom.pixels.display import Bulk, Display
from filmroom.pixels.frame import Frame, Samples

UNRENDERABLE = "An error was encountered when attempting to convert the dicom file into an image"

MOST_PIXELS = 64 << 20  # of a Frame that is rendered, for what that takes in memory
_BLOCK = 1 << 18  # pixels that are worked on at once, where that saves memory

Image = NDArray[np.uint8]  # (rows, columns) or (rows, columns, 3)


def check(frame: Frame) -> None:
    """NotAcceptable if a Frame is too large to be rendered, which is best known before it is read."""
    if frame.rows * frame.columns > MOST_PIXELS:
        raise NotAcceptable(f"Frames of more than {MOST_PIXELS >> 20} megapixels are not rendered.")


def render(
    data: bytes,
    frame: Frame,
    elements: Mapping[str, Any],
    source_uid: str,
    media_type: str,
    quality: int = 100,
    number: int = 1,
    bulk: Bulk = MappingProxyType({}),
) -> bytes:
    """Frame `number`, whose bytes are `data`, as an image. `bulk` has the values that `display.needed` names."""
    encode = _ENCODERS.get(media_type)
    if encode is None:
        raise NotAcceptable(f"Frames can be rendered as {' or '.join(_ENCODERS)}.")
    check(frame)
    samples = codecs.decode(data, frame, source_uid)
    codec = codecs.find(source_uid)
    order: codecs.Order = codec.native or "<"
    photometric = codec.decoded.get(frame.photometric, frame.photometric)
    if photometric in ("MONOCHROME1", "MONOCHROME2"):
        how, inverted = display.describe(elements, number, order, bulk), photometric == "MONOCHROME1"
        image = _by_value(samples, lambda values: _eight_bits(grey(values, how), inverted))
    elif photometric == "PALETTE COLOR":
        image = _by_value(samples, lambda values: display.paint(values, elements, order, bulk))
    elif photometric in ("RGB", "YBR_FULL"):
        image = _colours(samples, frame, photometric)
    else:
        raise NotAcceptable(UNRENDERABLE)
    return encode(np.ascontiguousarray(image), quality)


def _by_value(samples: Samples, convert: Callable[[Samples], Image]) -> Image:
    """What `convert` makes of the samples, which depends on the values that occur and not on their places.

    Of samples that have no more than 16 bits each value is converted once.
    """
    if samples.dtype.kind == "f" or samples.dtype.itemsize > 2:
        return convert(samples)
    flat = np.ascontiguousarray(samples).reshape(-1).view(f"u{samples.dtype.itemsize}")
    occurs = np.zeros(1 << 8 * samples.dtype.itemsize, np.bool_)
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(flat), _BLOCK)]
    for block in blocks:
        occurs[flat[block]] = True
    found = np.flatnonzero(occurs)
    converted = convert(found.astype(flat.dtype).view(samples.dtype))
    table = np.zeros((len(occurs), *converted.shape[1:]), np.uint8)
    table[found] = converted
    image = np.empty((len(flat), *converted.shape[1:]), np.uint8)
    for block in blocks:
        image[block] = table[flat[block]]
    return image.reshape(samples.shape + converted.shape[1:])


def grey(samples: Samples, how: Display) -> NDArray[np.float64]:
    """Shades from 0 to 1: the modality's values, and of them those of interest (PS3.4 §N.2.1)."""
    values = how.modality.apply(samples) if how.modality else samples * how.slope + how.intercept
    if how.values_of_interest is not None:
        return how.values_of_interest.shades(values)
    return _all_values(values, _visible(samples, how.padding))


def _visible(samples: Samples, padding: tuple[float, float] | None) -> NDArray[np.bool_]:
    """Which samples are image: not padding, and finite."""
    visible: NDArray[np.bool_] = np.isfinite(samples)
    if padding is not None:
        visible &= (samples < padding[0]) | (samples > padding[1])
    return visible


def _all_values(values: Samples, visible: NDArray[np.bool_]) -> NDArray[np.float64]:
    """All shades for the values from the least to the greatest that are visible."""
    seen = values[visible]
    if not seen.size:
        return np.zeros(values.shape)
    least, most = float(seen.min()), float(seen.max())
    return np.nan_to_num(np.clip((values - least) / ((most - least) or 1.0), 0, 1))


def _eight_bits(shades: NDArray[np.float64], inverted: bool) -> Image:
    return np.rint(np.nan_to_num(1 - shades if inverted else shades) * 255).astype(np.uint8)


def _colours(samples: Samples, frame: Frame, photometric: str) -> Image:
    if frame.samples != 3 or frame.floating:
        raise NotAcceptable(UNRENDERABLE)
    image = samples.astype(np.uint8) if frame.bits_stored == 8 else _by_value(samples, partial(_reduce, frame))
    if photometric == "YBR_FULL":
        step = max(_BLOCK // frame.columns, 1)
        for row in range(0, frame.rows, step):
            image[row : row + step] = convert_color_space(image[row : row + step], "YBR_FULL", "RGB")
    return image


def _reduce(frame: Frame, samples: Samples) -> Image:
    most = (1 << frame.bits_stored) - 1
    return (np.clip(samples, 0, most).astype(np.int64) * 255 // most).astype(np.uint8)


def _jpeg(image: Image, quality: int) -> bytes:
    try:
        return bytes(imagecodecs.jpeg8_encode(image, level=quality, subsampling="444" if image.ndim == 3 else None))
    except (imagecodecs.Jpeg8Error, ValueError) as error:  # JPEG has no images above 65,500 pixels
        raise NotAcceptable(UNRENDERABLE) from error


def _png(image: Image, _: int) -> bytes:
    return bytes(imagecodecs.png_encode(image))


_ENCODERS: Mapping[str, Callable[[Image, int], bytes]] = {"image/jpeg": _jpeg, "image/png": _png}

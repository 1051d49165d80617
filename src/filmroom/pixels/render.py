"""A Frame as people see it, for browsers: shades and colours of 8 bits, as JPEG or PNG (PS3.4 §N.2, PS3.18 §8.3.5)."""

from collections.abc import Callable, Mapping
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

Image = NDArray[np.uint8]  # (rows, columns) or (rows, columns, 3)


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
    samples = codecs.decode(data, frame, source_uid)
    codec = codecs.find(source_uid)
    order: codecs.Order = codec.native or "<"
    photometric = codec.decoded.get(frame.photometric, frame.photometric)
    if photometric in ("MONOCHROME1", "MONOCHROME2"):
        shades = grey(samples, display.describe(elements, number, order, bulk))
        image = _eight_bits(1 - shades if photometric == "MONOCHROME1" else shades)
    elif photometric == "PALETTE COLOR":
        image = display.paint(samples, elements, order, bulk)
    elif photometric in ("RGB", "YBR_FULL"):
        image = _colours(samples, frame, photometric)
    else:
        raise NotAcceptable(UNRENDERABLE)
    return encode(np.ascontiguousarray(image), quality)


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


def _eight_bits(shades: NDArray[np.float64]) -> Image:
    return np.rint(np.nan_to_num(shades) * 255).astype(np.uint8)


def _colours(samples: Samples, frame: Frame, photometric: str) -> Image:
    if frame.samples != 3 or frame.floating:
        raise NotAcceptable(UNRENDERABLE)
    most = (1 << frame.bits_stored) - 1
    colours = samples if most == 0xFF else np.clip(samples, 0, most).astype(np.int64) * 255 // most
    image: Image = colours.astype(np.uint8)
    if photometric == "YBR_FULL":
        image = convert_color_space(image, "YBR_FULL", "RGB")
    return image


def _jpeg(image: Image, quality: int) -> bytes:
    try:
        return bytes(imagecodecs.jpeg8_encode(image, level=quality, subsampling="444" if image.ndim == 3 else None))
    except (imagecodecs.Jpeg8Error, ValueError) as error:  # JPEG has no images above 65,500 pixels
        raise NotAcceptable(UNRENDERABLE) from error


def _png(image: Image, _: int) -> bytes:
    return bytes(imagecodecs.png_encode(image))


_ENCODERS: Mapping[str, Callable[[Image, int], bytes]] = {"image/jpeg": _jpeg, "image/png": _png}

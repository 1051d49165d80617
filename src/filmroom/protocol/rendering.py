"""The query parameters of rendered images (PS3.18 §8.3.5): text in, a `Presentation` out, refusals that say how."""

import math
from collections.abc import Mapping

from filmroom.dicom.presentation import THUMBNAIL_SIZE, Presentation, Viewport
from filmroom.errors import BadParameter
from filmroom.protocol import targets

ANNOTATIONS = ("patient", "technique", "overlay")  # overlay is our own; §8.3.5.1.1 lets a service have some
ICC_PROFILES = ("no", "yes", "srgb", "adobergb", "rommrgb", "displayp3")
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")  # PS3.3 §C.11.2.1.3
LONGEST_SIDE = 16_383  # pixels of an image; WebP has no longer ones
MOST_PIXELS = 64 << 20
THUMBNAIL_QUALITY = 85

_VIEWPORT = (
    "The query parameter 'viewport' is width,height or width,height,x,y,width,height: the size of the image in whole "
    f"pixels, at most {LONGEST_SIDE} a side and {MOST_PIXELS >> 20} megapixels, and the region of the source "
    "that it shows, whose width and height are below 0 to mirror it."
)
_WINDOW = (
    "The query parameter 'window' is center,width or center,width,function: two numbers, the width above 0, and one "
    "of linear, linear-exact, sigmoid."
)


def parse(parameters: Mapping[str, str]) -> Presentation:
    """What the parameters of a rendered image say. Names are in lower case; those of others are passed over."""
    return Presentation(
        quality=targets.quality(parameters.get("quality")),
        window=_window(parameters.get("window")),
        viewport=_viewport(parameters.get("viewport")),
        annotation=_annotation(parameters.get("annotation")),
        icc_profile=_icc_profile(parameters.get("iccprofile")),
    )


def parse_thumbnail(parameters: Mapping[str, str]) -> Presentation:
    """What the parameters of a thumbnail say: without a viewport it is small, and it never has annotations."""
    if parameters.get("annotation"):
        raise BadParameter("A thumbnail has no annotation (PS3.18 §10.4.1.1.4); ask for /rendered.")
    asked = parse({"quality": str(THUMBNAIL_QUALITY), **parameters})
    small = Viewport(THUMBNAIL_SIZE, THUMBNAIL_SIZE)
    return Presentation(
        asked.quality, asked.window, asked.viewport or small, icc_profile=asked.icc_profile, square_pixels=True
    )


def _window(text: str | None) -> tuple[float, float, str] | None:
    if text is None:
        return None
    fields = [field.strip() for field in text.split(",")]
    center, width = (_number(field, _WINDOW) for field in (*fields, "", "")[:2])
    function = fields[2].upper().replace("-", "_") if len(fields) > 2 else FUNCTIONS[0]
    if len(fields) > 3 or width <= 0 or function not in FUNCTIONS:
        raise BadParameter(_WINDOW)
    return center, width, function


def _viewport(text: str | None) -> Viewport | None:
    """A field that is empty has its default."""
    if text is None:
        return None
    fields = [field.strip() for field in text.split(",")]
    if len(fields) not in (2, 6):
        raise BadParameter(_VIEWPORT)
    width, height = (_side(field) for field in fields[:2])
    region = [_number(field, _VIEWPORT) if field else None for field in (*fields[2:], "", "", "", "")[:4]]
    left, top, wide, high = region
    if width * height > MOST_PIXELS or 0 in (wide, high) or (left or 0) < 0 or (top or 0) < 0:
        raise BadParameter(_VIEWPORT)
    return Viewport(
        width=width,
        height=height,
        left=left or 0,
        top=top or 0,
        region_width=None if wide is None else abs(wide),
        region_height=None if high is None else abs(high),
        mirrored=wide is not None and wide < 0,
        flipped=high is not None and high < 0,
    )


def _side(field: str) -> int:
    if not (field.isascii() and field.isdecimal() and len(field) < 6 and 0 < int(field) <= LONGEST_SIDE):
        raise BadParameter(_VIEWPORT)
    return int(field)


def _number(field: str, message: str) -> float:
    try:
        number = float(field)
    except ValueError:
        raise BadParameter(message) from None
    if not math.isfinite(number) or "_" in field:
        raise BadParameter(message)
    return number


def _annotation(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    asked = {field.strip().lower() for field in text.split(",")}
    if not asked <= set(ANNOTATIONS):
        raise BadParameter(f"The query parameter 'annotation' is a list of: {', '.join(ANNOTATIONS)}.")
    return tuple(one for one in ANNOTATIONS if one in asked)


def _icc_profile(text: str | None) -> str:
    asked = "no" if text is None else text.strip().lower()
    if asked not in ICC_PROFILES:
        raise BadParameter(f"The query parameter 'iccprofile' is one of: {', '.join(ICC_PROFILES)}.")
    return asked

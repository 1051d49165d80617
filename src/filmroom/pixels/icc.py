"""Color management of rendered images (PS3.18 §8.3.5.1.5): the ICC Profile of an Instance kept, or converted from."""

import base64
import io
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import imagecodecs
from PIL import Image as Pillow
from PIL import ImageCms

from filmroom.dicom.json_model import items
from filmroom.errors import NotAcceptable

Elements = Mapping[str, Any]
ICC_PROFILE, OPTICAL_PATHS = "00282000", "00480105"
_PATHS = (ICC_PROFILE, f"{OPTICAL_PATHS}/1/{ICC_PROFILE}")

# CIE xyY of white, then of red, green and blue.
_ROMM = ((0.3457, 0.3585, 1), (0.7347, 0.2653, 1, 0.1596, 0.8404, 1, 0.0366, 0.0001, 1))  # ISO 22028-2
_P3 = ((0.3127, 0.3290, 1), (0.680, 0.320, 1, 0.265, 0.690, 1, 0.150, 0.060, 1))  # SMPTE EG 432-1

_COLOR_SPACES: Mapping[str, Callable[[], bytes]] = MappingProxyType(
    {
        "srgb": lambda: imagecodecs.cms_profile("srgb"),
        "adobergb": lambda: imagecodecs.cms_profile("adobergb"),
        "rommrgb": lambda: imagecodecs.cms_profile("rgb", whitepoint=_ROMM[0], primaries=_ROMM[1], gamma=1.8),
        "displayp3": lambda: imagecodecs.cms_profile("rgb", whitepoint=_P3[0], primaries=_P3[1], gamma=2.2),
    }
)


def needed(elements: Elements) -> tuple[str, ...]:
    """The path of the ICC Profile if it is a bulk value. Of several optical paths the first counts."""
    return tuple(path for path in _PATHS if "BulkDataURI" in _element(elements, path))[:1]


def manage(
    image: Pillow.Image, elements: Elements, bulk: Mapping[str, bytes], wanted: str
) -> tuple[Pillow.Image, bytes | None]:
    """The image in the color space that is wanted, and the profile to be sent with it. Grey images have none."""
    if wanted == "no" or image.mode != "RGB":
        return image, None
    own = _own(elements, bulk)
    if wanted == "yes":
        if own is not None:
            _read(own)
        return image, own or _profile("srgb")
    target = _profile(wanted)
    source = own or _profile("srgb")  # what says nothing is taken for sRGB, as screens do
    if source == target:
        return image, target
    try:
        converted = ImageCms.profileToProfile(image, _read(source), _read(target), outputMode="RGB")
    except ImageCms.PyCMSError as error:
        raise NotAcceptable("The ICC Profile of the Instance can't be used to convert its colors.") from error
    assert converted is not None
    return converted, target


@cache
def _profile(name: str) -> bytes:
    return bytes(_COLOR_SPACES[name]())


def _read(profile: bytes) -> ImageCms.ImageCmsProfile:
    try:
        read = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (OSError, ValueError) as error:
        raise NotAcceptable("The ICC Profile of the Instance can't be read; ask with iccprofile=no.") from error
    if read.profile.xcolor_space.strip() != "RGB":
        raise NotAcceptable("The ICC Profile of the Instance is not one of RGB; ask with iccprofile=no.")
    return read


def _own(elements: Elements, bulk: Mapping[str, bytes]) -> bytes | None:
    for path in _PATHS:
        element = _element(elements, path)
        if "InlineBinary" in element:
            return base64.b64decode(element["InlineBinary"])
        if path in bulk:
            return bulk[path]
    return None


def _element(elements: Elements, path: str) -> Elements:
    """The element at one of `_PATHS`."""
    paths = items(elements, OPTICAL_PATHS) or [{}]
    element: Elements = (elements if path == ICC_PROFILE else paths[0]).get(ICC_PROFILE, {})
    return element

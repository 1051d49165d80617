"""Color management: profiles are kept, colors converted, and what is no profile is refused."""

import base64
import io
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from filmroom.errors import NotAcceptable
from filmroom.pixels import icc
from filmroom.protocol.rendering import ICC_PROFILES

COLORS = Image.fromarray(np.array([[[255, 0, 0], [60, 180, 60], [90, 90, 90]]], "u1"))
ADOBE = bytes(imagecodecs.cms_profile("adobergb"))


def inline(profile: bytes) -> dict[str, Any]:
    return {icc.ICC_PROFILE: {"vr": "OB", "InlineBinary": base64.b64encode(profile).decode()}}


def test_by_default_colors_are_left_alone() -> None:
    assert icc.manage(COLORS, inline(ADOBE), {}, "no") == (COLORS, None)


def test_grey_images_have_no_profile() -> None:
    grey = Image.new("L", (1, 1))
    assert icc.manage(grey, {}, {}, "srgb") == (grey, None)


@pytest.mark.parametrize(
    ("elements", "bulk"),
    [
        (inline(ADOBE), {}),
        ({"00282000": {"BulkDataURI": "bulkdata/00282000"}}, {"00282000": ADOBE}),
        ({"00480105": {"vr": "SQ", "Value": [inline(ADOBE)]}}, {}),
        (
            {"00480105": {"vr": "SQ", "Value": [{"00282000": {"BulkDataURI": "bulkdata/00480105/1/00282000"}}]}},
            {"00480105/1/00282000": ADOBE},
        ),
    ],
)
def test_the_profile_of_the_instance_is_kept(elements: dict[str, Any], bulk: dict[str, bytes]) -> None:
    assert icc.needed(elements) == tuple(bulk)
    assert icc.manage(COLORS, elements, bulk, "yes") == (COLORS, ADOBE)


def test_without_one_colors_are_said_to_be_srgb() -> None:
    image, profile = icc.manage(COLORS, {}, {}, "yes")
    assert image is COLORS
    assert profile == icc.manage(COLORS, {}, {}, "srgb")[1]


@pytest.mark.parametrize("name", [name for name in ICC_PROFILES if name not in {"no", "yes", "srgb"}])
def test_colors_are_converted_to_every_space_and_stay_the_same_color(name: str) -> None:
    there, profile = icc.manage(COLORS, {}, {}, name)
    assert profile is not None
    assert np.asarray(there).tolist() != np.asarray(COLORS).tolist()
    back, _ = icc.manage(there, inline(profile), {}, "srgb")
    assert np.allclose(np.asarray(back, int), np.asarray(COLORS, int), atol=4)


def test_colors_are_converted_from_the_profile_of_the_instance() -> None:
    image, _ = icc.manage(COLORS, inline(ADOBE), {}, "srgb")
    assert np.asarray(image)[0, 0].tolist() == [255, 0, 0]  # beyond what sRGB has
    assert np.asarray(image)[0, 2].tolist() == [90, 90, 90]
    assert np.asarray(image)[0, 1].tolist() != [60, 180, 60]


@pytest.mark.parametrize("wanted", ["yes", "srgb"])
@pytest.mark.parametrize("profile", [b"no profile", bytes(imagecodecs.cms_profile("gray"))])
def test_a_profile_that_is_of_no_use_is_refused(profile: bytes, wanted: str) -> None:
    with pytest.raises(NotAcceptable, match="ICC Profile"):
        icc.manage(COLORS, inline(profile), {}, wanted)


def test_a_profile_without_colors_cannot_be_converted_from() -> None:
    empty = (132).to_bytes(4, "big") + ADOBE[4:128] + bytes(4)  # its head, and no tags
    with pytest.raises(NotAcceptable, match="convert its colors"):
        icc.manage(COLORS, inline(empty), {}, "srgb")


def test_the_profiles_can_be_read() -> None:
    for name in set(ICC_PROFILES) - {"no", "yes"}:
        _, profile = icc.manage(COLORS, {}, {}, name)
        ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))

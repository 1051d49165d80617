"""Every media type holds the image; those that move hold them all."""

import io
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from filmroom.errors import NotAcceptable
from filmroom.pixels import encoders
from filmroom.pixels.encoders import ENCODERS, Pictures

STILL = [name for name in ENCODERS if name.startswith("image/")]
SHADES = Image.fromarray(np.tile(np.arange(0, 256, 4, dtype="u1"), (64, 1)))
COLORS = Image.new("RGB", (64, 64), (200, 30, 60))


def opened(media_type: str, pictures: Pictures) -> Any:
    return Image.open(io.BytesIO(encoders.encode(pictures, media_type)))


@pytest.mark.parametrize("media_type", STILL)
@pytest.mark.parametrize("image", [SHADES, COLORS], ids=["grey", "colors"])
def test_the_image_is_in_it(media_type: str, image: Image.Image) -> None:
    made = opened(media_type, Pictures([image], 95))
    assert made.get_format_mimetype() == media_type
    assert np.allclose(np.asarray(made.convert("RGB"), int), np.asarray(image.convert("RGB"), int), atol=6)


@pytest.mark.parametrize("media_type", ["image/png", "image/gif"])
def test_no_shade_of_grey_is_lost(media_type: str) -> None:
    assert np.array_equal(np.asarray(opened(media_type, Pictures([SHADES], 100)).convert("L")), np.asarray(SHADES))


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/webp"])
def test_quality_counts(media_type: str) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64), dtype="u1"))
    sizes = [len(encoders.encode(Pictures([noise], quality), media_type)) for quality in (1, 50, 100)]
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("media_type", [name for name in STILL if ENCODERS[name].profiles])
def test_a_profile_is_sent_with_it(media_type: str) -> None:
    profile = bytes(imagecodecs.cms_profile("srgb"))
    assert opened(media_type, Pictures([COLORS], 90, profile)).info["icc_profile"] == profile
    assert "icc_profile" not in opened(media_type, Pictures([COLORS], 90)).info


@pytest.mark.parametrize("media_type", [name for name in STILL if ENCODERS[name].moving])
def test_moving_images_hold_all(media_type: str) -> None:
    images = [Image.new("L", (9, 7), shade) for shade in (0, 90, 180, 250)]
    made = opened(media_type, Pictures(images, 90, milliseconds=40))
    shades = []
    for number in range(made.n_frames):
        made.seek(number)
        made.load()
        assert made.info["duration"] == 40
        shades.append(made.convert("L").getpixel((4, 3)))
    assert np.allclose(shades, [0, 90, 180, 250], atol=3)


def test_gif_is_no_faster_than_browsers_show_it() -> None:
    images = [Image.new("L", (2, 2), shade) for shade in (0, 255)]
    assert opened("image/gif", Pictures(images, 90, milliseconds=3)).info["duration"] == 20


@pytest.mark.parametrize("media_type", [name for name in STILL if ENCODERS[name].moving])
def test_however_long_images_are_shown_the_file_can_say_it(media_type: str) -> None:
    images = [Image.new("L", (1, 1), shade) for shade in (*[0] * 200, 255)]
    made = opened(media_type, Pictures(images, 90, milliseconds=655_350))
    made.load()
    assert made.info["duration"] >= 327 * 10


def test_a_gif_has_as_many_images_as_hundredths_of_seconds() -> None:
    with pytest.raises(NotAcceptable, match="at most 65535"):
        encoders.encode(Pictures([Image.new("L", (1, 1))] * 65_536, 90), "image/gif")


def test_what_is_too_long_a_side_is_refused() -> None:
    with pytest.raises(NotAcceptable, match="viewport"):
        encoders.encode(Pictures([Image.new("L", (66_000, 1))], 90), "image/jpeg")


def test_another_media_type_is_refused_with_those_there_are() -> None:
    with pytest.raises(NotAcceptable, match="image/jpeg, image/png"):
        encoders.find("image/bmp")

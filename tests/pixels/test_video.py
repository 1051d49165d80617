"""Video, which an optional package makes."""

import io

import av
import pytest
from PIL import Image

from filmroom.pixels import encoders, video
from filmroom.pixels.encoders import Pictures


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_video_has_every_frame_at_its_time(mode: str) -> None:
    images = [Image.new(mode, (65, 33), "white" if number % 2 else "black") for number in range(6)]
    with av.open(io.BytesIO(encoders.encode(Pictures(images, 80, milliseconds=50), "video/mp4")), "r") as film:
        frames = list(film.decode(video=0))
        assert [round(frame.time * 1000) for frame in frames] == [0, 50, 100, 150, 200, 250]
        assert (frames[0].width, frames[0].height) == (66, 34)
        lit = [bool(frame.to_ndarray(format="gray")[20, 20] > 128) for frame in frames]
        assert lit == [False, True] * 3


def test_it_is_offered_if_it_can_be_made() -> None:
    assert video.AVAILABLE
    assert "video/mp4" in encoders.ENCODERS

"""A rendered image is right only if it is that instance's, in that window, and as good as was asked for."""

from dataclasses import replace

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest

from bench import client, data, pictures

ONE = data.Instance(data.KB_530, run=5, study=0, series=0, number=0)
OTHER = replace(data.KB_530, place=1)
WINDOW = (500, 1200)


def answer(gray: npt.NDArray[np.float32], quality: int = 90) -> client.Answer:
    image = bytes(imagecodecs.jpeg8_encode(np.round(gray).astype("u1"), level=quality))
    return client.Answer(200, b"HTTP/1.1 200 OK\r\n\r\n", image, [(0, len(image))])


def shown(shape: data.Shape, window: tuple[int, int]) -> npt.NDArray[np.float32]:
    return pictures.windowed(data.pixels(shape), *window)


@pytest.mark.parametrize("window", [WINDOW, (300, 1201), (700, 1210)])
def test_the_image_of_an_instance_in_a_window(window: tuple[int, int]) -> None:
    pictures.picture(answer(shown(ONE.shape, window)), ONE, window, 90)


@pytest.mark.parametrize(
    "gray",
    [
        np.zeros((512, 512), "f4"),
        shown(OTHER, WINDOW),
        shown(ONE.shape, (510, 1200)),
        shown(ONE.shape, (500, 1260)),
        shown(ONE.shape, WINDOW)[::-1] * 0.99,
    ],
    ids=["black", "of another", "center", "width", "darker"],
)
def test_another_image_or_window(gray: npt.NDArray[np.float32]) -> None:
    with pytest.raises(client.WrongAnswerError, match="another image or window"):
        pictures.picture(answer(gray), ONE, WINDOW, 90)


def test_a_better_image_counts_and_a_worse_does_not() -> None:
    pictures.picture(answer(shown(ONE.shape, WINDOW), 95), ONE, WINDOW, 90)
    with pytest.raises(client.WrongAnswerError, match="coarsely"):
        pictures.picture(answer(shown(ONE.shape, WINDOW), 85), ONE, WINDOW, 90)

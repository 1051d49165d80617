"""Is a rendered image that of the instance, in the window that was asked for, and as good as was asked for?"""

from functools import cache

import imagecodecs
import numpy as np
import numpy.typing as npt

from bench import checks
from bench.attributes import INTERCEPT
from bench.client import Answer, WrongAnswerError
from bench.data import Instance, pixels

TABLES = 0xDB  # Define Quantization Tables (ITU-T T.81 B.2.4.1)
FAR = 6.0  # gray levels of 256: from the window's, one pixel with the other, because JPEG blurs what is noise here
APART = 1.0  # and of all pixels together, because what it blurs keeps its mean; a window beside shifts that


def picture(answer: Answer, one: Instance, window: tuple[int, int], quality: int) -> None:
    """The image of the only Frame of `one` in a linear window of this center and width."""
    checks.jpeg(answer, one.shape.rows, one.shape.columns)
    if (steps(answer.body) > _asked(quality)).any():
        raise WrongAnswerError(f"the image is quantized more coarsely than at quality {quality}")
    shown = imagecodecs.jpeg8_decode(answer.body)
    gray = shown if shown.ndim == 2 else shown.mean(axis=2)
    differences = gray.astype("f4") - windowed(pixels(one.shape), *window)
    far, apart = float(np.abs(differences).mean()), abs(float(differences.mean()))
    if far > FAR or apart > APART:
        raise WrongAnswerError(f"another image or window: {far:.1f} gray levels away, the mean {apart:.2f}")


def windowed(stored: npt.NDArray[np.uint16], center: int, width: int) -> npt.NDArray[np.float32]:
    """The gray levels of a linear window (PS3.3 C.11.2.1.2.1), of values that were rescaled before (C.11.1)."""
    values = stored.astype(np.float32) + np.float32(INTERCEPT)
    gray: npt.NDArray[np.float32] = (((values - (center - 0.5)) / (width - 1) + 0.5) * 255).clip(0, 255)
    return gray


def steps(image: bytes) -> npt.NDArray[np.uint8]:
    """By what the first table of an image quantizes; of two bytes each are none with a quality above 25."""
    place = 2
    while image[place + 1] != TABLES:
        place += 2 + int.from_bytes(image[place + 2 : place + 4])
    if image[place + 4] >> 4:
        raise WrongAnswerError("the image is quantized in steps above 255")
    return np.frombuffer(image[place + 5 : place + 69], "u1")


@cache
def _asked(quality: int) -> npt.NDArray[np.uint8]:
    return steps(bytes(imagecodecs.jpeg8_encode(np.zeros((8, 8), "u1"), level=quality)))

"""Samples become the shades and colors that the Standard says, to the value."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from filmroom.errors import NotAcceptable
from filmroom.pixels import shading
from filmroom.pixels.display import Display, LookupTable, Palette, Window
from filmroom.pixels.frame import Frame

PLAIN = Display(0, None, None, 1.0, 0.0, None, False, None)


def shown(frame: Frame, samples: Any, how: Display = PLAIN) -> Any:
    [image] = shading.grey([np.asarray(samples, frame.dtype)], frame, [how])
    return image.tolist()


def test_without_a_window_all_values_have_shades() -> None:
    assert shown(Frame(1, 3, signed=True), [[-100, 0, 100]]) == [[0, 128, 255]]


def test_without_a_window_frames_share_one() -> None:
    frames = [np.array([[0, 50]], "u2"), np.array([[100, 50]], "u2")]
    one, two = shading.grey(frames, Frame(1, 2, count=2), [PLAIN, PLAIN])
    assert (one.tolist(), two.tolist()) == ([[0, 128]], [[255, 128]])


def test_inverted_images_are() -> None:
    assert shown(Frame(1, 3), [[0, 1, 2]], replace(PLAIN, inverted=True)) == [[255, 128, 0]]


def test_a_window_is_of_rescaled_values() -> None:
    how = replace(PLAIN, intercept=-1000.0, values_of_interest=Window(0.5, 101))
    assert shown(Frame(1, 4), [[0, 950, 1000, 1050]], how) == [[0, 0, 128, 255]]


@pytest.mark.parametrize("window", [None, Window(15.5, 11)])
@pytest.mark.parametrize("inverted", [False, True])
def test_padding_is_dark_and_does_not_dim_the_image(window: Window | None, inverted: bool) -> None:
    how = replace(PLAIN, padding=(65535, 65535), values_of_interest=window, inverted=inverted)
    assert shown(Frame(1, 3), [[65535, 10, 20]], how) == [[0, 255, 0] if inverted else [0, 0, 255]]


@pytest.mark.parametrize("samples", [[7, 7], [0, 0]])
def test_an_even_image_is_dark(samples: list[int]) -> None:
    assert shown(Frame(1, 2), [samples]) == [[0, 0]]


def test_an_image_of_padding_is_dark() -> None:
    assert shown(Frame(1, 2), [[5, 5]], replace(PLAIN, padding=(5, 5))) == [[0, 0]]


def test_what_is_no_number_is_dark() -> None:
    frame = Frame(1, 3, bits_allocated=32, bits_stored=32, floating=True)
    assert shown(frame, [[float("nan"), 1.5, 2.5]]) == [[0, 0, 255]]


@pytest.mark.parametrize("samples", [[1, 0, 1], [1, 1, 1]])
def test_single_bits_are_black_and_white(samples: list[int]) -> None:
    assert shown(Frame(1, 3, bits_allocated=1, bits_stored=1), [samples]) == [[255 * bit for bit in samples]]


@pytest.mark.parametrize(
    ("samples", "signed", "high_bit", "shades"),
    [
        ([0xF000, 0x0FFF, 0x8800], False, 11, [0, 255, 128]),  # an overlay in the upper bits
        ([0x0800, 0x0FFF, 0xF7FF], True, 11, [0, 127, 255]),  # a sign that is not extended
        ([0x0000, 0xFFF0, 0x800F], False, 15, [0, 255, 128]),  # in the upper bits of the word
    ],
)
def test_only_what_is_stored_counts(samples: list[int], signed: bool, high_bit: int, shades: list[int]) -> None:
    frame = Frame(1, 3, bits_stored=12, signed=signed)
    words = np.array([samples], "u2").view(frame.dtype)
    assert shown(frame, words, replace(PLAIN, high_bit=high_bit)) == [shades]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [16, 32])
def test_shades_of_values_are_those_of_pixels(signed: bool, bits: int) -> None:
    frame = Frame(700, 800, bits_allocated=bits, bits_stored=bits, signed=signed)
    samples = np.random.default_rng(3).integers(0, 1 << 16, frame.shape, f"u{bits // 8}").view(frame.dtype)
    values = samples.astype(float)
    expected = np.rint((values - values.min()) / (values.max() - values.min()) * 255)
    assert shown(frame, samples) == expected.tolist()


def test_a_supplemental_palette_colors_the_values_that_it_has() -> None:
    tables = tuple(LookupTable(100, np.array([one, 9], "u1"), 8) for one in (1, 2, 3))
    how = replace(PLAIN, values_of_interest=Window(50.5, 101), supplement=Palette(tables))
    assert shown(Frame(1, 3), [[0, 100, 101]], how) == [[[0, 0, 0], [1, 2, 3], [9, 9, 9]]]


def test_colors_are_shown_as_they_are() -> None:
    frame = Frame(1, 2, samples=3, photometric="RGB", bits_allocated=8, bits_stored=8, words=False)
    samples = np.array([[[1, 2, 3], [4, 5, 6]]], "u1")
    assert shading.colored(samples, frame, "RGB").tolist() == samples.tolist()


def test_deep_colors_get_eight_bits() -> None:
    frame = Frame(1, 1, samples=3, photometric="RGB", bits_stored=12)
    assert shading.colored(np.array([[[0, 2048, 4095]]], "u2"), frame, "RGB").tolist() == [[[0, 127, 255]]]


@pytest.mark.parametrize(
    ("photometric", "samples"),
    [("YBR_FULL", [76, 85, 255]), ("YBR_FULL_422", [76, 85, 255]), ("YBR_PARTIAL_420", [81, 90, 240])],
)
def test_luminance_and_chroma_become_colors(photometric: str, samples: list[int]) -> None:
    frame = Frame(1, 1, samples=3, photometric=photometric, bits_allocated=8, bits_stored=8, words=False)
    assert np.allclose(shading.colored(np.array([[samples]], "u1"), frame, photometric), [255, 0, 0], atol=2)


@pytest.mark.parametrize("frame", [Frame(1, 1, photometric="HSV"), Frame(1, 1, photometric="RGB")])
def test_other_colors_are_refused(frame: Frame) -> None:
    with pytest.raises(NotAcceptable):
        shading.colored(np.zeros(frame.shape, "u2"), frame, frame.photometric)


def test_values_beyond_all_numbers_are_dark() -> None:
    how = replace(PLAIN, slope=1e305)
    [image] = shading.grey([np.array([[0, 1, 65535]], "u2")], Frame(1, 3), [how])
    assert image.tolist() == [[0, 0, 0]]

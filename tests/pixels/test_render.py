from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_color_lut, apply_windowing

from filmroom.dicom import frames, json_model, part10, transfer_syntax
from filmroom.errors import NotAcceptable
from filmroom.pixels import display
from filmroom.pixels.frame import Frame, describe
from filmroom.pixels.render import grey, render

EXPLICIT = transfer_syntax.EXPLICIT_LITTLE.uid


def shown(frame: Frame, samples: Any, **elements: Any) -> Any:
    """The pixels of the PNG of a Frame. Names of elements are keys with an underscore before them."""
    made = {key[1:]: {"vr": "DS", "Value": [value]} for key, value in elements.items()}
    data = np.asarray(samples, frame.dtype).tobytes()
    return imagecodecs.png_decode(render(data, frame, made, EXPLICIT, "image/png")).tolist()


def test_without_a_window_all_values_have_shades() -> None:
    assert shown(Frame(1, 3, signed=True), [-100, 0, 100]) == [[0, 128, 255]]


def test_monochrome1_is_inverted() -> None:
    assert shown(Frame(1, 3, photometric="MONOCHROME1"), [0, 1, 2]) == [[255, 128, 0]]


def test_a_window_is_of_rescaled_values() -> None:
    window = {"_00281052": -1000, "_00281053": 1, "_00281050": 0.5, "_00281051": 101}
    assert shown(Frame(1, 4), [0, 950, 1000, 1050], **window) == [[0, 0, 128, 255]]


def test_padding_does_not_dim_the_image() -> None:
    assert shown(Frame(1, 3), [65535, 10, 20], _00280120=65535) == [[255, 0, 255]]


@pytest.mark.parametrize(("samples", "shade"), [([7, 7], 0), ([0, 0], 0)])
def test_an_even_image_is_dark(samples: list[int], shade: int) -> None:
    assert shown(Frame(1, 2), samples) == [[shade, shade]]


def test_an_image_of_padding_is_dark() -> None:
    assert shown(Frame(1, 2), [5, 5], _00280120=5) == [[0, 0]]


def test_what_is_no_number_is_dark() -> None:
    frame = Frame(1, 3, bits_allocated=32, bits_stored=32, floating=True)
    assert shown(frame, [float("nan"), 1.5, 2.5]) == [[0, 0, 255]]


def test_single_bits_are_black_and_white() -> None:
    png = render(b"\x05", Frame(1, 3, bits_allocated=1, bits_stored=1), {}, EXPLICIT, "image/png")
    assert imagecodecs.png_decode(png).tolist() == [[255, 0, 255]]


def test_colours_are_shown_as_they_are() -> None:
    frame = Frame(1, 2, samples=3, photometric="RGB", bits_allocated=8, bits_stored=8, words=False)
    assert shown(frame, [1, 2, 3, 4, 5, 6]) == [[[1, 2, 3], [4, 5, 6]]]


def test_deep_colours_get_eight_bits() -> None:
    frame = Frame(1, 1, samples=3, photometric="RGB", bits_stored=12)
    assert shown(frame, [0, 2048, 4095]) == [[[0, 127, 255]]]


@pytest.mark.parametrize(("photometric", "samples"), [("YBR_FULL", [76, 85, 255]), ("YBR_FULL_422", [76, 76, 85, 255])])
def test_luminance_and_chroma_become_colours(photometric: str, samples: list[int]) -> None:
    columns = len(samples) - 2
    frame = Frame(1, columns, samples=3, photometric=photometric, bits_allocated=8, bits_stored=8, words=False)
    red = shown(frame, samples)[0][0]
    assert np.allclose(red, [255, 0, 0], atol=2)


def test_frames_that_are_rendered_have_a_limit() -> None:
    with pytest.raises(NotAcceptable, match="more than 64 megapixels"):
        render(b"", Frame(10_000, 10_000), {}, EXPLICIT, "image/png")


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_shades_of_values_are_those_of_pixels(signed: bool, photometric: str) -> None:
    frame = Frame(700, 800, signed=signed, photometric=photometric)
    samples = np.random.default_rng(3).integers(0, 1 << 16, frame.shape, "u2").view(frame.dtype)
    how = display.describe({"00280120": {"vr": "US", "Value": [int(samples.max())]}}, 1, "<", {})
    shades = grey(samples, how)
    expected = np.rint((1 - shades if photometric == "MONOCHROME1" else shades) * 255)
    assert shown(frame, samples, _00280120=int(samples.max())) == expected.tolist()


def test_jpeg_has_the_quality_asked_for() -> None:
    samples = np.random.default_rng(1).integers(0, 255, (64, 64), dtype="u1")
    frame = Frame(64, 64, bits_allocated=8, bits_stored=8, words=False)
    made = [render(samples.tobytes(), frame, {}, EXPLICIT, "image/jpeg", quality) for quality in (1, 50, 100)]
    assert all(imagecodecs.jpeg8_decode(jpeg).shape == (64, 64) for jpeg in made)
    assert len(made[0]) < len(made[1]) < len(made[2])


def test_colour_jpeg_has_the_colours() -> None:
    frame = Frame(16, 16, samples=3, photometric="RGB", bits_allocated=8, bits_stored=8, words=False)
    jpeg = render(bytes([200, 30, 60]) * 256, frame, {}, EXPLICIT, "image/jpeg")
    assert np.allclose(imagecodecs.jpeg8_decode(jpeg), [200, 30, 60], atol=3)


@pytest.mark.parametrize(
    ("frame", "media_type"),
    [
        (Frame(1, 2), "image/gif"),
        (Frame(1, 2, photometric="HSV"), "image/png"),
        (Frame(1, 2, photometric="RGB"), "image/png"),
        (Frame(1, 66_000, bits_allocated=8, bits_stored=8), "image/jpeg"),
    ],
)
def test_what_cannot_be_shown_is_refused(frame: Frame, media_type: str) -> None:
    with pytest.raises(NotAcceptable):
        render(bytes(frame.length), frame, {}, EXPLICIT, media_type)


def rendered_file(path: Path) -> Any:
    """The PNG of the first Frame of a file of pydicom, with the bulk values that it needs."""
    file = part10.read(path.read_bytes())
    model = json_model.write(file)
    located = frames.locate(file, model.elements)
    assert located is not None
    offset, length = frames.span(located, 1)
    data = frames.extract(located, 1, bytes(file.buffer[offset : offset + length]))
    places = {name: model.bulk[name] for name in display.needed(model.elements)}
    bulk = {name: bytes(file.buffer[at.offset : at.offset + at.length]) for name, at in places.items()}
    uid = file.transfer_syntax.uid
    return imagecodecs.png_decode(render(data, describe(model.elements), model.elements, uid, "image/png", bulk=bulk))


def file_of_pydicom(name: str) -> Path:
    return Path(pydicom.__file__).parent / "data" / "test_files" / name


def test_palettes_are_those_of_pydicom() -> None:
    path = file_of_pydicom("examples_palette.dcm")
    read = pydicom.dcmread(path)
    expected = apply_color_lut(read.pixel_array, read)
    assert np.array_equal(rendered_file(path), expected >> 8)


@pytest.mark.parametrize("name", ["MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_jp2klossless.dcm"])
def test_windows_are_those_of_pydicom(name: str) -> None:
    read = pydicom.dcmread(file_of_pydicom("MR_small.dcm"))
    windowed = apply_windowing(read.pixel_array, read)  # from -32768 to 32767
    assert np.array_equal(rendered_file(file_of_pydicom(name)), np.rint((windowed + 32768) / 65535 * 255))


def test_jpeg_2000_colours_are_not_transformed_twice() -> None:
    path = file_of_pydicom("examples_jpeg2k.dcm")
    read = pydicom.dcmread(path)
    (codestream,) = pydicom.encaps.generate_frames(read.PixelData, number_of_frames=1)
    assert read.PhotometricInterpretation == "YBR_RCT"
    assert np.array_equal(rendered_file(path), imagecodecs.jpeg2k_decode(codestream))

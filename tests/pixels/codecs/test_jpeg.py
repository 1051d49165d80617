"""The colours of JPEG: the markers, the data set, and what is decoded."""

from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from pydicom.pixels.processing import convert_color_space

from filmroom.errors import NotAcceptable, Unconvertible
from filmroom.pixels import codecs
from filmroom.pixels.frame import Samples
from tests.pixels.codecs.frames import JPEG, LOSSLESS_JPEG, XL_OF_JPEG, frame

OF = frame(8, 3)
RGB = np.full(OF.shape, (200, 40, 90), "u1")
YBR = convert_color_space(RGB, "RGB", "YBR_FULL")


def jpeg(samples: Samples, inside: str) -> bytes:
    return bytes(
        imagecodecs.jpeg8_encode(samples, level=100, colorspace=inside, outcolorspace=inside, subsampling="444")
    )


def without_markers(data: bytes) -> bytes:
    """Without the JFIF or Adobe marker, which comes first, and with numbers for names."""
    end = 4 + int.from_bytes(data[4:6], "big")
    bare = bytearray(data[:2] + data[end:])
    start = bare.index(b"\xff\xc0") + 10
    for component in range(3):
        bare[start + 3 * component] = component
    scan = bare.index(b"\xff\xda") + 5
    for component in range(3):
        bare[scan + 2 * component] = component
    return bytes(bare)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize(("samples", "inside"), [(RGB, "RGB"), (YBR, "YCBCR")])
def test_markers_that_contradict_the_data_set_are_believed(samples: Samples, inside: str, photometric: str) -> None:
    found = codecs.decode(jpeg(samples, inside), replace(OF, photometric=photometric), JPEG)
    expected = RGB if photometric == "RGB" else YBR
    assert np.abs(found.astype(int) - expected).max() <= 3


@pytest.mark.parametrize(("photometric", "samples"), [("RGB", RGB), ("YBR_FULL", YBR)])
@pytest.mark.parametrize("inside", ["RGB", "YCBCR"])
def test_without_markers_the_data_set_is_believed(photometric: str, samples: Samples, inside: str) -> None:
    found = codecs.decode(without_markers(jpeg(samples, inside)), replace(OF, photometric=photometric), JPEG)
    assert np.abs(found.astype(int) - samples).max() <= 3


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_all_readers_see_the_colours_that_were_encoded(photometric: str) -> None:
    samples = RGB if photometric == "RGB" else YBR
    data = codecs.encode(samples, replace(OF, photometric=photometric), JPEG)
    assert np.abs(imagecodecs.jpeg8_decode(data).astype(int) - RGB).max() <= 4  # a browser


def test_the_colours_of_lossless_images_are_not_converted() -> None:
    data = jpeg(YBR, "YCBCR")
    lossless = bytes(imagecodecs.jpeg8_encode(RGB, lossless=True, predictor=1, colorspace="RGB", outcolorspace="RGB"))
    assert np.array_equal(codecs.decode(lossless, replace(OF, photometric="YBR_FULL"), LOSSLESS_JPEG), RGB)
    assert data


def test_recompressed_jpeg_is_decoded_as_the_jpeg_image() -> None:
    data = jpeg(YBR, "YCBCR")
    of = replace(OF, photometric="YBR_FULL_422")
    smaller = codecs.find(XL_OF_JPEG).recode[JPEG](data)
    assert np.array_equal(codecs.decode(smaller, of, XL_OF_JPEG), codecs.decode(data, of, JPEG))
    assert codecs.find(JPEG).recode[XL_OF_JPEG](smaller) == data


def test_jpeg_xl_that_was_no_jpeg_is_not_made_one() -> None:
    lossless = bytes(imagecodecs.jpegxl_encode(RGB, lossless=True))
    with pytest.raises(NotAcceptable, match="No JPEG image"):
        codecs.decode(lossless, OF, XL_OF_JPEG)
    with pytest.raises(NotAcceptable, match="can't be made smaller"):
        codecs.find(XL_OF_JPEG).recode[JPEG](b"no JPEG")


@pytest.mark.parametrize("process", [0xC5, 0xC9, 0xCA, 0xF7])
def test_other_processes_are_refused(process: int) -> None:
    data = bytearray(jpeg(RGB, "RGB"))
    data[data.index(b"\xff\xc0") + 1] = process
    with pytest.raises(Unconvertible):
        codecs.decode(bytes(data), OF, JPEG)

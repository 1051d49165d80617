from typing import Any

import pytest

from filmroom.dicom import json_model, part10
from filmroom.errors import NotAcceptable
from filmroom.pixels.frame import Frame, describe
from tests import data


def described(**attributes: Any) -> Frame:
    made = data.image(frames=2, rows=3, columns=4, **attributes)
    return describe(json_model.write(part10.read(data.file(made))).elements)


def test_the_data_set_describes_its_frames() -> None:
    assert described(BitsStored=12, PixelRepresentation=1) == Frame(
        rows=3, columns=4, bits_allocated=16, bits_stored=12, signed=True, count=2
    )


def test_colours_have_samples_and_planes() -> None:
    frame = described(bits=8, samples=3, PlanarConfiguration=1)
    assert (frame.samples, frame.photometric, frame.planar, frame.words) == (3, "RGB", 1, False)


def test_what_is_missing_has_the_usual_value() -> None:
    frame = described(
        SamplesPerPixel=None,
        PhotometricInterpretation=None,
        NumberOfFrames=None,
        BitsStored=None,
        PixelRepresentation=None,
    )
    assert frame == Frame(rows=3, columns=4)


@pytest.mark.parametrize(
    ("frame", "length"),
    [
        (Frame(3, 4), 24),
        (Frame(3, 5, bits_allocated=1), 2),
        (Frame(3, 4, samples=3, bits_allocated=8), 36),
        (Frame(3, 4, samples=3, bits_allocated=8, photometric="YBR_FULL_422"), 24),
        (Frame(3, 4, bits_allocated=64, floating=True), 96),
    ],
)
def test_a_native_frame_has_a_length(frame: Frame, length: int) -> None:
    assert frame.length == length


@pytest.mark.parametrize(
    "wrong",
    [
        {"Rows": None},
        {"Columns": 0},
        {"SamplesPerPixel": 2},
        {"BitsAllocated": 12},
        {"BitsAllocated": None},
        {"BitsStored": 17},
        {"BitsStored": 0},
    ],
)
def test_descriptions_without_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(NotAcceptable):
        described(**wrong)


def test_a_photometric_interpretation_that_is_not_in_ascii_is_refused() -> None:
    elements = json_model.write(part10.read(data.file(data.image()))).elements
    elements["00280004"]["Value"] = ["MONOCHROMÉ"]
    with pytest.raises(NotAcceptable, match="ASCII"):
        describe(elements)

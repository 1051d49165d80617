"""The tutorial's files say what the published ones say, attribute by attribute, and show what their names say."""

from hashlib import sha256
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from filmroom.cli.tutorial import (
    BACKGROUND,
    BLUE_CIRCLE,
    GREEN_SQUARE,
    RED_TRIANGLE,
    SAMPLES,
    Colour,
    Sample,
    draw,
    file,
)

# keyword: (VR, value), as the published files have them. A second copy, to test the first.
SHARED = {
    "SpecificCharacterSet": ("CS", "ISO_IR 192"),
    "ImageType": ("CS", ["DERIVED", "SECONDARY", "OTHER"]),
    "SOPClassUID": ("UI", "1.2.840.10008.5.1.4.1.1.7"),
    "StudyDate": ("DA", "20200922"),
    "ContentDate": ("DA", ""),
    "AcquisitionDateTime": ("DT", ""),
    "StudyTime": ("TM", "120000"),
    "ContentTime": ("TM", ""),
    "AccessionNumber": ("SH", ""),
    "Modality": ("CS", "OT"),
    "ConversionType": ("CS", "SYN"),
    "ReferringPhysicianName": ("PN", "Doctor Doc"),
    "PatientName": ("PN", "Anony Mous"),
    "PatientID": ("LO", "ID1"),
    "PatientBirthDate": ("DA", ""),
    "PatientSex": ("CS", "F"),
    "PatientAge": ("AS", "024Y"),
    "PatientPosition": ("CS", ""),
    "StudyInstanceUID": ("UI", "1.2.826.0.1.3680043.8.498.13230779778012324449356534479549187420"),
    "StudyID": ("SH", "1"),
    "PatientOrientation": ("CS", ""),
    "Laterality": ("CS", ""),
    "SamplesPerPixel": ("US", 3),
    "PhotometricInterpretation": ("CS", "RGB"),
    "PlanarConfiguration": ("US", 0),
    "Rows": ("US", 979),
    "Columns": ("US", 985),
    "PixelSpacing": ("DS", [1, 1]),
    "BitsAllocated": ("US", 8),
    "BitsStored": ("US", 8),
    "HighBit": ("US", 7),
    "PixelRepresentation": ("US", 0),
    "SmallestImagePixelValue": ("US", 0),
    "LargestImagePixelValue": ("US", 255),
}
OWN = {
    "blue-circle": {
        "SOPInstanceUID": ("UI", "1.2.826.0.1.3680043.8.498.13273713909719068980354078852867170114"),
        "SeriesInstanceUID": ("UI", "1.2.826.0.1.3680043.8.498.77033797676425927098669402985243398207"),
        "SeriesNumber": ("IS", 2),
        "InstanceNumber": ("IS", 1),
        "ImageComments": ("LT", "Fake DICOM - Blue Circle"),
    },
    "green-square": {
        "SOPInstanceUID": ("UI", "1.2.826.0.1.3680043.8.498.12714725698140337137334606354172323212"),
        "SeriesInstanceUID": ("UI", "1.2.826.0.1.3680043.8.498.45787841905473114233124723359129632652"),
        "SeriesNumber": ("IS", 1),
        "InstanceNumber": ("IS", 2),
        "ImageComments": ("LT", "Fake DICOM - Green Square"),
    },
    "red-triangle": {
        "SOPInstanceUID": ("UI", "1.2.826.0.1.3680043.8.498.47359123102728459884412887463296905395"),
        "SeriesInstanceUID": ("UI", "1.2.826.0.1.3680043.8.498.45787841905473114233124723359129632652"),
        "SeriesNumber": ("IS", 1),
        "InstanceNumber": ("IS", 1),
        "ImageComments": ("LT", "Fake DICOM - Red Triangle"),
    },
}
PIXELS = {  # beginning of the SHA-256
    "blue-circle": "baa7d3469c4b07e9",
    "green-square": "fd2cdd90f4dd1e23",
    "red-triangle": "174c09456cfd0f15",
}


def _read(sample: Sample) -> Dataset:
    return dcmread(BytesIO(file(sample)))


def _colour(sample: Sample, row: int, column: int) -> Colour:
    red, green, blue = draw(sample)[row, column]
    return int(red), int(green), int(blue)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_says_what_the_published_file_says(sample: Sample) -> None:
    read = _read(sample)
    del read.PixelData
    said = {e.keyword: (e.VR, list(e.value) if isinstance(e.value, MultiValue) else e.value) for e in read}
    assert said == SHARED | OWN[sample.name]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_the_pixels_are_the_same_on_every_machine(sample: Sample) -> None:
    assert sha256(draw(sample).tobytes()).hexdigest()[:16] == PIXELS[sample.name]
    assert np.array_equal(_read(sample).pixel_array, draw(sample))


def test_the_bytes_are_the_same_every_time() -> None:
    assert file(BLUE_CIRCLE) == file(BLUE_CIRCLE)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_the_form_stands_on_the_background(sample: Sample) -> None:
    assert _colour(sample, 489, 492) == sample.colour
    assert _colour(sample, 0, 0) == _colour(sample, 978, 984) == BACKGROUND


def test_the_forms_differ() -> None:
    corner, beside_the_tip = (489 - 240, 492 - 240), (489 - 240, 492)
    assert [_colour(s, *corner) == s.colour for s in (BLUE_CIRCLE, GREEN_SQUARE, RED_TRIANGLE)] == [False, True, False]
    assert _colour(RED_TRIANGLE, *beside_the_tip) == RED_TRIANGLE.colour


def test_borders_are_smooth() -> None:
    assert len(np.unique(draw(BLUE_CIRCLE).reshape(-1, 3), axis=0)) > 50

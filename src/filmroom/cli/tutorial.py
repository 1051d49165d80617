"""The tutorial's three files, which are one Study: what each says, as a table, and how its picture is drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

Plane: TypeAlias = npt.NDArray[np.float64]
Colour: TypeAlias = tuple[int, int, int]

ROWS, COLUMNS = 979, 985
BACKGROUND: Colour = (195, 195, 195)

STUDY = "1.2.826.0.1.3680043.8.498.13230779778012324449356534479549187420"
SHARED_SERIES = "1.2.826.0.1.3680043.8.498.45787841905473114233124723359129632652"

# UUID-derived (PS3.5 B.2) and fixed, so that the same bytes are drawn everywhere.
IMPLEMENTATION_CLASS = "2.25.214318423561940641309813425197454298095"
IMPLEMENTATION_VERSION = "FILMROOM_SAMPLES"

# What the three have in common. An empty value is sent as an attribute without one.
ATTRIBUTES: dict[str, Any] = {
    "SpecificCharacterSet": "ISO_IR 192",
    "ImageType": ["DERIVED", "SECONDARY", "OTHER"],
    "SOPClassUID": SecondaryCaptureImageStorage,
    "StudyDate": "20200922",
    "ContentDate": "",
    "AcquisitionDateTime": "",
    "StudyTime": "120000",
    "ContentTime": "",
    "AccessionNumber": "",
    "Modality": "OT",
    "ConversionType": "SYN",
    "ReferringPhysicianName": "Doctor Doc",
    "PatientName": "Anony Mous",
    "PatientID": "ID1",
    "PatientBirthDate": "",
    "PatientSex": "F",
    "PatientAge": "024Y",
    "PatientPosition": "",
    "StudyInstanceUID": STUDY,
    "StudyID": "1",
    "PatientOrientation": "",
    "Laterality": "",
    "SamplesPerPixel": 3,
    "PhotometricInterpretation": "RGB",
    "PlanarConfiguration": 0,
    "Rows": ROWS,
    "Columns": COLUMNS,
    "PixelSpacing": ["1", "1"],
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "PixelRepresentation": 0,
    "SmallestImagePixelValue": 0,
    "LargestImagePixelValue": 255,
}


def circle(x: Plane, y: Plane) -> Plane:
    """Distance from the border in pixels, negative inside; so are the others. (0, 0) is the picture's centre."""
    # Not hypot: square root alone is rounded alike on every machine (IEEE 754).
    distance: Plane = np.sqrt(x * x + y * y) - 290
    return distance


def square(x: Plane, y: Plane) -> Plane:
    """A square of 500 pixels."""
    distance: Plane = np.maximum(np.abs(x), np.abs(y)) - 250
    return distance


def triangle(x: Plane, y: Plane) -> Plane:
    """An equilateral triangle, base down, within a circle of 330 pixels around the centre."""
    below = y - 165
    aslant = np.abs(x) * (np.sqrt(3.0) / 2) - y / 2 - 165
    distance: Plane = np.maximum(below, aslant)
    return distance


@dataclass(frozen=True, slots=True)
class Sample:
    """One of the files: what it alone says, and the form and colour of its picture."""

    name: str
    series: str
    instance: str
    series_number: int
    instance_number: int
    comments: str
    colour: Colour
    distance: Callable[[Plane, Plane], Plane]

    @property
    def file_name(self) -> str:
        """`blue-circle.dcm`."""
        return f"{self.name}.dcm"


BLUE_CIRCLE = Sample(
    "blue-circle",
    "1.2.826.0.1.3680043.8.498.77033797676425927098669402985243398207",
    "1.2.826.0.1.3680043.8.498.13273713909719068980354078852867170114",
    2,
    1,
    "Fake DICOM - Blue Circle",
    (63, 72, 204),
    circle,
)
GREEN_SQUARE = Sample(
    "green-square",
    SHARED_SERIES,
    "1.2.826.0.1.3680043.8.498.12714725698140337137334606354172323212",
    1,
    2,
    "Fake DICOM - Green Square",
    (34, 177, 76),
    square,
)
RED_TRIANGLE = Sample(
    "red-triangle",
    SHARED_SERIES,
    "1.2.826.0.1.3680043.8.498.47359123102728459884412887463296905395",
    1,
    1,
    "Fake DICOM - Red Triangle",
    (237, 28, 36),
    triangle,
)
SAMPLES = (BLUE_CIRCLE, GREEN_SQUARE, RED_TRIANGLE)


def draw(sample: Sample) -> npt.NDArray[np.uint8]:
    """The picture, rows by columns by RGB. A pixel on the border is mixed by the share of it that lies inside."""
    y, x = np.mgrid[:ROWS, :COLUMNS].astype(np.float64)
    inside = np.clip(0.5 - sample.distance(x - (COLUMNS - 1) / 2, y - (ROWS - 1) / 2), 0, 1)[..., np.newaxis]
    mixed = inside * np.array(sample.colour) + (1 - inside) * np.array(BACKGROUND)
    picture: npt.NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return picture


def dataset(sample: Sample) -> Dataset:
    """The data set with its picture."""
    made = Dataset()
    for keyword, value in ATTRIBUTES.items():
        setattr(made, keyword, value)
    made.SOPInstanceUID = sample.instance
    made.SeriesInstanceUID = sample.series
    made.SeriesNumber = sample.series_number
    made.InstanceNumber = sample.instance_number
    made.ImageComments = sample.comments
    pixels = draw(sample).tobytes()
    made.add_new("PixelData", "OB", pixels + b"\0" * (len(pixels) % 2))  # values have even length (PS3.5 8.1.1)
    return made


def file(sample: Sample) -> bytes:
    """The PS3.10 file, the same bytes every time."""
    made = dataset(sample)
    made.preamble = b"\0" * 128
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = UID(sample.instance)
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS)
    made.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    target = BytesIO()
    dcmwrite(target, made, enforce_file_format=True)
    return target.getvalue()

"""What the samples of a Frame are: its size, bits and colours, as the data set describes them (PS3.3 §C.7.6.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmroom.dicom.frames import SUBSAMPLED
from filmroom.dicom.json_model import first
from filmroom.errors import NotAcceptable

Samples = NDArray[Any]  # (rows, columns) or (rows, columns, samples per pixel), one native word for each sample

ROWS, COLUMNS, NUMBER_OF_FRAMES = 0x00280010, 0x00280011, 0x00280008
SAMPLES_PER_PIXEL, PHOTOMETRIC_INTERPRETATION, PLANAR_CONFIGURATION = 0x00280002, 0x00280004, 0x00280006
BITS_ALLOCATED, BITS_STORED, PIXEL_REPRESENTATION = 0x00280100, 0x00280101, 0x00280103
FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA, PIXEL_DATA = "7FE00008", "7FE00009", "7FE00010"


@dataclass(frozen=True, slots=True)
class Frame:
    """The description that all Frames of an Instance share."""

    rows: int
    columns: int
    samples: int = 1
    photometric: str = "MONOCHROME2"
    planar: int = 0  # 1: all of one sample, then all of the next
    bits_allocated: int = 16
    bits_stored: int = 16
    signed: bool = False
    count: int = 1
    floating: bool = False  # Float or Double Float Pixel Data
    words: bool = True  # VR OW, whose bytes are swapped by twos in Explicit VR Big Endian

    @property
    def subsampled(self) -> bool:
        """Native pixels share their chroma (PS3.3 §C.7.6.3.1.2)."""
        return self.samples == 3 and self.photometric in SUBSAMPLED

    @property
    def per_pixel(self) -> float:
        """The samples of a native pixel, shared ones in part."""
        return SUBSAMPLED[self.photometric] if self.subsampled else self.samples

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the samples of one Frame."""
        return (self.rows, self.columns, self.samples)[: 2 if self.samples == 1 else 3]

    @property
    def bits(self) -> int:
        """The length of one native Frame."""
        return int(self.rows * self.columns * self.per_pixel * self.bits_allocated)

    @property
    def length(self) -> int:
        """The bytes of one native Frame."""
        return (self.bits + 7) // 8

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The type of one sample; for single bits that of the byte in which they are unpacked."""
        kind = "f" if self.floating else "i" if self.signed else "u"
        return np.dtype(f"{kind}{max(self.bits_allocated, 8) // 8}")


def describe(elements: Mapping[str, Any]) -> Frame:
    """The Frames of a data set in DICOM JSON. NotAcceptable if what decoding needs is missing or makes no sense."""
    bits_allocated = _number(elements, BITS_ALLOCATED, 0)
    samples = _number(elements, SAMPLES_PER_PIXEL, 1)
    frame = Frame(
        rows=_number(elements, ROWS, 0),
        columns=_number(elements, COLUMNS, 0),
        samples=samples,
        photometric=str(first(elements, PHOTOMETRIC_INTERPRETATION) or ("MONOCHROME2" if samples == 1 else "RGB")),
        planar=_number(elements, PLANAR_CONFIGURATION, 0) if samples > 1 else 0,
        bits_allocated=bits_allocated,
        bits_stored=_number(elements, BITS_STORED, bits_allocated),
        signed=_number(elements, PIXEL_REPRESENTATION, 0) == 1,
        count=max(_number(elements, NUMBER_OF_FRAMES, 1), 1),
        floating=FLOAT_PIXEL_DATA in elements or DOUBLE_FLOAT_PIXEL_DATA in elements,
        words=elements.get(PIXEL_DATA, {}).get("vr") != "OB",
    )
    if frame.rows <= 0 or frame.columns <= 0 or frame.samples not in (1, 3) or frame.planar not in (0, 1):
        raise NotAcceptable("The pixel data can't be read: Rows, Columns or Samples per Pixel are missing or wrong.")
    if not frame.photometric.isascii():
        raise NotAcceptable("The pixel data can't be read: Photometric Interpretation is not in ASCII.")
    if bits_allocated not in ((32, 64) if frame.floating else (1, 8, 16, 32)):
        raise NotAcceptable("The pixel data can't be read: Bits Allocated is missing or not supported.")
    if not 0 < frame.bits_stored <= bits_allocated:
        raise NotAcceptable("The pixel data can't be read: Bits Stored is above Bits Allocated.")
    return frame


def _number(elements: Mapping[str, Any], tag: int, default: int) -> int:
    value = first(elements, tag)
    return int(value) if isinstance(value, (int, float)) else default

"""The instances that the benchmarks store: native 16 bit or JPEG, the same in each run but for their UIDs.

A file is written once per shape, with marks of fixed width where instances differ; an instance is that file
with its own values in the marks' places. So making one costs microseconds, and an object of any size is a
stream of Frames.
"""

import io
import itertools
import json
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

from bench.attributes import MARKS, attributes

SEED = 20241231
_RUNS = itertools.count()
STAMP = struct.Struct("<QQ")  # near the beginning of each Frame: the instance's and the Frame's number
FIRST_DAY = date(2024, 2, 29)

_ITEM = struct.Struct("<HHI")  # tag and length of an item of encapsulated Pixel Data (PS3.5 A.4)
_END = _ITEM.pack(0xFFFE, 0xE0DD, 0)
_SOI_COM = b"\xff\xd8\xff\xfe"  # a JPEG begins, and has a comment (ITU-T T.81 B.2.4.5), which holds the stamp


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of an instance, and its Modality, which is part of the shape because it needs no mark then."""

    rows: int
    columns: int
    frames: int = 1
    modality: str = "CT"
    jpeg: bool = False  # 8 bit, JPEG Baseline; else native, 12 of 16 bit
    place: int = 0  # of the disc in the image, so that images can be told apart

    @property
    def frame_length(self) -> int:
        """The bytes of one Frame."""
        return STAMP.size + len(_rest(self)) + (len(_comment(self)) if self.jpeg else 0)


KB_10 = Shape(64, 64)
KB_131 = Shape(256, 256)
MR = Shape(256, 256, modality="MR")
KB_530 = Shape(512, 512)
DX = Shape(2500, 2000, modality="DX")
MULTI = Shape(512, 512, frames=300)  # 157 MB
MULTI_JPEG = Shape(512, 512, frames=300, jpeg=True)
GB_2 = Shape(512, 512, frames=3815)  # 2,000 MB, under the 2^31 bytes at which some peers' readers end


@dataclass(frozen=True, slots=True)
class Instance:
    """The values of one instance. `study` to `number` are numbers within the run, from 0."""

    shape: Shape
    run: int
    study: int
    series: int
    number: int
    day: int = 0  # of the Study, counted from FIRST_DAY

    @property
    def uids(self) -> tuple[str, str, str]:
        """Study, Series and SOP Instance UID: 44 characters each, below 2^128 (PS3.5 B.2), new in a run."""
        return (
            f"2.25.1{self.run:018d}{self.study:06d}{0:06d}{0:08d}",
            f"2.25.1{self.run:018d}{self.study:06d}{self.series + 1:06d}{0:08d}",
            f"2.25.1{self.run:018d}{self.study:06d}{self.series + 1:06d}{self.number + 1:08d}",
        )

    @property
    def patient(self) -> str:
        """The Patient ID, one for each Study."""
        return f"{self.run % 10**12:012d}{self.study:06d}"

    @property
    def name(self) -> str:
        """The Patient's Name."""
        return f"{self.family}^Given{self.study:06d}"

    @property
    def date(self) -> str:
        """The Study Date."""
        return f"{FIRST_DAY + timedelta(days=self.day):%Y%m%d}"

    @property
    def family(self) -> str:
        """The family name of the Patient, one of forty of the run."""
        return f"B{self.run % 10**10:010d}F{self.study % 40:02d}"

    @property
    def values(self) -> dict[str, str]:
        """What stands in the places of the marks, as wide as they are."""
        study, series, instance = self.uids
        return {
            "study": study,
            "series": series,
            "instance": instance,
            "patient": self.patient,
            "name": self.name,
            "date": self.date,
            "number": f"{self.number + 1:<8d}",
        }

    @property
    def path(self) -> str:
        """The instance's path under the root of the service."""
        return f"{self.series_path}/instances/{self.uids[2]}"

    @property
    def series_path(self) -> str:
        """The path of its Series."""
        return f"/studies/{self.uids[0]}/series/{self.uids[1]}"

    @property
    def size(self) -> int:
        """The length of the file."""
        shape = self.shape
        around = _ITEM.size if shape.jpeg else 0  # each Frame, and what ends them
        return len(_template(shape).head) + (around + shape.frame_length) * shape.frames + around

    def pieces(self) -> Iterator[bytes]:
        """The PS3.10 file. Nearly all of it is the same object each time, so an instance takes little memory."""
        yield self.head()
        for number in range(1, self.shape.frames + 1):
            if self.shape.jpeg:
                yield _ITEM.pack(0xFFFE, 0xE000, self.shape.frame_length)
            yield from self.frame(number)
        if self.shape.jpeg:
            yield _END

    def frame(self, number: int) -> tuple[bytes, bytes]:
        """The bytes of a Frame, from 1, in two pieces, of which the first is no other Frame's."""
        stamp = STAMP.pack(self.number, number)
        return _comment(self.shape) + stamp if self.shape.jpeg else stamp, _rest(self.shape)

    def head(self) -> bytes:
        """All that is before the first Frame."""
        template, values = _template(self.shape), self.values
        head = bytearray(template.head)
        for offset, key in template.places:
            value = values[key].encode()
            head[offset : offset + len(value)] = value
        return bytes(head)


@dataclass(frozen=True, slots=True)
class _Template:
    head: bytes  # all before the first Frame
    places: tuple[tuple[int, str], ...]


def new_run() -> int:
    """A number of 18 digits that no earlier run had: microseconds since 1970, and a count for the same one."""
    return time.time_ns() // 1000 * 100 + next(_RUNS) % 100


@cache
def _template(shape: Shape) -> _Template:
    made = attributes(shape.rows, shape.columns, shape.frames, shape.modality, 8 if shape.jpeg else 16)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    meta.TransferSyntaxUID = JPEGBaseline8Bit if shape.jpeg else ExplicitVRLittleEndian
    made.file_meta, made.preamble = meta, b"\0" * 128
    target = io.BytesIO()
    dcmwrite(target, made, implicit_vr=False, little_endian=True, enforce_file_format=True)
    head = target.getvalue() + _pixel_data(shape)
    return _Template(head, tuple(_find_marks(head)))


def _pixel_data(shape: Shape) -> bytes:
    """How the element of Pixel Data begins, with the Basic Offset Table of what is encapsulated."""
    if not shape.jpeg:
        return struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, shape.frame_length * shape.frames)
    offsets = [number * (_ITEM.size + shape.frame_length) for number in range(shape.frames)]
    table = struct.pack(f"<{len(offsets)}I", *offsets)
    return struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + _ITEM.pack(0xFFFE, 0xE000, len(table)) + table


def _find_marks(head: bytes) -> Iterator[tuple[int, str]]:
    for key, mark in MARKS.items():
        offset = head.find(mark.encode())
        while offset >= 0:
            yield offset, key
            offset = head.find(mark.encode(), offset + 1)


@cache
def _rest(shape: Shape) -> bytes:
    """A Frame without the stamp and what is before it: a bright disc under noise."""
    samples = _samples(shape)
    if not shape.jpeg:
        return samples.astype("<u2").tobytes()[STAMP.size :]
    return bytes(imagecodecs.jpeg8_encode((samples / 16).astype("u1"), level=90))[2:]


@cache
def _comment(shape: Shape) -> bytes:
    """How a JPEG begins, up to the stamp. A blank before that makes the length even, so that no padding is needed."""
    blank = b" " * (len(_rest(shape)) % 2)
    return _SOI_COM + struct.pack(">H", 2 + len(blank) + STAMP.size) + blank


def pixels(shape: Shape) -> npt.NDArray[np.uint16]:
    """The stored values of a native Frame, without the stamp."""
    stored: npt.NDArray[np.uint16] = np.frombuffer(bytes(STAMP.size) + _rest(shape), "<u2")
    return stored.reshape(shape.rows, shape.columns)


def dataset(instance: Instance) -> dict[str, Any]:
    """What an instance holds, but for pixels, as DICOM JSON (PS3.18 F.2)."""
    text = _json(instance.shape)
    for key, stored in instance.values.items():
        text = text.replace(MARKS[key], stored.strip())
    told: dict[str, Any] = json.loads(text)
    return told


@cache
def _json(shape: Shape) -> str:
    return attributes(shape.rows, shape.columns, shape.frames, shape.modality, 8 if shape.jpeg else 16).to_json()


def _samples(shape: Shape) -> npt.NDArray[np.float64]:
    """Twelve bits."""
    rows, columns = shape.rows, shape.columns
    y, x = np.ogrid[:rows, :columns]
    disc = ((x - columns * (1 / 2 + shape.place / 16)) ** 2 + (y - rows / 2) ** 2 < (rows / 3) ** 2) * 1000
    noise = np.random.default_rng(SEED).normal(1000, 60, (rows, columns))
    samples: npt.NDArray[np.float64] = (disc + noise).clip(0, 4095)
    return samples

"""The instances that the benchmarks store: CT-like, native 16 bit, the same in each run but for their UIDs.

A file is written once per shape, with marks of fixed width where instances differ; an instance is that file
with its own values in the marks' places. So making one costs microseconds, and an object of any size is a
stream of Frames.
"""

import io
import itertools
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

SEED = 20241231
MULTI_FRAME = UID("1.2.840.10008.5.1.4.1.1.7.3")  # Multi-frame Grayscale Word Secondary Capture Image Storage
_RUNS = itertools.count()
STAMP = struct.Struct("<QQ")  # the first bytes of each Frame: the instance's and the Frame's number

# What differs between instances, and the mark that holds its place. The widths are those of the values.
MARKS = {
    "study": "2.25.1" + "1" * 38,
    "series": "2.25.1" + "2" * 38,
    "instance": "2.25.1" + "3" * 38,
    "patient": "P" * 18,
    "name": "N" * 26,
    "number": "4" * 8,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of an instance, and its Modality, which is part of the shape because it needs no mark then."""

    rows: int
    columns: int
    frames: int = 1
    modality: str = "CT"

    @property
    def frame_length(self) -> int:
        """The bytes of one Frame."""
        return self.rows * self.columns * 2


KB_10 = Shape(64, 64)
KB_131 = Shape(256, 256)
KB_530 = Shape(512, 512)
MB_262 = Shape(512, 512, frames=500)
GB_2 = Shape(512, 512, frames=3815)  # 2,000 MB, under the 2^31 bytes at which some peers' readers end


@dataclass(frozen=True, slots=True)
class Instance:
    """The values of one instance. `study` to `number` are numbers within the run, from 0."""

    shape: Shape
    run: int
    study: int
    series: int
    number: int

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
    def family(self) -> str:
        """The family name of the Patient, one of forty of the run."""
        return f"B{self.run % 10**10:010d}F{self.study % 40:02d}"

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
        return len(_template(self.shape).head) + self.shape.frame_length * self.shape.frames

    def pieces(self) -> Iterator[bytes]:
        """The PS3.10 file. Nearly all of it is the same object each time, so an instance takes little memory."""
        yield self.head()
        for number in range(1, self.shape.frames + 1):
            yield from self.frame(number)

    def frame(self, number: int) -> tuple[bytes, bytes]:
        """The bytes of a Frame, from 1, in two pieces."""
        return STAMP.pack(self.number, number), _pixels(self.shape.rows, self.shape.columns)

    def head(self) -> bytes:
        """All that is before the first Frame."""
        template = _template(self.shape)
        study, series, instance = self.uids
        values = {
            "study": study,
            "series": series,
            "instance": instance,
            "patient": self.patient,
            "name": self.name,
            "number": f"{self.number + 1:<8d}",
        }
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
    made = _attributes(shape)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta, made.preamble = meta, b"\0" * 128
    target = io.BytesIO()
    dcmwrite(target, made, implicit_vr=False, little_endian=True, enforce_file_format=True)
    length = shape.frame_length * shape.frames
    head = target.getvalue() + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, length)
    return _Template(head, tuple(_find_marks(head)))


def _find_marks(head: bytes) -> Iterator[tuple[int, str]]:
    for key, mark in MARKS.items():
        offset = head.find(mark.encode())
        while offset >= 0:
            yield offset, key
            offset = head.find(mark.encode(), offset + 1)


@cache
def _pixels(rows: int, columns: int) -> bytes:
    """A bright disc under noise, 12 of 16 bits, without the bytes of the stamp."""
    y, x = np.ogrid[:rows, :columns]
    disc = ((x - columns / 2) ** 2 + (y - rows / 2) ** 2 < (rows / 3) ** 2) * 1000
    noise = np.random.default_rng(SEED).normal(1000, 60, (rows, columns))
    return (disc + noise).clip(0, 4095).astype("<u2").tobytes()[STAMP.size :]


def _attributes(shape: Shape) -> Dataset:
    made = Dataset()
    for keyword, value in _VALUES.items():
        setattr(made, keyword, value)
    made.Modality = shape.modality
    made.Rows, made.Columns = shape.rows, shape.columns
    made.SOPClassUID = MULTI_FRAME if shape.frames > 1 else CTImageStorage
    if shape.frames > 1:
        made.NumberOfFrames = shape.frames
    made.ReferencedStudySequence = [
        _item(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", ReferencedSOPInstanceUID="2.25.7")
    ]
    made.ProcedureCodeSequence = [_code("24725-4", "LN", "CT Head")]
    made.AnatomicRegionSequence = [_code("69536005", "SCT", "Head")]
    made.RequestAttributesSequence = [_item(RequestedProcedureID="RP1", ScheduledProcedureStepID="SPS1")]
    private = made.private_block(0x0009, "FILMROOM BENCH", create=True)
    for element in range(1, 11):
        private.add_new(element, "LO", f"Private value {element}")
    return made


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _item(**values: str) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


# About as many attributes as a scanner writes.
_VALUES: dict[str, object] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "InstanceCreationDate": "20240229",
    "InstanceCreationTime": "101112.000000",
    "SOPInstanceUID": MARKS["instance"],
    "StudyDate": "20240229",
    "SeriesDate": "20240229",
    "AcquisitionDate": "20240229",
    "ContentDate": "20240229",
    "StudyTime": "101112.000000",
    "SeriesTime": "101113.000000",
    "AcquisitionTime": "101114.000000",
    "ContentTime": "101115.000000",
    "AccessionNumber": "A1234567",
    "Manufacturer": "Filmroom",
    "InstitutionName": "General Hospital",
    "InstitutionAddress": "1 Main Street, Springfield",
    "ReferringPhysicianName": "Doctor^Doc",
    "StationName": "CT01",
    "StudyDescription": "CT head without contrast",
    "SeriesDescription": "Axial 0.6 mm soft tissue",
    "InstitutionalDepartmentName": "Radiology",
    "NameOfPhysiciansReadingStudy": "Reader^Ray",
    "OperatorsName": "Operator^Olive",
    "ManufacturerModelName": "Benchmark 64",
    "PatientName": MARKS["name"],
    "PatientID": MARKS["patient"],
    "PatientBirthDate": "19700101",
    "PatientSex": "O",
    "PatientAge": "054Y",
    "PatientWeight": "75",
    "BodyPartExamined": "HEAD",
    "ScanOptions": "HELICAL MODE",
    "SliceThickness": "0.6",
    "KVP": "120",
    "DataCollectionDiameter": "500",
    "DeviceSerialNumber": "123456",
    "SoftwareVersions": "1.0",
    "ProtocolName": "Head routine",
    "ReconstructionDiameter": "250",
    "DistanceSourceToDetector": "949.075",
    "DistanceSourceToPatient": "541",
    "GantryDetectorTilt": "0",
    "TableHeight": "134",
    "RotationDirection": "CW",
    "ExposureTime": "1000",
    "XRayTubeCurrent": "250",
    "Exposure": "250",
    "FilterType": "HEAD FILTER",
    "GeneratorPower": "30000",
    "FocalSpots": "0.7",
    "DateOfLastCalibration": "20240201",
    "TimeOfLastCalibration": "070000",
    "ConvolutionKernel": "SOFT",
    "PatientPosition": "HFS",
    "StudyInstanceUID": MARKS["study"],
    "SeriesInstanceUID": MARKS["series"],
    "StudyID": "1",
    "SeriesNumber": "1",
    "AcquisitionNumber": "1",
    "InstanceNumber": MARKS["number"],
    "ImagePositionPatient": ["-125", "-125", "0"],
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "FrameOfReferenceUID": "2.25.8",
    "PositionReferenceIndicator": "OM",
    "SliceLocation": "0",
    "ImageComments": "Made by a program; shows nobody.",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelSpacing": ["0.488", "0.488"],
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "WindowCenter": "40",
    "WindowWidth": "80",
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "RescaleType": "HU",
    "PerformedProcedureStepStartDate": "20240229",
    "PerformedProcedureStepStartTime": "101112",
    "PerformedProcedureStepID": "PPS1",
    "PerformedProcedureStepDescription": "CT head",
}

"""Builders of DICOM files for the tests. Every test makes what it needs; no binary files lie in the repository."""

import io
from struct import pack
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid


def uid() -> str:
    """A UID that no other test has."""
    return str(generate_uid())


def dataset(**attributes: Any) -> Dataset:
    """A small valid Secondary Capture data set without pixel data. Keywords set or, if None, remove attributes."""
    values: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": SecondaryCaptureImageStorage,
        "SOPInstanceUID": uid(),
        "StudyDate": "20240229",
        "StudyTime": "101112",
        "AccessionNumber": "A1",
        "Modality": "OT",
        "StudyDescription": "Knee",
        "SeriesDescription": "Drawings",
        "ReferringPhysicianName": "Doctor^Doc",
        "PatientName": "Anony^Mous",
        "PatientID": "ID1",
        "PatientBirthDate": "19700101",
        "PatientSex": "O",
        "StudyInstanceUID": uid(),
        "SeriesInstanceUID": uid(),
        "StudyID": "1",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
    } | attributes
    made = Dataset()
    for keyword, value in values.items():
        if value is not None:
            setattr(made, keyword, value)
    return made


def image(
    frames: int = 1, rows: int = 8, columns: int = 8, bits: int = 16, samples: int = 1, **attributes: Any
) -> Dataset:
    """`dataset` with native pixel data: `frames` of `rows` x `columns` that differ from one another."""
    made = dataset()
    made.SamplesPerPixel = samples
    made.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    if samples > 1:
        made.PlanarConfiguration = 0
    if frames > 1:
        made.NumberOfFrames = frames
    made.Rows, made.Columns = rows, columns
    made.BitsAllocated = made.BitsStored = bits
    made.HighBit, made.PixelRepresentation = bits - 1, 0
    size = frames * rows * columns * samples
    values = (np.arange(size, dtype=np.uint64) * 2654435761 >> 7).astype("<u2" if bits == 16 else "u1")
    pixels = values.tobytes()
    made.add_new("PixelData", "OW" if bits == 16 else "OB", pixels + b"\0" * (len(pixels) % 2))
    for keyword, value in attributes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def document(content: bytes, sop_class: str, **attributes: Any) -> Dataset:
    """`dataset` that encapsulates a document."""
    made = dataset(SOPClassUID=sop_class, **attributes)
    made.add_new(0x00420011, "OB", content + b"\0" * (len(content) % 2))
    return made


def code(meaning: str, value: str = "1", scheme: str = "99TEST") -> list[Dataset]:
    """The value of a code sequence."""
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, meaning
    return [made]


def item(kind: str, name: str = "", relation: str = "CONTAINS", inside: Any = (), **attributes: Any) -> Dataset:
    """A Content Item of a report, with those that it contains."""
    made = Dataset()
    made.ValueType, made.RelationshipType = kind, relation
    if name:
        made.ConceptNameCodeSequence = code(name)
    if inside:
        made.ContentSequence = list(inside)
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def report(*inside: Dataset, title: str = "Imaging Report", **attributes: Any) -> Dataset:
    """A Basic Text SR with these Content Items."""
    plain = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "Modality": "SR", "CompletionFlag": "COMPLETE"}
    made = dataset(**{**plain, "ValueType": "CONTAINER", "ConceptNameCodeSequence": code(title), **attributes})
    if inside:
        made.ContentSequence = list(inside)
    return made


def file(made: Dataset | None = None, syntax: str = ExplicitVRLittleEndian, preamble: bytes = b"\0" * 128) -> bytes:
    """The PS3.10 bytes of a data set. `syntax` is native, deflated or that of the encoded pixel data."""
    made = dataset() if made is None else made
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = made.get("SOPClassUID", SecondaryCaptureImageStorage)
    meta.MediaStorageSOPInstanceUID = made.get("SOPInstanceUID", "1.2.3")
    meta.TransferSyntaxUID = UID(syntax)
    target = io.BytesIO()
    copy = Dataset(made)
    copy.file_meta = meta
    copy.preamble = preamble
    dcmwrite(
        target,
        copy,
        implicit_vr=meta.TransferSyntaxUID.is_implicit_VR,
        little_endian=meta.TransferSyntaxUID.is_little_endian,
        enforce_file_format=True,
    )
    return target.getvalue()


def with_vr(content: bytes, tag: int, vr: str) -> bytes:
    """A file of Explicit VR Little Endian in which one attribute says that it has another VR, of a short length."""
    header = pack("<HH", tag >> 16, tag & 0xFFFF)
    start = content.index(header, 132)
    return content[: start + 4] + vr.encode() + content[start + 6 :]

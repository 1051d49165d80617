"""DICOMDIR: pydicom finds every Instance in it, under its Patient, Study and Series."""

import io
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset

from filmroom.dicom import json_model, part10
from filmroom.dicom.dicomdir import Directory
from tests import data

EXPLICIT, SR = "1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.88.11"


def model(made: Dataset) -> dict[str, Any]:
    return json_model.write(part10.read(data.file(made))).elements


def directory(*made: Dataset) -> FileDataset:
    listed = Directory()
    for number, one in enumerate(made, 1):
        listed.add(f"DICOM/S0000001/I{number:07}", model(one), EXPLICIT)
    return dcmread(io.BytesIO(b"".join(listed.write("1.2.3"))))


def walk(records: dict[int, Dataset], offset: int) -> list[Any]:
    """The records from one on, each with those below it, by following the links."""
    found = []
    while offset:
        record = records[offset]
        below = walk(records, record.OffsetOfReferencedLowerLevelDirectoryEntity)
        found.append((record.DirectoryRecordType, record, below))
        offset = record.OffsetOfTheNextDirectoryRecord
    return found


def tree(found: FileDataset) -> list[Any]:
    records = {one.seq_item_tell: one for one in found.DirectoryRecordSequence}
    return walk(records, found.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity)


def test_every_instance_is_found() -> None:
    study, series = data.uid(), [data.uid(), data.uid()]
    made = [data.dataset(StudyInstanceUID=study, SeriesInstanceUID=series[n % 2], InstanceNumber=n) for n in range(5)]
    [(patient, _, [(of_study, record, below)])] = tree(directory(*made))
    assert (patient, of_study, record.StudyInstanceUID) == ("PATIENT", "STUDY", study)
    assert [one.SeriesInstanceUID for _, one, _ in below] == series
    assert [[image.InstanceNumber for _, image, _ in images] for _, _, images in below] == [[0, 2, 4], [1, 3]]
    uids = {image.ReferencedSOPInstanceUIDInFile for _, _, images in below for _, image, _ in images}
    assert uids == {one.SOPInstanceUID for one in made}


def test_file_ids_and_transfer_syntaxes() -> None:
    made = data.dataset()
    [record] = [one for one in directory(made).DirectoryRecordSequence if "ReferencedFileID" in one]
    assert list(record.ReferencedFileID) == ["DICOM", "S0000001", "I0000001"]
    assert record.ReferencedTransferSyntaxUIDInFile == EXPLICIT
    assert record.ReferencedSOPClassUIDInFile == made.SOPClassUID
    assert record.DirectoryRecordType == "IMAGE"


def test_the_offsets_are_those_of_the_records() -> None:
    study = data.uid()
    found = directory(*(data.dataset(StudyInstanceUID=study) for _ in range(3)))
    records = list(found.DirectoryRecordSequence)
    places = [one.seq_item_tell for one in records]
    assert found.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity == places[0]
    assert found.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity == places[0]
    named = [one.OffsetOfTheNextDirectoryRecord for one in records]
    named += [one.OffsetOfReferencedLowerLevelDirectoryEntity for one in records]
    assert sorted(filter(None, named)) == places[1:]


@pytest.mark.parametrize(
    "lacking", ["PatientID", "StudyDate", "StudyTime", "StudyID", "SeriesNumber", "InstanceNumber"]
)
def test_what_an_instance_lacks_is_filled_in(lacking: str) -> None:
    found = directory(data.dataset(**{lacking: None}))
    assert [one[lacking].value for one in found.DirectoryRecordSequence if lacking in one] not in ([], [""], [None])


def test_names_in_any_script() -> None:
    [patient, *_] = directory(data.dataset(PatientName="Yamada^Tarou=山田^太郎")).DirectoryRecordSequence
    assert patient.PatientName.ideographic == "山田^太郎"


def test_records_of_documents_have_their_title_code() -> None:
    made = data.dataset(SOPClassUID=SR, CompletionFlag="COMPLETE", VerificationFlag="UNVERIFIED")
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "18782-3", "LN", "X-Ray Report"
    made.ConceptNameCodeSequence = [code]
    record = directory(made).DirectoryRecordSequence[-1]
    assert (record.DirectoryRecordType, record.CompletionFlag) == ("SR DOCUMENT", "COMPLETE")
    assert record.ConceptNameCodeSequence[0].CodeMeaning == "X-Ray Report"


def test_nothing_is_a_directory_of_nothing() -> None:
    assert len(directory().DirectoryRecordSequence) == 0

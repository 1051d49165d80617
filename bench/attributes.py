"""The attributes of the images that the benchmarks store: about as many as a scanner writes."""

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    MRImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
)

SOP_CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "DX": DigitalXRayImageStorageForPresentation}
MULTI_FRAME: dict[int, UID] = {  # by Bits Allocated
    8: MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    16: MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
}

INTERCEPT = -1024  # of the rescaling, whose slope is 1
# What differs between instances, and the mark that holds its place. The widths are those of the values.
MARKS = {
    "study": "2.25.1" + "1" * 38,
    "series": "2.25.1" + "2" * 38,
    "instance": "2.25.1" + "3" * 38,
    "patient": "P" * 18,
    "name": "N" * 26,
    "date": "17770707",
    "number": "4" * 8,
}


def attributes(rows: int, columns: int, frames: int, modality: str, bits: int) -> Dataset:
    """The data set of an image, with marks, and without pixels."""
    made = Dataset()
    for keyword, value in _VALUES.items():
        setattr(made, keyword, value)
    made.Modality = modality
    made.Rows, made.Columns = rows, columns
    made.BitsAllocated, made.BitsStored = bits, min(bits, 12)
    made.HighBit = made.BitsStored - 1
    made.SOPClassUID = MULTI_FRAME[bits] if frames > 1 else SOP_CLASSES[modality]
    if frames > 1:
        made.NumberOfFrames = frames
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


_VALUES: dict[str, object] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "InstanceCreationDate": "20240229",
    "InstanceCreationTime": "101112.000000",
    "SOPInstanceUID": MARKS["instance"],
    "StudyDate": MARKS["date"],
    "SeriesDate": MARKS["date"],
    "AcquisitionDate": MARKS["date"],
    "ContentDate": MARKS["date"],
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
    "PixelRepresentation": 0,
    "WindowCenter": "40",
    "WindowWidth": "80",
    "RescaleIntercept": str(INTERCEPT),
    "RescaleSlope": "1",
    "RescaleType": "HU",
    "PerformedProcedureStepStartDate": "20240229",
    "PerformedProcedureStepStartTime": "101112",
    "PerformedProcedureStepID": "PPS1",
    "PerformedProcedureStepDescription": "CT head",
}

"""Which attributes a search takes as matching keys and answers with, in each dialect."""

from collections.abc import Mapping
from types import MappingProxyType

from filmroom.dicom.resources import Level
from filmroom.dicom.search_attributes import INSTANCE_AVAILABILITY, RETRIEVE_URL

# What the Azure service searches by, at the level and below
AZURE_KEYS: Mapping[int, Level] = MappingProxyType(
    {
        0x0020000D: Level.STUDY,  # StudyInstanceUID
        0x00100010: Level.STUDY,  # PatientName
        0x00100020: Level.STUDY,  # PatientID
        0x00100030: Level.STUDY,  # PatientBirthDate
        0x00080050: Level.STUDY,  # AccessionNumber
        0x00080090: Level.STUDY,  # ReferringPhysicianName
        0x00080020: Level.STUDY,  # StudyDate
        0x00081030: Level.STUDY,  # StudyDescription
        0x00080061: Level.STUDY,  # ModalitiesInStudy
        0x0020000E: Level.SERIES,  # SeriesInstanceUID
        0x00080060: Level.SERIES,  # Modality
        0x00400244: Level.SERIES,  # PerformedProcedureStepStartDate
        0x00081090: Level.SERIES,  # ManufacturerModelName
        0x00080018: Level.INSTANCE,  # SOPInstanceUID
    }
)

# What the Azure service answers by default, in its first version
V1_RETURNED: Mapping[Level, frozenset[int]] = MappingProxyType(
    {
        Level.STUDY: frozenset(
            {
                0x00080005,  # SpecificCharacterSet
                0x00080020,  # StudyDate
                0x00080030,  # StudyTime
                0x00080050,  # AccessionNumber
                INSTANCE_AVAILABILITY,
                0x00080090,  # ReferringPhysicianName
                0x00080201,  # TimezoneOffsetFromUTC
                0x00100010,  # PatientName
                0x00100020,  # PatientID
                0x00100030,  # PatientBirthDate
                0x00100040,  # PatientSex
                0x0020000D,  # StudyInstanceUID
                0x00200010,  # StudyID
            }
        ),
        Level.SERIES: frozenset(
            {
                0x00080005,  # SpecificCharacterSet
                0x00080060,  # Modality
                0x00080201,  # TimezoneOffsetFromUTC
                0x0008103E,  # SeriesDescription
                0x0020000E,  # SeriesInstanceUID
                0x00400244,  # PerformedProcedureStepStartDate
                0x00400245,  # PerformedProcedureStepStartTime
                0x00400275,  # RequestAttributesSequence
            }
        ),
        Level.INSTANCE: frozenset(
            {
                0x00080005,  # SpecificCharacterSet
                0x00080016,  # SOPClassUID
                0x00080018,  # SOPInstanceUID
                INSTANCE_AVAILABILITY,
                0x00080201,  # TimezoneOffsetFromUTC
                0x00200013,  # InstanceNumber
                0x00280008,  # NumberOfFrames
                0x00280010,  # Rows
                0x00280011,  # Columns
                0x00280100,  # BitsAllocated
            }
        ),
    }
)
V2_RETURNED: Mapping[Level, frozenset[int]] = MappingProxyType(
    {
        Level.STUDY: frozenset(
            tag
            for tag, level in AZURE_KEYS.items()
            if level == Level.STUDY and tag != 0x00080061  # ModalitiesInStudy
        ),
        Level.SERIES: frozenset(tag for tag, level in AZURE_KEYS.items() if level == Level.SERIES),
        Level.INSTANCE: frozenset({0x00080018}),  # SOPInstanceUID
    }
)
AZURE_ALL: Mapping[Level, frozenset[int]] = MappingProxyType(
    {
        Level.STUDY: V1_RETURNED[Level.STUDY]
        | {
            0x00080063,  # AnatomicRegionsInStudyCodeSequence
            0x00081030,  # StudyDescription
            0x00081032,  # ProcedureCodeSequence
            0x00081060,  # NameOfPhysiciansReadingStudy
            0x00081080,  # AdmittingDiagnosesDescription
            0x00081110,  # ReferencedStudySequence
            0x00101010,  # PatientAge
            0x00101020,  # PatientSize
            0x00101030,  # PatientWeight
            0x00102180,  # Occupation
            0x001021B0,  # AdditionalPatientHistory
        },
        Level.SERIES: V1_RETURNED[Level.SERIES]
        | {
            0x00080021,  # SeriesDate
            0x00080031,  # SeriesTime
            0x00200011,  # SeriesNumber
            0x00200060,  # Laterality
        },
        Level.INSTANCE: V1_RETURNED[Level.INSTANCE],
    }
)

# What the Azure service computes, by the level that is searched
_AZURE_COUNTS = frozenset(
    {
        0x00080061,  # ModalitiesInStudy
        0x00201208,  # NumberOfStudyRelatedInstances
        0x00201209,  # NumberOfSeriesRelatedInstances
    }
)
AZURE_COMPUTED: Mapping[Level, frozenset[int]] = MappingProxyType(
    {Level.STUDY: _AZURE_COUNTS, Level.SERIES: _AZURE_COUNTS, Level.INSTANCE: frozenset()}
)

# PS3.18 Tables 10.6.3-3 to 10.6.3-5, and what the lists of viewers show beside that.
STANDARD_RETURNED: Mapping[Level, frozenset[int]] = MappingProxyType(
    {
        Level.STUDY: V1_RETURNED[Level.STUDY]
        | {
            0x00080061,  # ModalitiesInStudy
            0x00081030,  # StudyDescription
            RETRIEVE_URL,
            0x00201206,  # NumberOfStudyRelatedSeries
            0x00201208,  # NumberOfStudyRelatedInstances
        },
        Level.SERIES: V1_RETURNED[Level.SERIES]
        | {
            0x00080021,  # SeriesDate
            0x00080031,  # SeriesTime
            RETRIEVE_URL,
            0x00200011,  # SeriesNumber
            0x00201209,  # NumberOfSeriesRelatedInstances
        },
        Level.INSTANCE: V1_RETURNED[Level.INSTANCE]
        | {
            RETRIEVE_URL,
            0x00083002,  # AvailableTransferSyntaxUID
        },
    }
)

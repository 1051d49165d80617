"""The attributes that the rows of Studies, Series and Instances hold: to search by, and to answer with."""

from collections.abc import Mapping
from types import MappingProxyType

from filmroom.dicom.resources import Level

RETRIEVE_URL, INSTANCE_AVAILABILITY = 0x00081190, 0x00080056

# What can be a matching key: PS3.18 Tables 10.6.1-2 to 10.6.1-5 without sequences, and what viewers search for
# beside that. What is not COMPUTED has a column of its own.
MATCHING_KEYS: Mapping[int, Level] = MappingProxyType(
    {
        0x00080020: Level.STUDY,  # StudyDate
        0x00080030: Level.STUDY,  # StudyTime
        0x00080050: Level.STUDY,  # AccessionNumber
        0x00080061: Level.STUDY,  # ModalitiesInStudy
        0x00080062: Level.STUDY,  # SOPClassesInStudy
        0x00080090: Level.STUDY,  # ReferringPhysicianName
        0x00081030: Level.STUDY,  # StudyDescription
        0x00100010: Level.STUDY,  # PatientName
        0x00100020: Level.STUDY,  # PatientID
        0x00100021: Level.STUDY,  # IssuerOfPatientID
        0x00100030: Level.STUDY,  # PatientBirthDate
        0x00100040: Level.STUDY,  # PatientSex
        0x0020000D: Level.STUDY,  # StudyInstanceUID
        0x00200010: Level.STUDY,  # StudyID
        0x00201206: Level.STUDY,  # NumberOfStudyRelatedSeries
        0x00201208: Level.STUDY,  # NumberOfStudyRelatedInstances
        0x00080021: Level.SERIES,  # SeriesDate
        0x00080031: Level.SERIES,  # SeriesTime
        0x00080060: Level.SERIES,  # Modality
        0x00080070: Level.SERIES,  # Manufacturer
        0x00080080: Level.SERIES,  # InstitutionName
        0x00081010: Level.SERIES,  # StationName
        0x0008103E: Level.SERIES,  # SeriesDescription
        0x00081090: Level.SERIES,  # ManufacturerModelName
        0x00180015: Level.SERIES,  # BodyPartExamined
        0x0020000E: Level.SERIES,  # SeriesInstanceUID
        0x00200011: Level.SERIES,  # SeriesNumber
        0x00201209: Level.SERIES,  # NumberOfSeriesRelatedInstances
        0x00400244: Level.SERIES,  # PerformedProcedureStepStartDate
        0x00400245: Level.SERIES,  # PerformedProcedureStepStartTime
        0x00080016: Level.INSTANCE,  # SOPClassUID
        0x00080018: Level.INSTANCE,  # SOPInstanceUID
        0x00080023: Level.INSTANCE,  # ContentDate
        0x0008002A: Level.INSTANCE,  # AcquisitionDateTime
        0x00080033: Level.INSTANCE,  # ContentTime
        0x00083002: Level.INSTANCE,  # AvailableTransferSyntaxUID
        0x00200013: Level.INSTANCE,  # InstanceNumber
    }
)

# What no file says, or says for one Instance only: the index counts and gathers it (PS3.18 Tables 10.6.3-3
# to 10.6.3-5).
COMPUTED: Mapping[int, Level] = MappingProxyType(
    {
        0x00080061: Level.STUDY,  # ModalitiesInStudy
        0x00080062: Level.STUDY,  # SOPClassesInStudy
        0x00201206: Level.STUDY,  # NumberOfStudyRelatedSeries
        0x00201208: Level.STUDY,  # NumberOfStudyRelatedInstances
        0x00201209: Level.SERIES,  # NumberOfSeriesRelatedInstances
        0x00083002: Level.INSTANCE,  # AvailableTransferSyntaxUID
    }
)

# What matches can be put in order by: what rows hold one value of.
SORTABLE: Mapping[int, Level] = MappingProxyType(
    {
        tag: level
        for tag, level in MATCHING_KEYS.items()
        if tag not in {0x00080061, 0x00080062}  # ModalitiesInStudy, SOPClassesInStudy
    }
)

# What a search for patients answers with, and in the first line what it counts.
OF_PATIENTS = frozenset(
    {
        *(0x00201200, 0x00201202, 0x00201204),  # NumberOfPatientRelatedStudies, Series, Instances
        0x00080005,  # SpecificCharacterSet
        0x00100010,  # PatientName
        0x00100020,  # PatientID
        0x00100021,  # IssuerOfPatientID
        0x00100030,  # PatientBirthDate
        0x00100040,  # PatientSex
    }
)

# Answered by default or by `includefield=all`, but never searched by.
_ANSWERED_ONLY: Mapping[Level, frozenset[int]] = {
    Level.STUDY: frozenset(
        {
            0x00080005,  # SpecificCharacterSet
            0x00080056,  # InstanceAvailability
            0x00080063,  # AnatomicRegionsInStudyCodeSequence
            0x00080201,  # TimezoneOffsetFromUTC
            0x00081032,  # ProcedureCodeSequence
            0x00081060,  # NameOfPhysiciansReadingStudy
            0x00081080,  # AdmittingDiagnosesDescription
            0x00081110,  # ReferencedStudySequence
            0x00101010,  # PatientAge
            0x00101020,  # PatientSize
            0x00101030,  # PatientWeight
            0x00102180,  # Occupation
            0x001021B0,  # AdditionalPatientHistory
        }
    ),
    Level.SERIES: frozenset(
        {
            0x00080005,  # SpecificCharacterSet
            0x00080201,  # TimezoneOffsetFromUTC
            0x00200060,  # Laterality
            0x00400275,  # RequestAttributesSequence
        }
    ),
    Level.INSTANCE: frozenset(
        {
            0x00080005,  # SpecificCharacterSet
            0x00080056,  # InstanceAvailability
            0x00080201,  # TimezoneOffsetFromUTC
            0x00280008,  # NumberOfFrames
            0x00280010,  # Rows
            0x00280011,  # Columns
            0x00280100,  # BitsAllocated
        }
    ),
}

# What the JSON of a row at a level holds, as taken from files: the latest values that are not empty.
# COMPUTED is added when a search asks for it; everything else is fetched from an Instance's Metadata.
HELD: Mapping[Level, frozenset[int]] = MappingProxyType(
    {
        level: frozenset(tag for tag, at in MATCHING_KEYS.items() if at == level and tag not in COMPUTED) | answered
        for level, answered in _ANSWERED_ONLY.items()
    }
)

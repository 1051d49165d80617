"""De-identification by PS3.15 Annex E: the Basic Application Level Confidentiality Profile, with options.

`elements` does it to data sets in the DICOM JSON Model, `files` to files.
"""

from filmroom.dicom.deidentification.known import Known as Known
from filmroom.dicom.deidentification.profile import Deidentification as Deidentification
from filmroom.dicom.deidentification.profile import Option as Option

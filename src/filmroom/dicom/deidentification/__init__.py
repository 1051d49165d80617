"""De-identification by PS3.15 Annex E: the Basic Application Level Confidentiality Profile, with options."""

from filmroom.dicom.deidentification.elements import of_json as of_json
from filmroom.dicom.deidentification.files import write as write
from filmroom.dicom.deidentification.profile import Deidentification as Deidentification
from filmroom.dicom.deidentification.profile import Option as Option

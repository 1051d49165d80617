import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from filmroom.dicom import inspection, json_model, part10
from filmroom.dicom.inspection import Fault
from tests import data

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, when a test writes bad values


def inspected(content: bytes) -> list[Fault]:
    file = part10.read(content)
    return list(inspection.inspect(file.elements, json_model.write(file).elements, file.buffer))


def test_good_values_have_no_faults() -> None:
    for syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian):
        assert inspected(data.file(data.image(frames=2), syntax)) == []


def test_faults_tell_how_deep_they_are() -> None:
    outer, inner = Dataset(), Dataset()
    inner.AccessionNumber = "x" * 17
    outer.ReferencedStudySequence = Sequence([Dataset(), inner])
    made = data.dataset(RequestAttributesSequence=Sequence([outer]))
    (fault,) = inspected(data.file(made))
    assert (fault.tag, fault.depth) == (0x00080050, 2)


def test_the_number_of_values_follows_the_dictionary() -> None:
    made = data.dataset(ImageType=["ORIGINAL"], OtherPatientNames=["a", "b", "c"], ImagePositionPatient=[1, 2])
    assert [fault.tag for fault in inspected(data.file(made))] == [0x00080008, 0x00200032]


def test_text_with_backslashes_is_one_value() -> None:
    made = data.dataset()
    made.add_new("ImageComments", "LT", "C:\\images\\one")
    assert inspected(data.file(made)) == []


def test_other_scripts_are_decoded_before_they_are_judged() -> None:
    made = data.dataset(SpecificCharacterSet="ISO_IR 192", StudyDescription="膝関節" * 20, StationName="関" * 17)
    assert [fault.tag for fault in inspected(data.file(made))] == [0x00081010]


def test_values_too_long_to_look_at_twice_are_taken_as_decoded() -> None:
    made = data.dataset()
    made.add_new("ImageComments", "LT", "x" * 70_000)
    made.add_new("PatientComments", "LT", "x" * 2_000_000)
    assert [fault.tag for fault in inspected(data.file(made, ImplicitVRLittleEndian))] == [0x00204000]


def test_nothing_is_known_of_choices_and_private_attributes() -> None:
    made = data.dataset(SmallestImagePixelValue=1)
    made.private_block(0x0099, "FILMROOM", create=True).add_new(1, "US", [1, 2, 3])
    assert inspected(data.file(made, ImplicitVRLittleEndian)) == []

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


def test_texts_may_not_be_longer_than_their_vr_allows_however_long_they_are() -> None:
    made = data.dataset()
    made.add_new("ImageComments", "LT", "x" * 70_000)
    made.add_new("PatientComments", "LT", "x" * 2_000_000)
    assert [fault.tag for fault in inspected(data.file(made, ImplicitVRLittleEndian))] == [0x00104000, 0x00204000]


# Attributes of any number of values, in Implicit VR, where a value may have any length. Above 1 MiB it is not decoded.
LONG = pytest.mark.parametrize("count", [20_000, 400_000])


def long(keyword: str, value: str, count: int, end: str = "", **attributes: str) -> list[str]:
    """What is said of `count` equal values and one more."""
    made = data.dataset(**attributes)
    made.add_new(keyword, "UT", "\\".join([value] * count + [end or value]))
    return [fault.message for fault in inspected(data.file(made, ImplicitVRLittleEndian))]


@LONG
def test_many_good_values_have_no_faults(count: int) -> None:
    assert long("ReferencedFrameNumber", "12345", count) == []
    assert long("ReferencedFrameNumber", "1234567890", count) == []  # good, but not of the common form
    assert long("DVHData", "-1.5E+3", count) == []
    assert long("OtherPatientNames", "山田^太郎", count) == []


@LONG
def test_one_bad_value_is_found_among_many(count: int) -> None:
    expected = 'Content "x" does not validate VR IS: value is not an integer string'
    assert long("ReferencedFrameNumber", "12345", count, end="x") == [expected]
    assert long("ReferencedFrameNumber", "12345", count // 2, end="x" + "\\1" * (count // 2)) == [expected]


def test_a_bad_value_is_found_among_many_of_another_script() -> None:
    (message,) = long("OtherPatientNames", "山田^太郎", 20_000, end="関" * 65)
    assert message.endswith("value exceeds maximum length of 64 characters")


@LONG
def test_many_values_are_counted(count: int) -> None:
    (message,) = long("InstanceNumber", "12345", count)
    assert message.endswith(f"Number of items {count + 1} does not match ValueMultiplicity 1")


@pytest.mark.parametrize("keyword", ["PatientID", "PatientName", "InstanceNumber", "PatientSize", "StudyDate"])
@pytest.mark.parametrize("script", ["1", "関"])
@LONG
def test_no_single_value_may_be_long(keyword: str, script: str, count: int) -> None:
    (message,) = long(keyword, script, 0, end=script * 4 * count)
    assert len(message) < 500


@LONG
def test_padding_at_the_end_of_many_values_is_none_of_them(count: int) -> None:
    assert long("ReferencedFrameNumber", "12345", count, end="1 \0\0") == []


def test_nothing_is_known_of_choices_and_private_attributes() -> None:
    made = data.dataset(SmallestImagePixelValue=1)
    made.private_block(0x0099, "FILMROOM", create=True).add_new(1, "US", [1, 2, 3])
    assert inspected(data.file(made, ImplicitVRLittleEndian)) == []

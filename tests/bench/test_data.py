import io

import imagecodecs
import pydicom
from pydicom.encaps import generate_frames

from bench import attributes, data

ONE = data.Instance(data.KB_131, run=179_000_000_000_000_000, study=41, series=0, number=7)


def read(instance: data.Instance) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(b"".join(instance.pieces())))


def test_an_instance_is_a_file_with_its_own_values() -> None:
    made = read(ONE)
    assert (made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID) == ONE.uids
    assert made.file_meta.MediaStorageSOPInstanceUID == ONE.uids[2]
    assert (made.PatientID, made.PatientName, made.InstanceNumber) == (ONE.patient, ONE.name, 8)
    assert all(uid.is_valid for uid in (made.StudyInstanceUID, made.SOPInstanceUID))


def test_no_mark_is_left() -> None:
    assert not any(mark.encode() in ONE.head() for mark in attributes.MARKS.values())


def test_size_is_the_length_of_the_file() -> None:
    assert ONE.size == sum(map(len, ONE.pieces()))
    assert 157_000_000 < data.Instance(data.MULTI, 1, 0, 0, 0).size < 158_000_000


def test_frames_differ() -> None:
    several = data.Instance(data.Shape(8, 8, frames=3), run=1, study=0, series=0, number=0)
    pixels = read(several).pixel_array
    assert pixels.shape == (3, 8, 8)
    assert pixels[2].tobytes() == b"".join(several.frame(3)) != b"".join(several.frame(2))


def test_a_jpeg_object_holds_frames_as_they_are_told_and_they_are_images() -> None:
    several = data.Instance(data.Shape(16, 8, frames=3, jpeg=True), run=1, study=0, series=0, number=0)
    made = read(several)
    frames = list(generate_frames(made.PixelData, number_of_frames=3))
    assert frames == [b"".join(several.frame(number)) for number in (1, 2, 3)]
    assert len(set(frames)) == 3
    assert imagecodecs.jpeg8_decode(frames[2]).shape == (16, 8)
    assert several.size == sum(map(len, several.pieces()))


def test_the_sop_class_is_that_of_the_modality_and_the_date_that_of_the_day() -> None:
    made = read(data.Instance(data.MR, 1, 0, 0, 0, day=-60))
    assert (made.SOPClassUID.name, made.StudyDate) == ("MR Image Storage", "20231231")


def test_runs_differ_and_families_repeat_every_forty_studies() -> None:
    first, second = (data.Instance(data.KB_10, data.new_run(), 3, 0, 0) for _ in range(2))
    assert not set(first.uids) & set(second.uids)
    assert first.family == data.Instance(data.KB_10, first.run, 43, 0, 0).family != second.family

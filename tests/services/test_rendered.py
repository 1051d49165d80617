"""Rendered Frames: the right Frame, as an image of its size, and clear refusals."""

import imagecodecs
import pytest

from filmroom.archive import Archive
from filmroom.dicom.resources import Resource
from filmroom.errors import NotAcceptable, NotFound
from filmroom.protocol.dialects import DICOMWEB, V2
from filmroom.services import rendered, store
from tests import data


def _stored(archive: Archive, **attributes: object) -> Resource:
    made = data.image(frames=2, rows=4, columns=6, **attributes)  # type: ignore[arg-type]
    store.store(archive, V2, Resource(), [store.part(data.file(made))], replace=False)
    return Resource(made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID)


def test_a_frame_becomes_an_image_of_its_size(archive: Archive) -> None:
    image = rendered.frame(archive, DICOMWEB, _stored(archive), 2, "image/png", 100)
    assert imagecodecs.png_decode(image).shape == (4, 6)


def test_frames_differ(archive: Archive) -> None:
    target = _stored(archive)
    one, two = (rendered.frame(archive, DICOMWEB, target, number, "image/png", 100) for number in (1, 2))
    assert one != two


def test_a_frame_beyond_the_last_is_not_found(archive: Archive) -> None:
    with pytest.raises(NotFound):
        rendered.frame(archive, DICOMWEB, _stored(archive), 3, "image/png", 100)


def test_what_is_no_image_is_not_acceptable(archive: Archive) -> None:
    with pytest.raises(NotAcceptable):
        rendered.frame(archive, DICOMWEB, _stored(archive, PhotometricInterpretation="HSV"), 1, "image/png", 100)

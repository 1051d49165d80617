"""Rendered Frames: the right Frame, as an image of its size, and clear refusals."""

from collections.abc import Sequence
from dataclasses import replace

import imagecodecs
import pytest

from filmroom.archive import Archive
from filmroom.blobs import Memory
from filmroom.dicom.resources import Resource
from filmroom.errors import NotAcceptable, NotFound
from filmroom.pixels import render
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


class Unread(Memory):
    """A blob store of which nothing can be read."""

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        raise AssertionError("a Frame was read")


def test_a_frame_too_large_to_render_is_refused_before_it_is_read(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread = replace(archive, blobs=Unread())
    target = _stored(unread)
    monkeypatch.setattr(render, "MOST_PIXELS", 23)
    with pytest.raises(NotAcceptable, match="megapixels"):
        rendered.frame(unread, DICOMWEB, target, 1, "image/png", 100)

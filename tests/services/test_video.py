"""Videos: the fragments as one stream, of which only what is asked for is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate

from filmroom.archive import Archive
from filmroom.dicom.resources import Resource
from filmroom.errors import NotFound
from filmroom.protocol.dialects import DICOMWEB
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.services import retrieve, video
from filmroom.services.examination import part
from filmroom.services.store import store
from filmroom.services.video import _Joined
from tests import data
from tests.services.contents import listed

MPEG4, OCTETS = "1.2.840.10008.1.2.4.102", "application/octet-stream"


def kept(archive: Archive, *fragments: bytes) -> Resource:
    made = data.image(frames=9, bits=8)
    made.PixelData = encapsulate(list(fragments), has_bot=False)
    made["PixelData"].is_undefined_length = True
    done = store(archive, DICOMWEB, Resource(), [part(data.file(made, MPEG4))], replace=False)
    assert done.outcomes[0].failure is None
    return Resource(made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID)


def test_any_part_of_the_stream(either: Archive) -> None:
    target = kept(either, b"01", b"2345", b"67")
    [content] = listed(retrieve.pixeldata, either, target, Selected(OCTETS, STORED, multipart=False))
    assert content.read is not None
    assert (content.length, b"".join(content.chunks)) == (8, b"01234567")
    for first in range(8):
        for last in range(first, 8):
            assert b"".join(content.read(first, last - first + 1)) == b"01234567"[first : last + 1]


def test_too_many_fragments_are_refused(either: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "MOST_FRAGMENTS", 2)
    target = kept(either, b"01", b"23", b"45")
    with pytest.raises(NotFound, match="more than 2 fragments"):
        retrieve.pixeldata(either, target, Selected(OCTETS, STORED, multipart=False))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.data())
def test_a_range_of_the_stream_is_that_of_its_pieces_together(sizes: list[int], draw: st.DataObject) -> None:
    starts = [100 * number for number in range(len(sizes))]
    stream = [start + byte for start, size in zip(starts, sizes, strict=True) for byte in range(size)]
    joined = _Joined.of(list(zip(starts, sizes, strict=True)))
    assert joined.length == len(stream)
    first = draw.draw(st.integers(0, len(stream)))
    length = draw.draw(st.integers(0, len(stream) - first))
    found = [place + byte for place, size in joined.within(first, length) for byte in range(size)]
    assert found == stream[first : first + length]

"""Retrieve: what is stored is sent as it lies, and all that can be refused is refused before the first byte."""

import io
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import orjson
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from filmroom.archive import Archive
from filmroom.blobs import Folder
from filmroom.dicom import part10
from filmroom.dicom.resources import Resource
from filmroom.errors import Lost, NotAcceptable, NotFound, Replaced, Unavailable
from filmroom.pixels import codecs
from filmroom.protocol.dialects import DICOMWEB, V2, Dialect
from filmroom.protocol.negotiation import STORED, Kind, Selected, select
from filmroom.services import retrieve as service
from filmroom.services.content import Content
from filmroom.services.delete import delete
from filmroom.services.examination import part
from filmroom.services.retrieve import Version
from filmroom.services.store import store
from filmroom.settings import Settings
from tests import data
from tests.messages import encoded
from tests.services.contents import listed

EXPLICIT, JPEG_2000, JPEG_LS = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80"
DEFLATED = "1.2.840.10008.1.2.1.99"
DICOM, OCTETS = "application/dicom", "application/octet-stream"
PICTURES = [imagecodecs.jpeg2k_encode(np.full((8, 8), value, "u1"), codecformat="j2k", level=0) for value in (1, 2)]


@pytest.fixture
def image(either: Archive) -> Dataset:
    made = data.image(frames=3)
    keep(either, data.file(made))
    return made


def keep(archive: Archive, *contents: bytes) -> None:
    outcomes = store(archive, DICOMWEB, Resource(), [part(content) for content in contents], replace=False).outcomes
    assert [outcome.failure for outcome in outcomes] == [None] * len(contents)


def of(made: Dataset, level: int = 3) -> Resource:
    return Resource(*(made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID)[:level])


def whole(content: Content) -> bytes:
    return b"".join(content.ready().chunks)


def as_stored(media_type: str = DICOM) -> Selected:
    return Selected(media_type, STORED, multipart=True)


# --- Instances


@pytest.mark.parametrize("level", [1, 2, 3])
def test_instances_as_stored(either: Archive, image: Dataset, level: int) -> None:
    (content,) = service.instances_of(either, DICOMWEB, of(image, level), as_stored())
    assert (content.media_type, content.transfer_syntax, content.location) == (DICOM, EXPLICIT, of(image).path)
    assert content.length == len(data.file(image))
    assert whole(content) == data.file(image)


def test_an_instance_in_another_transfer_syntax(either: Archive, image: Dataset) -> None:
    selected = Selected(DICOM, JPEG_2000, multipart=False)
    (content,) = service.instances_of(either, DICOMWEB, of(image), selected)
    assert (content.transfer_syntax, content.length) == (JPEG_2000, None)
    assert dcmread(io.BytesIO(whole(content))).file_meta.TransferSyntaxUID == JPEG_2000
    assert not list(either.spool.iterdir())


def test_a_transcoding_left_half_way_cleans_up(either: Archive, image: Dataset) -> None:
    selected = Selected(DICOM, JPEG_2000, multipart=False)
    (content,) = service.instances_of(either, DICOMWEB, of(image), selected)
    next(content.chunks)
    assert list(either.spool.iterdir())
    assert isinstance(content.chunks, Iterator)
    content.chunks.close()  # type: ignore[attr-defined]
    assert not list(either.spool.iterdir())


def test_a_file_that_is_too_large_to_change(either: Archive, image: Dataset) -> None:
    small = replace(V2, transcode_limit=100)
    selected = Selected(DICOM, JPEG_2000, multipart=False)
    with pytest.raises(NotAcceptable, match="above the supported limit of 100"):
        service.instances_of(either, small, of(image), selected)
    assert service.instances_of(either, small, of(image), as_stored())


def test_several_instances_of_azure_only_as_stored(either: Archive, image: Dataset) -> None:
    other = data.dataset(StudyInstanceUID=image.StudyInstanceUID)
    keep(either, data.file(other))
    with pytest.raises(NotAcceptable, match="when multiple instances are matched"):
        service.instances_of(either, V2, of(image, 1), Selected(DICOM, EXPLICIT, multipart=True))
    contents = service.instances_of(either, V2, of(image, 1), as_stored())
    assert [content.location for content in contents] == [of(image).path, of(other).path]


def test_a_syntax_that_cannot_be_made(either: Archive) -> None:
    made = encoded(b"no picture", syntax="1.2.840.10008.1.2.4.107")
    keep(either, made.content)
    accept = [f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT}']
    with pytest.raises(NotAcceptable, match="transcoding is not supported"):
        service.instances_of(either, V2, of(made.dataset), select(accept, (), V2.offers[Kind.STUDY]))
    with pytest.raises(NotAcceptable, match=r"4\.107 .* Acceptable here: transfer-syntax=\*"):
        service.instances_of(either, DICOMWEB, of(made.dataset), select(accept, (), DICOMWEB.offers[Kind.STUDY]))


def test_pixel_data_that_no_codec_takes_can_be_had_as_stored(either: Archive) -> None:
    made = data.image(BitsAllocated=32, BitsStored=32, HighBit=31, Columns=4)
    keep(either, data.file(made))
    [content] = frames(either, made, 1, selected=Selected("image/jp2", JPEG_2000, multipart=True))
    with pytest.raises(NotAcceptable, match=r"Acceptable: application/octet-stream; transfer-syntax=\*\.$"):
        content.ready()


def test_what_can_be_made_instead_is_named(either: Archive, image: Dataset) -> None:
    selected = select(["image/jpx; transfer-syntax=1.2.840.10008.1.2.4.92"], (), DICOMWEB.offers[Kind.FRAMES])
    with pytest.raises(NotAcceptable, match=f"image/jp2; transfer-syntax={JPEG_2000}"):
        frames(either, image, 1, selected=selected)


def test_the_stored_syntax_as_a_last_resort(either: Archive) -> None:
    made = encoded(b"no picture", syntax="1.2.840.10008.1.2.4.107")
    keep(either, made.content)
    selected = Selected(DICOM, EXPLICIT, multipart=True, fallback=True)
    (content,) = service.instances_of(either, DICOMWEB, of(made.dataset), selected)
    assert whole(content) == made.content


# JPEG 2000 that no decoder reads
BROKEN = encoded(b"\xff\x4f\xff\x51 no codestream", b"nor this", syntax=JPEG_2000)


def test_an_instance_that_cannot_be_decoded_is_sent_as_stored_among_others(either: Archive) -> None:
    good = encoded(*PICTURES, syntax=JPEG_2000)
    good.dataset.StudyInstanceUID = BROKEN.dataset.StudyInstanceUID
    keep(either, BROKEN.content, data.file(good.dataset, JPEG_2000))
    selected = Selected(DICOM, EXPLICIT, multipart=True, fallback=True)
    contents = [one.ready() for one in service.instances_of(either, DICOMWEB, of(BROKEN.dataset, 1), selected)]
    assert [content.transfer_syntax for content in contents] == [JPEG_2000, EXPLICIT]
    assert whole(contents[0]) == BROKEN.content
    assert dcmread(io.BytesIO(whole(contents[1]))).file_meta.TransferSyntaxUID == EXPLICIT
    assert contents[0].length == len(BROKEN.content)


def test_an_instance_that_cannot_be_decoded_and_must_be_is_refused(either: Archive) -> None:
    keep(either, BROKEN.content)
    (content,) = service.instances_of(either, DICOMWEB, of(BROKEN.dataset), Selected(DICOM, EXPLICIT, multipart=True))
    with pytest.raises(NotAcceptable):
        content.ready()


def test_frames_that_cannot_be_decoded_are_sent_as_stored(either: Archive) -> None:
    keep(either, BROKEN.content)
    selected = Selected(OCTETS, EXPLICIT, multipart=True, fallback=True)
    contents = [one.ready() for one in frames(either, BROKEN.dataset, 2, 1, selected=selected)]
    assert [whole(content) for content in contents] == [b"nor this", b"\xff\x4f\xff\x51 no codestream"]
    assert {content.transfer_syntax for content in contents} == {JPEG_2000}


def test_frames_that_make_no_sense_are_sent_as_stored(either: Archive) -> None:
    made = encoded(b"one of", b"two   ", syntax=JPEG_LS).dataset
    made.BitsAllocated = 24
    keep(either, data.file(made, JPEG_LS))
    selected = Selected(OCTETS, EXPLICIT, multipart=True, fallback=True)
    contents = [one.ready() for one in frames(either, made, 2, 1, selected=selected)]
    assert [whole(content) for content in contents] == [b"two   ", b"one of"]
    assert {content.transfer_syntax for content in contents} == {JPEG_LS}
    with pytest.raises(NotAcceptable, match="Bits Allocated"):
        frames(either, made, 1, selected=replace(selected, fallback=False))


def test_many_frames_are_converted_in_the_order_asked_for(either: Archive) -> None:
    made = data.image(frames=9, rows=16, columns=16)
    keep(either, data.file(made))
    order = [9, 1, 5, 5, 2, 8, 3]
    contents = frames(either, made, *order, selected=Selected("image/jls", JPEG_LS, multipart=True))
    found = [imagecodecs.jpegls_decode(whole(content.ready())).astype("<u2").tobytes() for content in contents]
    assert found == [made.PixelData[512 * (number - 1) : 512 * number] for number in order]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_not_found(either: Archive, level: int) -> None:
    name = ("study", "series", "instance")[level - 1]
    target = of(data.dataset(), level)
    for find in (
        lambda: service.instances_of(either, DICOMWEB, target, as_stored()),
        lambda: service.metadata(either, DICOMWEB, target, "", unknown),
    ):
        with pytest.raises(NotFound, match=f"The specified {name} cannot be found."):
            find()


def test_a_lost_file_is_told(either: Archive, image: Dataset) -> None:
    either.blobs.delete([key for key, _ in either.blobs.list()])
    (content,) = service.instances_of(either, DICOMWEB, of(image), as_stored())
    with pytest.raises(Lost, match="missing from the blob store"):
        next(content.chunks)


# --- Metadata


def unknown(_: Version) -> bool:
    return False


def metadata(archive: Archive, dialect: Dialect, target: Resource, root: str) -> list[bytes]:
    texts = service.metadata(archive, dialect, target, root, unknown).texts
    assert texts is not None
    return list(texts)


def test_metadata_of_the_standard(either: Archive, image: Dataset) -> None:
    (text,) = metadata(either, DICOMWEB, of(image, 1), "http://x/dicomweb")
    assert orjson.loads(text)["7FE00010"]["BulkDataURI"] == f"http://x/dicomweb{of(image).path}/bulkdata/7FE00010"


def test_metadata_of_azure(either: Archive, image: Dataset) -> None:
    (text,) = metadata(either, V2, of(image, 2), "")
    assert "7FE00010" not in orjson.loads(text)


def test_the_version_changes_with_what_is_stored(either: Archive, image: Dataset) -> None:
    before = service.metadata(either, DICOMWEB, of(image, 1), "", unknown)
    keep(either, data.file(data.dataset(StudyInstanceUID=image.StudyInstanceUID)))
    after = service.metadata(either, DICOMWEB, of(image, 1), "", lambda version: version == before.version)
    assert after.version != before.version
    assert after.texts is not None


def test_a_version_that_is_known_is_not_sent(either: Archive, image: Dataset) -> None:
    assert service.metadata(either, DICOMWEB, of(image, 1), "", lambda _: True).texts is None


def test_the_version_of_an_instance_is_its_watermark(either: Archive, image: Dataset) -> None:
    version = service.metadata(either, DICOMWEB, of(image, 3), "", unknown).version
    assert version.tag.isdecimal()
    assert version.modified is not None


def test_several_instances_have_no_date(either: Archive, image: Dataset) -> None:
    assert service.metadata(either, DICOMWEB, of(image, 2), "", unknown).version.modified is None


# --- Frames


def frames(archive: Archive, made: Dataset, *numbers: int, selected: Selected | None = None) -> list[Content]:
    return listed(service.frames, archive, of(made), numbers, selected or as_stored(OCTETS))


def test_frames_in_the_order_asked_for(either: Archive, image: Dataset) -> None:
    size = len(image.PixelData) // 3
    found = frames(either, image, 3, 1, 3)
    assert [whole(content) for content in found] == [image.PixelData[size * (n - 1) : size * n] for n in (3, 1, 3)]
    assert [content.location for content in found] == [f"{of(image).path}/frames/{n}" for n in (3, 1, 3)]
    assert {content.transfer_syntax for content in found} == {EXPLICIT}


def test_a_frame_in_another_transfer_syntax(either: Archive, image: Dataset) -> None:
    (content,) = frames(either, image, 2, selected=Selected("image/jp2", JPEG_2000, multipart=True))
    pixels = np.asarray(imagecodecs.jpeg2k_decode(whole(content)))
    size = len(image.PixelData) // 3
    assert pixels.astype("<u2").tobytes() == image.PixelData[size : 2 * size]


def test_encoded_frames_as_stored(either: Archive) -> None:
    made = encoded(b"first!", b"second")
    keep(either, made.content)
    (content,) = frames(either, made.dataset, 2)
    assert (content.transfer_syntax, whole(content)) == (JPEG_LS, b"second")


def test_frames_of_a_deflated_file(either: Archive) -> None:
    made = data.image(frames=2)
    keep(either, data.file(made, DEFLATED))
    with either.inflating:  # nothing is inflated before it is sent: HEAD and 304 need none of it
        (content,) = frames(either, made, 2)
    assert whole(content) == made.PixelData[len(made.PixelData) // 2 :]


@pytest.mark.parametrize("numbers", [(4,), (1, 4)])
def test_a_frame_beyond_the_last(either: Archive, image: Dataset, numbers: tuple[int, ...]) -> None:
    with pytest.raises(NotFound, match="There is no Frame 4: the Instance has 3"):
        frames(either, image, *numbers)


def test_no_pixel_data(either: Archive) -> None:
    made = data.dataset()
    keep(either, data.file(made))
    with pytest.raises(NotFound, match="There is no Frame that could be sent alone"):
        frames(either, made, 1)


# --- Bulkdata


def test_a_bulk_value(either: Archive, image: Dataset) -> None:
    (content,) = listed(service.bulkdata, either, of(image), "7FE00010", as_stored(OCTETS))
    assert (content.media_type, content.transfer_syntax) == (OCTETS, EXPLICIT)
    assert (content.length, whole(content)) == (len(image.PixelData), image.PixelData)


def test_frames_of_a_deflated_file_may_be_asked_for_again_and_again(either: Archive) -> None:
    made = data.image(frames=2)
    keep(either, data.file(made, DEFLATED))
    half = len(made.PixelData) // 2
    contents = frames(either, made, 2, 1, 2, 2)
    assert [whole(content) for content in contents] == [
        made.PixelData[half:] if number == 2 else made.PixelData[:half] for number in (2, 1, 2, 2)
    ]


def test_a_bulk_value_of_a_deflated_file(either: Archive) -> None:
    made = data.image()
    keep(either, data.file(made, DEFLATED))
    (content,) = listed(service.bulkdata, either, of(made), "7FE00010", as_stored(OCTETS))
    assert whole(content) == made.PixelData


def test_no_such_bulk_value(either: Archive, image: Dataset) -> None:
    with pytest.raises(NotFound):
        listed(service.bulkdata, either, of(image), "00280010", as_stored(OCTETS))


def test_bulk_data_of_encapsulated_pixel_data_are_its_frames(either: Archive) -> None:
    made = encoded(b"first!", b"second")
    keep(either, made.content)
    contents = listed(service.bulkdata, either, of(made.dataset), "7FE00010", as_stored(OCTETS))
    assert [whole(content) for content in contents] == [b"first!", b"second"]
    assert {content.transfer_syntax for content in contents} == {JPEG_LS}


def test_bulk_data_are_little_endian(either: Archive) -> None:
    made = data.image()
    little = made.PixelData
    made.PixelData = np.frombuffer(little, "<u2").byteswap().tobytes()
    keep(either, data.file(made, "1.2.840.10008.1.2.2"))
    (content,) = listed(service.bulkdata, either, of(made), "7FE00010", as_stored(OCTETS))
    assert whole(content) == little


def test_bulk_data_need_one_transaction_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that each hold one and wait for a second would wait for each other."""
    monkeypatch.setattr("filmroom.index.database.PATIENCE", 0.1)
    narrow = Archive.open(Settings(data=tmp_path / "narrow", threads=1, codec_processes=1))
    made = encoded(b"first!", b"second")
    keep(narrow, made.content)
    contents = listed(service.bulkdata, narrow, of(made.dataset), "7FE00010", as_stored(OCTETS))
    assert [whole(content) for content in contents] == [b"first!", b"second"]
    narrow.close()


class Ranged(Folder):
    """A blob store of which nothing is read whole."""

    def get(self, key: str) -> bytes:
        raise AssertionError("a whole file was read")


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_a_file_without_preamble_is_never_whole_in_memory(archive: Archive, tmp_path: Path, syntax: str) -> None:
    made = data.image(rows=1024, columns=1024)
    content = data.file(made, syntax)
    ranged = replace(archive, blobs=Ranged(tmp_path / "ranged"))
    keep(ranged, content[132:])
    (got,) = service.instances_of(ranged, DICOMWEB, of(made), as_stored())
    head = next(got.chunks)
    assert len(head) < 1000
    assert dcmread(io.BytesIO(head + whole(got))) == dcmread(io.BytesIO(content))


def test_a_command_set_is_not_sent_with_the_data_set(archive: Archive) -> None:
    made = data.dataset()
    data_set = data.file(made)
    data_set = data_set[part10.read_head(data_set).end :]
    command = b"\0\0\0\1UL\4\0\1\0\0\0"
    keep(archive, command + data_set)
    (got,) = service.instances_of(archive, DICOMWEB, of(made), as_stored())
    sent = whole(got)
    assert sent[part10.read_head(sent).end :] == data_set


def test_file_meta_information_may_be_long(archive: Archive) -> None:
    made = data.dataset()
    content = data.file(made)
    end = part10.read_head(content).end
    private = b"\2\0\2\1OB\0\0" + (2 << 20).to_bytes(4, "little") + b"\0" * (2 << 20)
    keep(archive, content[128:end] + private + content[end:])
    (got,) = service.instances_of(archive, DICOMWEB, of(made), as_stored())
    assert dcmread(io.BytesIO(whole(got))).SOPInstanceUID == made.SOPInstanceUID


def test_a_frame_too_large_to_decode_is_refused_before_it_is_read(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = data.image()
    keep(archive, data.file(made))
    monkeypatch.setattr(codecs, "MOST_PIXELS", 63)
    with pytest.raises(NotAcceptable, match="megapixels"):
        listed(service.frames, archive, of(made), [1], Selected("image/jp2", JPEG_2000, multipart=True))


def test_a_large_frame_is_sent_in_chunks(archive: Archive) -> None:
    made = data.image(frames=2, rows=1024, columns=1024)
    keep(archive, data.file(made))
    _, second = listed(service.frames, archive, of(made), [1, 2], as_stored(OCTETS))
    sent = list(second.chunks)
    assert [len(chunk) for chunk in sent] == [1 << 20] * 2
    assert b"".join(sent) == made.PixelData[2 << 20 :]


# --- What else would do

SIGNED = {"PixelRepresentation": 1}  # which JPEG with loss does not take
LOSSY = "1.2.840.10008.1.2.4.50"


@pytest.mark.parametrize(
    ("accept", "sent"),
    [
        (f"{DICOM}; transfer-syntax={LOSSY}, {DICOM}; transfer-syntax={JPEG_LS}; q=0.5", JPEG_LS),
        (f"{DICOM}; transfer-syntax={LOSSY}, {DICOM}; q=0.1", EXPLICIT),
        (f"{DICOM}; transfer-syntax={LOSSY}, */*; q=0.1", EXPLICIT),
    ],
)
def test_an_instance_comes_as_the_next_best_if_the_codec_refuses(either: Archive, accept: str, sent: str) -> None:
    made = data.image(**SIGNED)
    keep(either, data.file(made))
    (content,) = service.instances_of(either, DICOMWEB, of(made), select([accept], (), DICOMWEB.offers[Kind.INSTANCE]))
    ready = content.ready()
    assert (ready.transfer_syntax, ready.multipart) == (sent, "*/*" in accept)
    assert dcmread(io.BytesIO(whole(ready))).file_meta.TransferSyntaxUID == sent


@pytest.mark.parametrize(
    ("other", "media_type", "sent"),
    [
        (f"image/jls; transfer-syntax={JPEG_LS}", "image/jls", JPEG_LS),
        (f"image/jpeg; transfer-syntax={LOSSY}; q=0.6, image/jls", "image/jls", JPEG_LS),
        (OCTETS, OCTETS, EXPLICIT),
        (f"{OCTETS}; transfer-syntax=*", OCTETS, EXPLICIT),
    ],
)
def test_a_frame_comes_as_the_next_best_if_the_codec_refuses(
    either: Archive, other: str, media_type: str, sent: str
) -> None:
    made = data.image(frames=2, **SIGNED)
    keep(either, data.file(made))
    accept = f"image/jpeg; transfer-syntax={LOSSY}, {other}; q=0.5"
    (content,) = frames(either, made, 2, selected=select([accept], (), DICOMWEB.offers[Kind.FRAMES]))
    ready = content.ready()
    assert (ready.media_type, ready.transfer_syntax) == (media_type, sent)
    assert ready.location.endswith("/frames/2")


def test_without_anything_else_the_codec_has_the_last_word(either: Archive) -> None:
    made = data.image(**SIGNED)
    keep(either, data.file(made))
    selected = select([f"image/jpeg; transfer-syntax={LOSSY}"], (), DICOMWEB.offers[Kind.FRAMES])
    with pytest.raises(NotAcceptable, match="unsigned"):
        frames(either, made, 1, selected=selected)[0].ready()


# --- Archives


def test_a_file_set_lists_what_is_there_when_its_turn_comes(archive: Archive) -> None:
    study, kept, gone = data.uid(), data.dataset(), data.dataset()
    for made in (kept, gone):
        made.StudyInstanceUID = study
        keep(archive, data.file(made))
    contents = service.instances_of(archive, DICOMWEB, of(kept, 1), as_stored("application/zip"))
    chunks = service.zipped(archive, of(kept, 1), contents, dicomdir=True).chunks
    begun = next(chunks)
    delete(archive, of(gone))
    with zipfile.ZipFile(io.BytesIO(b"".join([begun, *chunks]))) as read:
        listed = dcmread(io.BytesIO(read.read("DICOMDIR"))).DirectoryRecordSequence
        assert len(read.namelist()) == 2
    assert [record.DirectoryRecordType for record in listed].count("IMAGE") == 1


def test_all_frames_are_those_of_one_version(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    made = data.image(frames=2)
    keep(archive, data.file(made))
    module = sys.modules[service.bulkdata.__module__]  # the name in the package is the function
    real = module.every_frame

    def replaced_before(*arguments: Any) -> Any:
        monkeypatch.setattr(module, "every_frame", real)
        made.NumberOfFrames, made.PixelData = 3, bytes(3 * 128)
        store(archive, DICOMWEB, Resource(), [part(data.file(made))], replace=True)
        return real(*arguments)

    monkeypatch.setattr(module, "every_frame", replaced_before)
    with pytest.raises(Unavailable, match="replaced just now"):
        service.pixeldata(archive, of(made), as_stored(OCTETS))
    monkeypatch.setattr(module, "every_frame", replaced_before)
    assert len(list(service.all_pixeldata(archive, of(made), as_stored(OCTETS)).contents)) == 3


def test_bulk_values_of_a_replaced_instance_are_sent_once(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    made = data.image(rows=64, columns=64)
    made.add_new(0x00480105, "OB", bytes(4096))
    keep(archive, data.file(made))
    module = sys.modules[service.bulkdata.__module__]
    real, replaced = module._bulkdata, list[str]()

    def replaced_once(archive: Archive, target: Resource, path: str, selected: Selected) -> Any:
        if path == "7FE00010" and not replaced:
            replaced.append(path)
            raise Replaced("just now")
        return real(archive, target, path, selected)

    monkeypatch.setattr(module, "_bulkdata", replaced_once)
    found = service.all_bulkdata(archive, of(made), as_stored(OCTETS)).contents
    assert [content.location.rpartition("/")[2] for content in found] == ["00480105", "7FE00010"]
    assert replaced

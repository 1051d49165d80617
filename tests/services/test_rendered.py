"""Rendered images: what is chosen, what is cached, what is never served, and clear refusals."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian

from filmroom.archive import Archive
from filmroom.dicom import documents, reports, uids
from filmroom.dicom.presentation import Presentation, Viewport
from filmroom.dicom.resources import Resource
from filmroom.errors import Lost, NotAcceptable, NotFound, Unavailable
from filmroom.index import instances
from filmroom.pixels import render
from filmroom.protocol import negotiation, offers
from filmroom.protocol.dialects import DICOMWEB, V2, Dialect
from filmroom.protocol.negotiation import Kind, Selected
from filmroom.services import delete, rendered, store
from filmroom.services.content import Content, Stream
from filmroom.services.examination import part
from filmroom.services.rendered import images
from tests import data

PNG = "image/png"
PLAIN = Presentation()
MPEG4, VIDEO_FRAMES = "1.2.840.10008.1.2.4.102", 999


def video(content: bytes) -> Dataset:
    made = data.image(bits=8, NumberOfFrames=VIDEO_FRAMES)
    made.PixelData = encapsulate([content], has_bot=False)
    made["PixelData"].is_undefined_length = True
    return made


def selected(accept: str) -> Selected:
    return negotiation.select([accept], (), DICOMWEB.offers[Kind.RENDERED])


def add(archive: Archive, made: Any, *, put: bool = False) -> Resource:
    syntax = MPEG4 if made.get("NumberOfFrames") == VIDEO_FRAMES else ExplicitVRLittleEndian
    store.store(archive, DICOMWEB, Resource(), [part(data.file(made, syntax))], replace=put)
    return Resource(made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID)


def stored(archive: Archive, **attributes: Any) -> Resource:
    return add(archive, data.image(**{"frames": 2, "rows": 4, "columns": 6, **attributes}))


def of_instance(
    archive: Archive,
    target: Resource,
    *numbers: int,
    accept: str = PNG,
    how: Presentation = PLAIN,
    dialect: Dialect = DICOMWEB,
) -> list[Content]:
    return rendered.of_instance(archive, dialect, target, numbers or None, selected(accept), how)


def ready(found: list[Content] | Stream) -> list[Content]:
    if isinstance(found, Stream):
        return list(found.contents)
    return [content.ready() for content in found]


def contents(found: list[Content] | Stream) -> list[bytes]:
    return [b"".join(content.chunks) for content in ready(found)]


def versions(*found: list[Content]) -> set[Any]:
    return {tuple((content.watermark, content.form, content.multipart) for content in one) for one in found}


def moving(image: bytes) -> int:
    return getattr(Image.open(io.BytesIO(image)), "n_frames", 1)


def cached(archive: Archive, folder: Path) -> list[Path]:
    return [path for path in (folder / "data" / "rendered").rglob("*") if path.is_file()]


def test_a_frame_becomes_an_image_of_its_size(archive: Archive) -> None:
    [image] = contents(of_instance(archive, stored(archive), 2))
    assert imagecodecs.png_decode(image).shape == (4, 6)


def test_several_frames_are_several_images_in_their_order(archive: Archive) -> None:
    target = stored(archive)
    found = of_instance(archive, target, 2, 1, 2)
    two, one, again = contents(found)
    assert (two, one) == (again, *contents(of_instance(archive, target, 1)))
    assert two != one
    assert [part.location for part in found] == [f"{target.path}/frames/{n}/rendered" for n in (2, 1, 2)]


@pytest.mark.parametrize(
    ("accept", "numbers", "parts", "frames"),
    [
        ("image/gif", (), 1, 2),
        ("image/gif", (2, 1), 1, 2),
        ("image/webp", (), 1, 1),
        ("image/webp", (1, 2), 1, 2),
        ('multipart/related; type="image/gif"', (1, 2), 2, 1),
        ("image/jpeg", (), 1, 1),
    ],
)
def test_which_media_types_move(
    archive: Archive, accept: str, numbers: tuple[int, ...], parts: int, frames: int
) -> None:
    found = contents(of_instance(archive, stored(archive), *numbers, accept=accept))
    assert [moving(image) for image in found] == [frames] * parts


@pytest.mark.parametrize("accept", ["image/gif", 'multipart/related; type="image/gif"'])
def test_an_instance_moves_alone_and_among_others(archive: Archive, accept: str) -> None:
    target = series(archive, data.image(frames=3, rows=4, columns=4), data.image(rows=4, columns=4))
    assert list(map(moving, contents(rendered.of_many(archive, target, selected(accept), PLAIN)))) == [1, 3]
    assert list(map(moving, contents(of_instance(archive, stored(archive, frames=3), accept=accept)))) == [3]


def test_a_frame_beyond_the_last_is_not_found(archive: Archive) -> None:
    with pytest.raises(NotFound):
        of_instance(archive, stored(archive), 3)


def test_what_cannot_be_shown_is_not_acceptable(archive: Archive) -> None:
    with pytest.raises(NotAcceptable):
        contents(of_instance(archive, stored(archive, PhotometricInterpretation="HSV"), 1))


def test_an_image_is_made_once(archive: Archive, tmp_path: Path) -> None:
    target = stored(archive)
    first = contents(of_instance(archive, target))
    [path] = cached(archive, tmp_path)
    archive.pool.close()  # nothing can be rendered any more
    assert contents(of_instance(archive, target)) == first
    path.write_bytes(b"damaged")
    with pytest.raises(Unavailable):
        contents(of_instance(archive, target))


def test_all_that_an_image_is_made_of_is_in_its_version(archive: Archive) -> None:
    target, other = stored(archive), stored(archive)
    asked = [
        of_instance(archive, target),
        of_instance(archive, target, 2),
        of_instance(archive, target, 1, 2),
        of_instance(archive, target, accept="image/jpeg"),
        of_instance(archive, target, how=Presentation(quality=50)),
        of_instance(archive, target, how=Presentation(viewport=Viewport(2, 2))),
        of_instance(archive, target, how=Presentation(window=(1, 2, "LINEAR"))),
        of_instance(archive, target, accept=f'multipart/related; type="{PNG}"'),
        of_instance(archive, other),
    ]
    assert len(versions(*asked)) == len(asked)
    assert len(versions(of_instance(archive, target), asked[0])) == 1


def test_what_was_replaced_or_deleted_is_never_served(archive: Archive) -> None:
    made = data.image(rows=4, columns=4)
    target = add(archive, made)
    old = of_instance(archive, target)
    [before] = contents(old)
    made.PixelData = bytes(range(32))
    add(archive, made, put=True)
    new = of_instance(archive, target)
    assert len(versions(new, old)) == 2
    assert contents(new) != [before]
    delete.delete(archive, target)
    with pytest.raises(NotFound):
        of_instance(archive, target)


def test_an_instance_replaced_between_is_not_cached_as_the_old_one(archive: Archive, tmp_path: Path) -> None:
    made = data.image()
    target = add(archive, made)
    asked = of_instance(archive, target)
    made.PixelData = bytes(128)
    add(archive, made, put=True)
    with pytest.raises(Unavailable):
        contents(asked)
    assert cached(archive, tmp_path) == []


def test_what_is_too_large_is_refused_before_it_is_read(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    target = stored(archive)
    with archive.index.read() as tx:
        [row] = instances.fetch(tx, target)
    archive.blobs.delete([row.key])
    monkeypatch.setattr(images, "MOST_BYTES", 8)
    with pytest.raises(NotAcceptable, match="are not rendered"):
        contents(of_instance(archive, target))
    monkeypatch.setattr(render, "MOST_PIXELS", 8)
    with pytest.raises(NotAcceptable, match="megapixels"):
        contents(of_instance(archive, target))


def test_azure_renders_no_large_files(archive: Archive) -> None:
    target = stored(archive)
    with pytest.raises(NotAcceptable, match="converting|convert the dicom"):
        of_instance(archive, target, dialect=replace(V2, transcode_limit=10))


# --- Studies and Series


def series(archive: Archive, *made: Any) -> Resource:
    study, uid = data.uid(), data.uid()
    for number, one in enumerate(made):
        one.StudyInstanceUID, one.SeriesInstanceUID, one.InstanceNumber = study, uid, len(made) - number
        add(archive, one)
    return Resource(study, uid)


def test_each_image_of_a_series_is_a_part_in_order(archive: Archive) -> None:
    made = [data.image(rows=4, columns=1 + number) for number in range(3)]
    target = series(archive, *made, data.dataset())
    for resource in (target, Resource(target.study)):
        found = ready(rendered.of_many(archive, resource, selected(PNG), PLAIN))
        assert [imagecodecs.png_decode(b"".join(one.chunks)).shape[1] for one in found] == [3, 2, 1]
        assert found[0].location.endswith(f"/instances/{made[2].SOPInstanceUID}/rendered")


def test_of_many_those_that_cannot_be_rendered_are_left_out(archive: Archive) -> None:
    good, bad = data.image(), data.image(PhotometricInterpretation="HSV")
    target = series(archive, bad, good)
    assert len(contents(rendered.of_many(archive, target, selected(PNG), PLAIN))) == 1
    with pytest.raises(NotAcceptable):
        contents(
            rendered.of_many(
                archive, series(archive, data.image(PhotometricInterpretation="HSV")), selected(PNG), PLAIN
            )
        )


@pytest.mark.parametrize("change", ["delete", "put"])
def test_of_many_those_that_are_gone_by_then_are_left_out(archive: Archive, change: str) -> None:
    first, second = data.image(), data.image()
    target = series(archive, first, second)
    asked = [rendered.of_many(archive, target, selected(PNG), Presentation(quality)) for quality in (1, 2)]
    for made, left in ((first, 1), (second, 0)):
        if change == "delete":
            delete.delete(archive, Resource(target.study, target.series, made.SOPInstanceUID))
        else:
            made.PixelData = bytes(128)
            add(archive, made, put=True)
        found = asked.pop()
        if left:
            assert len(contents(found)) == 1
        else:
            with pytest.raises((NotFound, Unavailable), match="cannot be found|replaced"):
                contents(found)


def test_a_series_without_images_is_told_from_one_that_is_not_there(archive: Archive) -> None:
    target = series(archive, data.dataset())
    with pytest.raises(NotAcceptable, match="series has no image, report or document"):
        rendered.of_many(archive, target, selected(PNG), PLAIN)
    with pytest.raises(NotFound, match="series cannot be found"):
        rendered.of_many(archive, Resource("1", "2"), selected(PNG), PLAIN)


def test_one_that_is_lost_or_takes_too_long_costs_no_other(archive: Archive) -> None:
    target = series(archive, data.image(), data.image(), data.image())
    with archive.index.read() as tx:
        rows = instances.fetch(tx, target)
    archive.blobs.delete([rows[1].key])
    assert len(contents(rendered.of_many(archive, target, selected(PNG), PLAIN))) == 2


def test_what_a_media_type_cannot_hold_comes_in_the_next_best(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "MOST_FRAMES", 2)
    target = stored(archive, frames=3)
    [content] = ready(of_instance(archive, target, accept="image/gif, image/jpeg;q=0.5"))
    assert content.media_type == "image/jpeg"
    with pytest.raises(NotAcceptable, match="at most 2 Frames"):
        ready(of_instance(archive, target, accept="image/gif"))
    found = of_instance(archive, target, 1, accept="video/mp4, image/png;q=0.5", how=Presentation(icc_profile="srgb"))
    assert ready(found)[0].media_type == PNG
    srgb = Presentation(icc_profile="srgb")
    [content] = ready(of_instance(archive, stored(archive), accept="image/gif, image/png;q=0.5", how=srgb))
    assert content.media_type == PNG


# --- Thumbnails


def thumbnail(archive: Archive, target: Resource, *numbers: int) -> list[Content]:
    how = Presentation(viewport=Viewport(2, 2))
    return rendered.thumbnail(archive, target, numbers or None, selected(PNG), how)


def test_the_middle_stands_for_all(archive: Archive) -> None:
    made = [data.image(frames=3) for _ in range(3)]
    target = series(archive, *made)
    middle = Resource(target.study, target.series, made[1].SOPInstanceUID)
    expected = contents(of_instance(archive, middle, 2, how=Presentation(viewport=Viewport(2, 2))))
    for resource in (Resource(target.study), target, middle):
        assert contents(thumbnail(archive, resource)) == expected
    assert contents(thumbnail(archive, middle, 1)) != expected


@pytest.mark.parametrize("damaged", [[1], [0, 1], [1, 2], [2]])
def test_damaged_images_in_the_middle_leave_one_beside_as_thumbnail(archive: Archive, damaged: list[int]) -> None:
    made = [data.image(PhotometricInterpretation="HSV" if at in damaged else "MONOCHROME2") for at in range(3)]
    assert len(contents(thumbnail(archive, series(archive, *made)))) == 1


def test_a_damaged_series_leaves_the_next_as_thumbnail(archive: Archive) -> None:
    bad = data.image(PhotometricInterpretation="HSV")
    good = data.image(StudyInstanceUID=bad.StudyInstanceUID, SeriesNumber=2)
    add(archive, bad)
    add(archive, good)
    assert len(contents(thumbnail(archive, Resource(bad.StudyInstanceUID)))) == 1


def test_if_all_are_lost_that_is_said(archive: Archive) -> None:
    target = series(archive, data.image(), data.image())
    with archive.index.read() as tx:
        archive.blobs.delete([row.key for row in instances.fetch(tx, target)])
    with pytest.raises(Lost):
        contents(rendered.of_many(archive, target, selected(PNG), PLAIN))


def test_what_has_no_thumbnail_is_not_found(archive: Archive) -> None:
    target = series(archive, data.dataset())
    with pytest.raises(NotFound, match="series has no image"):
        thumbnail(archive, target)
    with pytest.raises(NotFound, match="study cannot be found"):
        thumbnail(archive, Resource("1"))
    with pytest.raises(NotFound, match="no Frame 3: the Instance has 2"):
        thumbnail(archive, stored(archive), 3)


# --- Documents and reports

PDF_STORAGE = "1.2.840.10008.5.1.4.1.1.104.1"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize("content", [b"%PDF-1.7 short", b"%PDF-1.7 " + bytes(range(256)) * 9000 + b"."])
@pytest.mark.parametrize("accept", ["application/pdf", "application/*", "*/*", BROWSER])
def test_a_pdf_is_sent_as_it_is(archive: Archive, content: bytes, accept: str) -> None:
    target = add(archive, data.document(content, PDF_STORAGE, EncapsulatedDocumentLength=len(content)))
    found = of_instance(archive, target, accept=accept)
    assert (found[0].media_type, found[0].length) == ("application/pdf", len(content))
    assert contents(found) == [content]


@pytest.mark.parametrize(("sop_class", "media_type"), documents.MEDIA_TYPES.items())
def test_a_document_is_sent_by_its_sop_class(archive: Archive, sop_class: str, media_type: str) -> None:
    made = data.document(b"content.", sop_class, MIMETypeOfEncapsulatedDocument="text/html")
    target = add(archive, made)
    for accept in (media_type, media_type.partition("/")[0] + "/*", "*/*", BROWSER):
        found = of_instance(archive, target, accept=accept)
        assert (found[0].media_type, contents(found)) == (media_type, [b"content."])


def test_all_documents_are_offered_and_of_the_registry() -> None:
    assert tuple(documents.MEDIA_TYPES.values()) == offers.DOCUMENTS
    names = {sop_class: uids.name(sop_class) for sop_class in documents.MEDIA_TYPES}
    assert [name and name.split()[:2] for name in names.values()] == [
        ["Encapsulated", kind] for kind in ("PDF", "CDA", "STL", "OBJ", "MTL")
    ]


def test_a_pdf_is_no_image(archive: Archive) -> None:
    with pytest.raises(NotAcceptable, match=r"Encapsulated PDF Storage. Acceptable here: application/pdf\."):
        of_instance(archive, add(archive, data.document(b"%PDF", PDF_STORAGE)), accept="image/png")


@pytest.mark.parametrize(("uid", "name"), [("1.2.840.10008.5.1.4.1.1.481.5", "RT Plan Storage"), ("1.2.3", "1.2.3")])
def test_what_is_neither_is_named(archive: Archive, uid: str, name: str) -> None:
    target = add(archive, data.dataset(SOPClassUID=uid))
    with pytest.raises(NotAcceptable, match=rf"The Instance \({name}\) is neither report nor document"):
        of_instance(archive, target)


@pytest.mark.parametrize("accept", ["application/pdf", "text/html", "text/*"])
def test_an_image_is_no_document(archive: Archive, accept: str) -> None:
    with pytest.raises(NotAcceptable, match="Acceptable here: image/jpeg, image/png"):
        of_instance(archive, stored(archive), accept=accept)


@pytest.mark.parametrize(
    ("accept", "media_type", "begin"),
    [
        ("text/html", "text/html; charset=utf-8", b"<!DOCTYPE html>"),
        ("*/*", "text/html; charset=utf-8", b"<!DOCTYPE html>"),
        ("image/jpeg, */*;q=0.1", "text/html; charset=utf-8", b"<!DOCTYPE html>"),
        (BROWSER, "text/html; charset=utf-8", b"<!DOCTYPE html>"),
        ("text/*", "text/html; charset=utf-8", b"<!DOCTYPE html>"),
        ("text/plain", "text/plain; charset=utf-8", b"Imaging Report\n"),
        ("text/xml", "text/xml; charset=utf-8", b"<?xml version='1.0' encoding='utf-8'?>\n<report title="),
        ("text/html;q=0, */*", "text/plain; charset=utf-8", b"Imaging Report\n"),
    ],
)
@pytest.mark.parametrize("uid", ["1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.59"])
def test_a_report_is_a_page(archive: Archive, uid: str, accept: str, media_type: str, begin: bytes) -> None:
    found = of_instance(archive, add(archive, data.report(SOPClassUID=uid)), accept=accept)
    page = found[0].ready()
    text = b"".join(page.chunks)
    assert (page.media_type, text[: len(begin)], len(text)) == (media_type, begin, page.length)


def test_a_report_is_no_image(archive: Archive) -> None:
    with pytest.raises(
        NotAcceptable, match=r"Basic Text SR Storage. Acceptable here: text/html, text/plain, text/xml\."
    ):
        of_instance(archive, add(archive, data.report()))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"])
def test_a_report_has_its_long_texts(archive: Archive, syntax: str) -> None:
    text = "ä" * (1 << 20)
    made = data.report(data.item("TEXT", "Findings", TextValue=text))
    store.store(archive, DICOMWEB, Resource(), [part(data.file(made, syntax))], replace=False)
    target = Resource(made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID)
    [page] = contents(of_instance(archive, target, accept="text/plain"))
    assert text.encode() in page


def test_long_texts_are_refused_before_they_are_read(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    target = add(archive, data.report(data.item("TEXT", TextValue="x" * (1 << 21))))
    with archive.index.read() as tx:
        [row] = instances.fetch(tx, target)
    archive.blobs.delete([row.key])
    monkeypatch.setattr(reports, "MOST_CHARACTERS", 1 << 20)
    with pytest.raises(NotAcceptable, match="1 million characters"):
        contents(of_instance(archive, target, accept="text/html"))


def test_a_report_that_was_replaced_or_deleted_between_is_not_mixed_up(archive: Archive) -> None:
    made = data.report()
    target = add(archive, made)
    asked = of_instance(archive, target, accept="text/html")
    add(archive, made, put=True)
    with pytest.raises(Unavailable):
        contents(asked)
    asked, old = of_instance(archive, target, accept="text/html"), asked
    assert len(versions(asked, old)) == 2
    delete.delete(archive, target)
    with pytest.raises(NotFound):
        contents(asked)


def test_each_form_of_a_report_has_its_version(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    target = add(archive, data.report())
    found = [of_instance(archive, target, accept=one) for one in ("text/html", "*/*", "text/plain")]
    monkeypatch.setattr(reports, "VERSION", reports.VERSION + 1)
    assert len(versions(*found, of_instance(archive, target, accept="text/html"))) == 3


def test_azure_has_no_reports(archive: Archive) -> None:
    with pytest.raises(NotFound):
        of_instance(archive, add(archive, data.report()), accept="text/html", dialect=V2)


def test_an_empty_document_is_not_found(archive: Archive) -> None:
    with pytest.raises(NotFound, match="is empty"):
        ready(of_instance(archive, add(archive, data.document(b"", PDF_STORAGE)), accept="*/*"))


def test_a_report_has_no_thumbnail(archive: Archive) -> None:
    with pytest.raises(NotFound, match="no image"):
        thumbnail(archive, add(archive, data.report()))


def mixed(archive: Archive) -> Resource:
    pdf = data.document(b"%PDF", PDF_STORAGE)
    return series(archive, pdf, data.report(), video(b"stream"), data.image())


@pytest.mark.parametrize(
    ("accept", "media_types"),
    [
        ("*/*", ["image/jpeg", "video/mp4", "text/html; charset=utf-8", "application/pdf"]),
        ('multipart/related; type="*/*"', ["image/jpeg", "video/mp4", "text/html; charset=utf-8", "application/pdf"]),
        ("multipart/related", ["image/jpeg", "video/mp4", "text/html; charset=utf-8", "application/pdf"]),
        ("text/*, image/png", ["image/png", "text/html; charset=utf-8"]),
        ('multipart/related; type="application/pdf"', ["application/pdf"]),
        (BROWSER, ["image/webp", "video/mp4", "text/html; charset=utf-8", "application/pdf"]),
    ],
)
def test_a_series_is_all_that_one_can_look_at(archive: Archive, accept: str, media_types: list[str]) -> None:
    found = ready(rendered.of_many(archive, mixed(archive), selected(accept), PLAIN))
    assert [content.media_type for content in found] == media_types


def test_one_document_is_sent_alone(archive: Archive) -> None:
    target = series(archive, data.document(b"%PDF", PDF_STORAGE), data.dataset())
    [content] = ready(rendered.of_many(archive, target, selected("*/*"), PLAIN))
    assert (content.media_type, content.multipart) == ("application/pdf", False)


def test_what_is_acceptable_of_a_mixed_series_is_named(archive: Archive) -> None:
    with pytest.raises(NotAcceptable, match=r"image/jpeg.*text/html.*application/pdf"):
        contents(rendered.of_many(archive, mixed(archive), selected("model/stl"), PLAIN))


def test_a_video_is_the_stream_that_is_stored(archive: Archive) -> None:
    target = add(archive, video(b"stream"))
    [content] = ready(of_instance(archive, target, accept="*/*"))
    assert (content.media_type, contents([content])) == ("video/mp4", [b"stream"])
    with pytest.raises(NotAcceptable, match=r"Acceptable here: video/mp4\."):
        of_instance(archive, target, accept=PNG)
    with pytest.raises(NotFound, match="no image"):
        thumbnail(archive, target)

"""Retrieve Bulkdata and Pixel Data (PS3.18 §10.4.1.1.5, §10.4.1.1.6): one value, or all of a Study."""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

from filmroom.archive import Archive
from filmroom.dicom import documents, rewrite, transfer_syntax
from filmroom.dicom.frames import Frames
from filmroom.dicom.json_model import Bulk
from filmroom.dicom.resources import Resource
from filmroom.errors import NotAcceptable, NotFound, Replaced
from filmroom.index import instances
from filmroom.index.instances import StoredInstance
from filmroom.protocol import offers
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.services import deidentified, pseudonyms
from filmroom.services.content import Content, Stream, as_stored, fit, form, not_found, pieces, reader, version
from filmroom.services.retrieve.frames import every_frame
from filmroom.services.video import video

PIXEL_DATA = "7FE00010"
_PIXELS = (PIXEL_DATA, "7FE00008", "7FE00009")  # also Float and Double Float Pixel Data; an Instance has one of them

Contents = Iterator[Content]
_NO_FRAMES = "The specified instance has no pixel data of which it is known where a frame begins."
_SEVERAL = 2  # parts at least, as far as can be told beforehand


def bulkdata(archive: Archive, target: Resource, path: str, selected: Selected) -> list[Content] | Stream:
    """The bulk value at a path that Metadata gives. Pixel Data may also be their Frames, or a video."""
    target = pseudonyms.resolved(archive, target)
    return deidentified.several(target.view, _bulkdata(archive, target, path, selected))


def _bulkdata(archive: Archive, target: Resource, path: str, selected: Selected) -> list[Content] | Stream:
    location = f"{target.path}/bulkdata/{path}"
    with archive.index.read() as tx:
        stored, bulk = instances.fetch_bulk(tx, target, path)
        if target.view.deidentification is not None:
            deidentified.seen(target, [stored])
            deidentified.check_kept(target.view, instances.fetch_elements(tx, target), path)
        ranges = instances.fetch_pixel_data(tx, target)[1]
        document = documents.MEDIA_TYPES.get(stored.sop_class) if path == documents.DOCUMENT else None
        length = documents.length(instances.fetch_elements(tx, target), bulk.length) if document else bulk.length
    native = not transfer_syntax.find(stored.transfer_syntax).encapsulated
    if path == PIXEL_DATA and (ranges or not native):
        selected = _of_types(selected, {offers.OCTET_STREAM, *offers.OF_FRAMES})
        if native and fit(stored.transfer_syntax, selected).media_type == offers.OCTET_STREAM:
            return [_value(archive, stored, location, bulk, fit(stored.transfer_syntax, selected))]
        every = _pixels(archive, stored, ranges, bulk, location, selected)
        located = (replace(one, location=location) for one in _each(every))
        return replace(every, contents=located) if isinstance(every, Stream) else list(located)
    choice = _of_types(selected, {document or offers.OCTET_STREAM, offers.OCTET_STREAM})
    if choice.media_type == document:
        bulk = replace(bulk, length=length)
    return [_value(archive, stored, location, bulk, choice)]


def pixeldata(archive: Archive, target: Resource, selected: Selected) -> list[Content] | Stream:
    """All Frames of an Instance, or its video. Native ones in one part are the value as it is."""
    target = pseudonyms.resolved(archive, target)
    return deidentified.several(target.view, _pixeldata(archive, target, selected))


def _pixeldata(archive: Archive, target: Resource, selected: Selected) -> list[Content] | Stream:
    with archive.index.read() as tx:
        stored, ranges = instances.fetch_pixel_data(tx, target)
        bulks = instances.fetch_bulks(tx, target)
    bulk = next((bulks[path] for path in _PIXELS if path in bulks), None)
    if bulk is None:
        raise NotFound(_NO_FRAMES)
    return _pixels(archive, stored, ranges, bulk, f"{target.path}/pixeldata", selected)


def _pixels(
    archive: Archive, stored: StoredInstance, ranges: Frames | None, bulk: Bulk, location: str, selected: Selected
) -> list[Content] | Stream:
    """Pixel data as a video, as their value or as Frames; what they are decides, and what is accepted."""
    syntax = transfer_syntax.find(stored.transfer_syntax)
    if syntax.is_video:
        return [video(archive, stored, bulk, location, _of_video(stored, selected))]
    if ranges is None:
        raise NotFound(_NO_FRAMES)
    choice = fit(stored.transfer_syntax, selected)
    if not (syntax.encapsulated or choice.multipart) and choice.media_type == offers.OCTET_STREAM:
        return [_value(archive, stored, location, bulk, choice)]
    return every_frame(archive, stored, ranges, selected)


def _each(found: list[Content] | Stream) -> Contents:
    return found.contents if isinstance(found, Stream) else iter(found)


def all_bulkdata(archive: Archive, target: Resource, selected: Selected) -> Stream:
    """All bulk values of a Study, a Series or an Instance. One kind must hold them all."""
    octets = _of_types(selected.for_parts(_SEVERAL), {offers.OCTET_STREAM})

    def of(stored: StoredInstance) -> Contents:
        with archive.index.read() as tx:
            paths = instances.fetch_bulks(tx, stored.resource)
        for path in paths:
            with suppress(NotFound):  # encapsulated pixel data of which nobody knows where a Frame begins
                yield from _each(_again(partial(_bulkdata, archive, stored.resource, path, octets)))

    return _all(archive, target, octets, lambda _: None, of)


def all_pixeldata(archive: Archive, target: Resource, selected: Selected) -> Stream:
    """All Frames of a Study or a Series."""
    selected = selected.for_parts(_SEVERAL)

    def check(stored: StoredInstance) -> None:
        if transfer_syntax.find(stored.transfer_syntax).is_video:
            _of_video(stored, selected)
        else:
            fit(stored.transfer_syntax, selected)

    def of(stored: StoredInstance) -> Contents:
        return _each(_again(partial(_pixeldata, archive, stored.resource, selected)))

    return _all(archive, target, selected, check, of)


def _all(
    archive: Archive,
    target: Resource,
    selected: Selected,
    check: Callable[[StoredInstance], object],
    of: Callable[[StoredInstance], Contents],
) -> Stream:
    """What the Instances have, each looked up when its turn comes. One that has nothing, or is gone by then, is passed.

    `check` refuses beforehand what can be known to be no choice.
    """
    target = pseudonyms.resolved(archive, target)
    with archive.index.read() as tx:
        found = instances.fetch(tx, target)
    if not found:
        raise not_found(target)
    found = deidentified.seen(target, found)
    for stored in {stored.transfer_syntax: stored for stored in found if stored.frames}.values():
        check(stored)

    def contents() -> Contents:
        some = False
        for stored in found:
            with suppress(NotFound):
                for content in of(stored):
                    some = True
                    yield content
        if not some:
            raise NotFound(f"The specified {target.level.name.lower()} has none of these values.")

    newest = version(target, found[-1].watermark, len(found))
    return deidentified.every(target.view, Stream(f"{newest}-{form(selected)}", contents()))


def _again(find: Callable[[], list[Content] | Stream]) -> list[Content] | Stream:
    """What is found of an Instance, or of the one that has just taken its place. Nothing was sent by then."""
    try:
        return find()
    except Replaced:
        return find()


def _value(archive: Archive, stored: StoredInstance, location: str, bulk: Bulk, choice: Selected) -> Content:
    """A value of native encoding: little endian, whatever is stored (PS3.18 §8.7.3.3.2)."""
    syntax = transfer_syntax.find(stored.transfer_syntax)
    size = rewrite.WORDS.get(bulk.vr, 1) if syntax.big_endian else 1
    read = reader(archive, stored, bulk.offset) if size == 1 else None
    chunks = archive.read(stored, pieces(bulk.offset, bulk.length))
    if read is None:
        chunks = rewrite.swapped(b"".join(chunks), 0, bulk.length, size)
    sent = transfer_syntax.EXPLICIT_LITTLE.uid if choice.media_type == offers.OCTET_STREAM else None
    return as_stored(stored, choice, sent, location, bulk.length, chunks, read)


def _of_video(stored: StoredInstance, selected: Selected) -> Selected:
    """The choice of a video, of equal ones that of its own type and in one part, for players. Nothing is converted."""
    media_type = transfer_syntax.find(stored.transfer_syntax).media_type
    stored_syntax = {STORED, stored.transfer_syntax}
    choices = [
        one
        for one in selected.choices
        if one.media_type.lower() in {media_type, offers.OCTET_STREAM}
        and (one.transfer_syntax in stored_syntax or one.fallback)
    ]
    if not choices:
        raise NotAcceptable(f"The video can be sent as {media_type} and {offers.OCTET_STREAM} only, as it is stored.")
    return min(choices, key=lambda one: (-one.q, one.media_type == offers.OCTET_STREAM, one.multipart))


def _of_types(selected: Selected, media_types: Collection[str]) -> Selected:
    """What of the choices is of these media types."""
    found = selected.only(lambda one: one.media_type.lower() in media_types)
    if found is None:
        raise NotAcceptable(f"The bulk value can be sent as {', '.join(sorted(media_types))} only.")
    return found

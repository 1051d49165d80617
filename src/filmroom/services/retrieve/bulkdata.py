"""Retrieve Bulkdata and Pixel Data (PS3.18 §10.4.1.1.5, §10.4.1.1.6): one value, or all of a Study."""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import replace

from filmroom.archive import Archive
from filmroom.dicom import rewrite, transfer_syntax
from filmroom.dicom.json_model import Bulk, first
from filmroom.dicom.resources import Resource
from filmroom.errors import NotAcceptable, NotFound
from filmroom.index import instances
from filmroom.index.instances import StoredInstance
from filmroom.protocol import offers
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.services.content import Content, Stream, as_stored, fit, form, not_found, pieces, reader, version
from filmroom.services.retrieve.frames import frames
from filmroom.services.video import video

PIXEL_DATA = "7FE00010"
ENCAPSULATED_DOCUMENT, MIME_TYPE = "00420011", 0x00420012

Contents = Iterator[Content]
_NO_FRAMES = "The specified instance has no pixel data of which it is known where a frame begins."
_SEVERAL = 2  # parts at least, as far as can be told beforehand


def bulkdata(archive: Archive, target: Resource, path: str, selected: Selected) -> list[Content]:
    """The bulk value at a path that Metadata gives. Pixel Data may also be their Frames, or a video."""
    with archive.index.read() as tx:
        stored, bulk = instances.fetch_bulk(tx, target, path)
        ranges = instances.fetch_pixel_data(tx, target)[1] if path == PIXEL_DATA else None
        natural = ""
        if path == ENCAPSULATED_DOCUMENT:
            natural = str(first(instances.fetch_elements(tx, target), MIME_TYPE) or "").strip().lower()
    location = f"{target.path}/bulkdata/{path}"
    syntax = transfer_syntax.find(stored.transfer_syntax)
    if path == PIXEL_DATA and syntax.is_video:
        return [video(archive, stored, bulk, location, _of_video(stored, selected))]
    if ranges is None and path == PIXEL_DATA and syntax.encapsulated:
        raise NotFound(_NO_FRAMES)
    if ranges is None:
        return [_value(archive, stored, location, bulk, _of_types(selected, {natural, offers.OCTET_STREAM}))]
    encoded = _of_types(selected, offers.OF_FRAMES)
    if _is_value(stored, choice := fit(stored.transfer_syntax, encoded)):
        return [_value(archive, stored, location, bulk, choice)]
    numbers = range(1, ranges.count + 1)
    return [
        replace(one, location=location) for one in frames(archive, target, numbers, encoded.for_parts(len(numbers)))
    ]


def pixeldata(archive: Archive, target: Resource, selected: Selected) -> list[Content]:
    """All Frames of an Instance, or its video. Native ones in one part are the value as it is."""
    location = f"{target.path}/pixeldata"
    with archive.index.read() as tx:
        stored, ranges = instances.fetch_pixel_data(tx, target)
    if transfer_syntax.find(stored.transfer_syntax).is_video:
        return [video(archive, stored, _pixel_data(archive, target), location, _of_video(stored, selected))]
    if ranges is None:
        raise NotFound(_NO_FRAMES)
    if ranges.count > 1 and _is_value(stored, choice := fit(stored.transfer_syntax, selected)) and not choice.multipart:
        return [_value(archive, stored, location, _pixel_data(archive, target), choice)]
    return frames(archive, target, range(1, ranges.count + 1), selected.for_parts(ranges.count))


def _pixel_data(archive: Archive, target: Resource) -> Bulk:
    with archive.index.read() as tx:
        return instances.fetch_bulk(tx, target, PIXEL_DATA)[1]


def _is_value(stored: StoredInstance, choice: Selected) -> bool:
    """Whether the value is what was chosen, all Frames one after the other."""
    native = not transfer_syntax.find(stored.transfer_syntax).encapsulated
    return native and choice.media_type == offers.OCTET_STREAM


def all_bulkdata(archive: Archive, target: Resource, selected: Selected) -> Stream:
    """All bulk values of a Study, a Series or an Instance. One kind must hold them all."""
    octets = _of_types(selected.for_parts(_SEVERAL), {offers.OCTET_STREAM})

    def of(stored: StoredInstance) -> Contents:
        with archive.index.read() as tx:
            paths = instances.fetch_bulk_paths(tx, stored.resource)
        for path in paths:
            with suppress(NotFound):  # encapsulated pixel data of which nobody knows where a Frame begins
                yield from bulkdata(archive, stored.resource, path, octets)

    return _all(archive, target, octets, lambda _: None, of)


def all_pixeldata(archive: Archive, target: Resource, selected: Selected) -> Stream:
    """All Frames of a Study or a Series."""
    selected = selected.for_parts(_SEVERAL)

    def check(stored: StoredInstance) -> None:
        _of_video(stored, selected) if transfer_syntax.find(stored.transfer_syntax).is_video else fit(
            stored.transfer_syntax, selected
        )

    return _all(archive, target, selected, check, lambda stored: iter(pixeldata(archive, stored.resource, selected)))


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
    with archive.index.read() as tx:
        found = instances.fetch(tx, target)
    if not found:
        raise not_found(target)
    for stored in {stored.transfer_syntax: stored for stored in found if stored.frames}.values():
        check(stored)

    def contents() -> Contents:
        for stored in found:
            with suppress(NotFound):
                yield from of(stored)

    newest = version(target, found[-1].watermark, len(found))
    return Stream(f"{newest}-{form(selected)}", contents())


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
    choices = [
        choice
        for choice in (selected, *selected.alternatives)
        if choice.media_type.lower() in {media_type, offers.OCTET_STREAM}
        and (choice.transfer_syntax in {STORED, stored.transfer_syntax} or choice.fallback)
    ]
    if not choices:
        raise NotAcceptable(f"The video can be sent as {media_type} and {offers.OCTET_STREAM} only, as it is stored.")
    return min(choices, key=lambda one: (-one.q, one.media_type == offers.OCTET_STREAM, one.multipart))


def _of_types(selected: Selected, media_types: Collection[str]) -> Selected:
    """What of the choices is of these media types."""
    choices = [one for one in (selected, *selected.alternatives) if one.media_type.lower() in media_types]
    if not choices:
        named = ", ".join(sorted(filter(None, media_types)))
        raise NotAcceptable(f"The bulk value can be sent as {named} only.")
    return replace(choices[0], alternatives=tuple(choices[1:]))

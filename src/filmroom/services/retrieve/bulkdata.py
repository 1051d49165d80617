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
from filmroom.services.retrieve.content import Content, as_stored, fit, not_found, pieces, reader, version
from filmroom.services.retrieve.frames import frames
from filmroom.services.retrieve.video import is_video, video

PIXEL_DATA = "7FE00010"
ENCAPSULATED_DOCUMENT, MIME_TYPE = "00420011", 0x00420012

Contents = Iterator[Content]
_SEVERAL = 2  # parts at least, as far as can be told beforehand


def bulkdata(archive: Archive, target: Resource, path: str, selected: Selected) -> list[Content]:
    """The bulk value at a path that Metadata gives. Encapsulated Pixel Data are their Frames, or a video."""
    with archive.index.read() as tx:
        stored, bulk = instances.fetch_bulk(tx, target, path)
        if path == PIXEL_DATA and transfer_syntax.find(stored.transfer_syntax).encapsulated:
            count = 0 if is_video(stored.transfer_syntax) else instances.fetch_frames(tx, target)[1].count
        else:
            natural = ""
            if path == ENCAPSULATED_DOCUMENT:
                natural = str(first(instances.fetch_elements(tx, target), MIME_TYPE) or "").strip().lower()
            return [_value(archive, stored, path, bulk, _of_types(selected, {natural, offers.OCTET_STREAM}))]
    location = f"{target.path}/bulkdata/{path}"
    if count == 0:
        return [video(archive, stored, bulk, location, _of_video(stored, selected))]
    encoded = _of_types(selected, offers.OF_FRAMES).for_parts(count)
    return [replace(one, location=location) for one in frames(archive, target, range(1, count + 1), encoded)]


def pixeldata(archive: Archive, target: Resource, selected: Selected) -> list[Content]:
    """All Frames of an Instance, or its video."""
    with archive.index.read() as tx:
        stored, ranges = instances.fetch_pixel_data(tx, target)
        if is_video(stored.transfer_syntax):
            _, bulk = instances.fetch_bulk(tx, target, PIXEL_DATA)
            return [video(archive, stored, bulk, f"{target.path}/pixeldata", _of_video(stored, selected))]
    if ranges is None:
        raise NotFound("The specified instance has no pixel data of which it is known where a frame begins.")
    return frames(archive, target, range(1, ranges.count + 1), selected.for_parts(ranges.count))


def all_bulkdata(archive: Archive, target: Resource, selected: Selected) -> tuple[str, Contents]:
    """All bulk values of a Study, a Series or an Instance, with the version of these. One kind must hold them all."""
    octets = _of_types(selected.for_parts(_SEVERAL), {offers.OCTET_STREAM})

    def of(stored: StoredInstance) -> Contents:
        with archive.index.read() as tx:
            paths = instances.fetch_bulk_paths(tx, stored.resource)
        for path in paths:
            with suppress(NotFound):  # encapsulated pixel data of which nobody knows where a Frame begins
                yield from bulkdata(archive, stored.resource, path, octets)

    return _all(archive, target, lambda _: None, of)


def all_pixeldata(archive: Archive, target: Resource, selected: Selected) -> tuple[str, Contents]:
    """All Frames of a Study or a Series, with the version of these."""
    selected = selected.for_parts(_SEVERAL)

    def check(stored: StoredInstance) -> None:
        _of_video(stored, selected) if is_video(stored.transfer_syntax) else fit(stored, selected)

    return _all(archive, target, check, lambda stored: iter(pixeldata(archive, stored.resource, selected)))


def _all(
    archive: Archive,
    target: Resource,
    check: Callable[[StoredInstance], object],
    of: Callable[[StoredInstance], Contents],
) -> tuple[str, Contents]:
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

    return version(target, found[-1].watermark, len(found)), contents()


def _value(archive: Archive, stored: StoredInstance, path: str, bulk: Bulk, choice: Selected) -> Content:
    """A value of native encoding: little endian, whatever is stored (PS3.18 §8.7.3.3.2)."""
    syntax = transfer_syntax.find(stored.transfer_syntax)
    size = rewrite.WORDS.get(bulk.vr, 1) if syntax.big_endian else 1
    read = reader(archive, stored, bulk.offset) if size == 1 else None
    chunks = archive.read(stored, pieces(bulk.offset, bulk.length))
    if read is None:
        chunks = rewrite.swapped(b"".join(chunks), 0, bulk.length, size)
    sent = transfer_syntax.EXPLICIT_LITTLE.uid if choice.media_type == offers.OCTET_STREAM else None
    return as_stored(stored, choice, sent, f"{stored.resource.path}/bulkdata/{path}", bulk.length, chunks, read)


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

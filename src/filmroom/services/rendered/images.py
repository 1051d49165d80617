"""Images and Thumbnails of Instances: rendered once, and kept in the cache.

What an answer is made of says what it is called: the file of the Instance (whose key is never used again), the Frames,
the media type and the `Presentation`. That name is the ETag, and under it the image lies in the cache. So one SELECT
serves whoever asks again, and what was replaced or deleted can't be reached.

The first to ask for an image, in order, and why:

(1) find what is to be rendered     one SELECT: it says which file, and how many Frames there are
(2) choose the media type           by what the request accepts and what the Instance is
(3) look into the cache             it also joins those who ask for the same at the same time
(4) read what rendering needs       the data set, and for whom a worker is free the Frames: they may be large
(5) render                          in a codec process
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from filmroom.archive import Archive
from filmroom.cache import digest
from filmroom.dicom import frames as frame_ranges
from filmroom.dicom.presentation import Presentation
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import NotAcceptable, NotFound
from filmroom.index import images, instances
from filmroom.index.instances import StoredInstance
from filmroom.pixels import encoders, render
from filmroom.pixels.channel import aside
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Selected
from filmroom.services.rendered.answer import Rendered, Rendering, Replaced, choose
from filmroom.services.rendered.documents import document

CINE = frozenset({"image/gif", "video/mp4"})  # asked for of an Instance, these show all its Frames
MOST_BYTES = 1 << 29  # of the stored Frames that one file is made of
MOST_PARTS = 1000  # in one answer


def of_instance(
    archive: Archive,
    dialect: Dialect,
    target: Resource,
    numbers: Sequence[int] | None,
    selected: Selected,
    how: Presentation,
) -> Rendered:
    """Frames of an Instance. Without `numbers` the Instance: its first Frame, all as cine, or the document in it."""
    with archive.index.read() as tx:
        found = instances.fetch(tx, target)  # (1)
    if not found:
        raise NotFound("The specified instance cannot be found.")
    [stored] = found
    if numbers is None and not stored.frames and dialect.presentation:
        return document(archive, stored, selected)
    frame_ranges.check(numbers or (1,), stored.frames, dialect.wording)
    if dialect.transcode_limit is not None and stored.length > dialect.transcode_limit:
        raise NotAcceptable(render.UNRENDERABLE)
    choice = choose(selected, encoders.ENCODERS, stored)  # (2)
    together = encoders.find(choice.media_type).moving and not choice.multipart
    if numbers is None:
        parts = [_whole(stored, choice, how)]
    elif together or len(numbers) == 1:
        location = f"{target.path}/frames/{','.join(map(str, numbers))}/rendered"
        parts = [_Part(stored, tuple(numbers), choice.media_type, how, location)]
    else:
        parts = [
            _Part(stored, (number,), choice.media_type, how, f"{target.path}/frames/{number}/rendered")
            for number in numbers
        ]
    return _rendered(archive, parts, choice.multipart, stored.created)


def of_many(archive: Archive, target: Resource, selected: Selected, how: Presentation) -> Rendered:
    """The images of a Study or a Series, each Instance one part, in the order in which people look at them."""
    with archive.index.read() as tx:
        found = images.fetch(tx, target, MOST_PARTS + 1)
        exists = bool(found) or instances.version(tx, target) is not None
    if not found:
        raise _no_image(target) if exists else _not_found(target)
    choice = choose(selected, encoders.ENCODERS, found[0])
    return _rendered(archive, [_whole(stored, choice, how) for stored in found], choice.multipart)


def thumbnail(
    archive: Archive, target: Resource, numbers: Sequence[int] | None, selected: Selected, how: Presentation
) -> Rendered:
    """A small image that stands for the target: of many Instances the middle one, and of that the middle Frame."""
    with archive.index.read() as tx:
        stored = images.fetch_representative(tx, target)
        if stored is None and instances.version(tx, target) is None:
            raise _not_found(target)
    if stored is None:
        raise NotFound(f"The specified {target.level.name.lower()} has no image.")
    if numbers is None:
        numbers = (stored.frames // 2 + 1,)
        location = f"{target.path}/thumbnail"
    else:
        location = f"{target.path}/frames/{','.join(map(str, numbers))}/thumbnail"
    frame_ranges.check(numbers, stored.frames)
    choice = choose(selected, encoders.ENCODERS, stored)
    part = _Part(stored, tuple(numbers[:1]), choice.media_type, how, location)
    created = stored.created if target.level is Level.INSTANCE else None
    return _rendered(archive, [part], choice.multipart, created)


@dataclass(frozen=True, slots=True)
class _Part:
    """A file that is to be rendered."""

    stored: StoredInstance
    numbers: tuple[int, ...]
    media_type: str
    how: Presentation
    location: str

    @property
    def name(self) -> str:
        return digest(render.VERSION, self.stored.key, self.numbers, self.media_type, self.how)


def _whole(stored: StoredInstance, choice: Selected, how: Presentation) -> _Part:
    """What stands for an Instance: its first Frame, or as cine all."""
    numbers = range(1, stored.frames + 1) if choice.media_type in CINE else (1,)
    return _Part(stored, tuple(numbers), choice.media_type, how, f"{stored.resource.path}/rendered")


def _rendered(archive: Archive, parts: Sequence[_Part], multipart: bool, created: float | None = None) -> Rendered:
    if len(parts) > MOST_PARTS:
        raise NotAcceptable(f"One answer has at most {MOST_PARTS} images; ask for some of them at a time.")
    newest = max(part.stored.watermark for part in parts)
    version = f"{newest}-{digest(multipart, *(part.name for part in parts))}"
    files = [Rendering(part.media_type, part.location, partial(_open, archive, part)) for part in parts]
    return Rendered(version, created, multipart or len(files) > 1, files)


def _open(archive: Archive, part: _Part) -> tuple[int, Iterator[bytes]]:
    image = archive.renderings.fetch(part.name, partial(_make, archive, part))  # (3)
    return len(image), iter([image])


def _make(archive: Archive, part: _Part) -> bytes:
    with archive.index.read() as tx:  # (4)
        stored, ranges = instances.fetch_frames(tx, part.stored.resource)
        if stored.key != part.stored.key:
            raise Replaced("The Instance was replaced just now. Try again.")
        elements = instances.fetch_elements(tx, stored.resource)
        render.check(elements, part.numbers, part.media_type, part.how)
        paths = {path for number in part.numbers for path in render.needed(elements, number, part.how)}
        values = {path: instances.fetch_bulk(tx, stored.resource, path)[1] for path in paths}
    spans = [frame_ranges.span(ranges, number) for number in part.numbers]
    wanted = [*spans, *((value.offset, value.length) for value in values.values())]
    if sum(length for _, length in wanted) > MOST_BYTES:
        raise NotAcceptable(f"Frames of more than {MOST_BYTES >> 20} MB are not rendered.")
    with archive.pool.place() as place:
        read = list(archive.read(stored, wanted))
        cut = (frame_ranges.extract(ranges, number, raw) for number, raw in zip(part.numbers, read, strict=False))
        frames = [aside(frame) for frame in cut]
        bulk = dict(zip(values, read[len(frames) :], strict=True))
        source = render.Source(frames, part.numbers, elements, stored.transfer_syntax, bulk)
        return place.run(render.render, source, part.media_type, part.how)  # (5)


def _no_image(target: Resource) -> NotAcceptable:
    return NotAcceptable(f"The specified {target.level.name.lower()} has no image that could be rendered.")


def _not_found(target: Resource) -> NotFound:
    return NotFound(f"The specified {target.level.name.lower()} cannot be found.")

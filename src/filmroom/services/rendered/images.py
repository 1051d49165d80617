"""An image of Frames: rendered once, and kept in the cache.

What an image is made of says what it is called: the file of the Instance (whose key is never used again), the Frames,
the media type and the `Presentation`. That name is in its ETag, and under it the image lies in the cache. So one SELECT
serves whoever asks again, and what was replaced or deleted can't be reached.

For the first to ask, in order, and why:

(1) look into the cache             it also joins those who ask for the same at the same time
(2) read what rendering needs       the data set, and for whom a worker is free the Frames: they may be large
(3) render                          in a codec process
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from filmroom.archive import Archive
from filmroom.cache import digest
from filmroom.dicom import frames as frame_ranges
from filmroom.dicom.presentation import Presentation
from filmroom.errors import NotAcceptable
from filmroom.index import instances
from filmroom.index.instances import StoredInstance
from filmroom.pixels import render
from filmroom.pixels.channel import aside
from filmroom.protocol.negotiation import Selected
from filmroom.services import deidentified
from filmroom.services.content import Content, as_stored, check_unchanged, read_from

MOST_BYTES = 1 << 29  # of the stored Frames that one file is made of


def image(
    archive: Archive,
    stored: StoredInstance,
    numbers: Sequence[int],
    choice: Selected,
    how: Presentation,
    location: str,
) -> Content:
    """One file that shows these Frames: one, or of a moving media type several."""
    profile = stored.resource.view.deidentification
    made_of = (render.VERSION, stored.key, tuple(numbers), choice.media_type, how)
    name = digest(*made_of, profile.mark) if profile else digest(*made_of)
    make = partial(_make, archive, stored, numbers, choice.media_type, how)
    unmade = as_stored(stored, choice, None, location, None, iter(()), None, name)

    def convert() -> Content:
        made = archive.renderings.fetch(name, make)  # (1)
        return replace(unmade, length=len(made), chunks=iter([made]), read=read_from(made))

    return replace(unmade, convert=convert)


def _make(archive: Archive, found: StoredInstance, numbers: Sequence[int], media_type: str, how: Presentation) -> bytes:
    with archive.index.read() as tx:  # (2)
        stored, ranges = instances.fetch_frames(tx, found.resource)
        check_unchanged(found, stored)
        elements = deidentified.elements(found.resource.view, instances.fetch_elements(tx, stored.resource))
        render.check(elements, numbers, media_type, how)
        paths = {path for number in numbers for path in render.needed(elements, number, how)}
        values = {path: instances.fetch_bulk(tx, stored.resource, path)[1] for path in paths}
    spans = [frame_ranges.span(ranges, number) for number in numbers]
    wanted = [*spans, *((value.offset, value.length) for value in values.values())]
    if sum(length for _, length in wanted) > MOST_BYTES:
        raise NotAcceptable(f"Frames of more than {MOST_BYTES >> 20} MB are not rendered.")
    with archive.pool.place() as place:
        read = list(archive.read(stored, wanted))
        cut = (frame_ranges.extract(ranges, number, raw) for number, raw in zip(numbers, read, strict=False))
        frames = [aside(frame) for frame in cut]
        bulk = dict(zip(values, read[len(frames) :], strict=True))
        source = render.Source(frames, tuple(numbers), elements, stored.transfer_syntax, bulk)
        return place.run(render.render, source, media_type, how)  # (3)

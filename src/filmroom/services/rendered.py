"""Retrieve Rendered (PS3.18 §10.4.1.1.3): a Frame as an image for people, made in a codec process."""

from filmroom.archive import Archive
from filmroom.dicom import frames as frame_ranges
from filmroom.dicom.resources import Resource
from filmroom.errors import NotAcceptable
from filmroom.index import instances
from filmroom.pixels import display
from filmroom.pixels.frame import describe
from filmroom.pixels.render import UNRENDERABLE, check, render
from filmroom.protocol.dialects import Dialect


def frame(archive: Archive, dialect: Dialect, target: Resource, number: int, media_type: str, quality: int) -> bytes:
    """Frame `number` (from 1) of an Instance. `quality` is 1 to 100 and of use to JPEG only."""
    with archive.index.read() as tx:
        stored, ranges = instances.fetch_frames(tx, target)
        elements = instances.fetch_elements(tx, target)
        tables = {path: instances.fetch_bulk(tx, target, path)[1] for path in display.needed(elements, number)}
    span = frame_ranges.span(ranges, number)
    if dialect.transcode_limit is not None and stored.length > dialect.transcode_limit:
        raise NotAcceptable(UNRENDERABLE)
    described = describe(elements)
    check(described)
    raw, *values = archive.read(stored, [span, *((table.offset, table.length) for table in tables.values())])
    data = frame_ranges.extract(ranges, number, raw)
    bulk = dict(zip(tables, values, strict=True))
    syntax = stored.transfer_syntax
    return archive.pool.run(render, data, described, elements, syntax, media_type, quality, number, bulk)

"""Retrieve Frames (PS3.18 §10.4.1.1.6): ranged reads of the file, or conversions of what they bring."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from filmroom.archive import Archive
from filmroom.dicom import frames as frame_ranges
from filmroom.dicom import transfer_syntax
from filmroom.dicom.resources import Resource
from filmroom.index import instances
from filmroom.pixels.frame import describe
from filmroom.pixels.transcode import transcode_frame
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.services.retrieve.content import Content, either, fit, reader


def frames(archive: Archive, target: Resource, numbers: Sequence[int], selected: Selected) -> list[Content]:
    """Frames in the order asked for (PS3.18 §10.4.1.1.6). The bytes of each are read when it is sent."""
    with archive.index.read() as tx:
        stored, ranges = instances.fetch_frames(tx, target)
        choice = fit(stored, selected)
        lying = _inflated(stored.transfer_syntax)
        syntax = lying if choice.transfer_syntax == STORED else choice.transfer_syntax
        same = transfer_syntax.same_frames(stored.transfer_syntax, syntax)
        elements = None if same else instances.fetch_elements(tx, target)
    spans = [frame_ranges.span(ranges, number) for number in numbers]
    raw = archive.read(stored, spans)  # in the order of the parts, which are sent one after the other

    def as_it_lies(number: int, taken: Iterator[bytes]) -> Iterator[bytes]:
        yield frame_ranges.extract(ranges, number, next(taken))

    def converted(number: int) -> Iterator[bytes]:
        (frame,) = as_it_lies(number, raw)
        yield archive.pool.run(transcode_frame, frame, describe(elements or {}), stored.transfer_syntax, syntax)

    contents = []
    whole = same and not ranges.spans and ranges.bits % 8 == 0
    for number, span in zip(numbers, spans, strict=True):
        content = Content(
            choice.media_type,
            syntax,
            f"{target.path}/frames/{number}",
            span[1] if whole else None,
            as_it_lies(number, raw) if same else converted(number),
            None,
            choice.multipart,
            stored.watermark,
            stored.created,
            reader(archive, stored, span[0]) if whole else None,
        )
        if not same:
            unmade = replace(content, transfer_syntax=lying, chunks=as_it_lies(number, archive.read(stored, [span])))
            content = either(content, unmade if choice.fallback else None)
        contents.append(content)
    return contents


def _inflated(syntax: str) -> str:
    """What the Frames of a file are in: those of a deflated one are sent inflated."""
    return transfer_syntax.EXPLICIT_LITTLE.uid if transfer_syntax.find(syntax).deflated else syntax

"""Retrieve Frames (PS3.18 §10.4.1.1.6): ranged reads of the file, or conversions of what they bring."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from filmroom.archive import Archive
from filmroom.dicom import frames as frame_ranges
from filmroom.dicom import transfer_syntax, wording
from filmroom.dicom.frames import Frames
from filmroom.dicom.resources import Resource
from filmroom.dicom.wording import Wording
from filmroom.errors import NotAcceptable, NotFound
from filmroom.index import instances
from filmroom.index.instances import StoredInstance
from filmroom.pixels import codecs
from filmroom.pixels.channel import aside
from filmroom.pixels.frame import describe
from filmroom.pixels.transcode import transcode_frame
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.protocol.offers import OCTET_STREAM
from filmroom.services.content import Content, as_stored, converting, fit, reader


def frames(
    archive: Archive, target: Resource, numbers: Sequence[int], selected: Selected, said: Wording = wording.STANDARD
) -> list[Content]:
    """Frames in the order asked for (PS3.18 §10.4.1.1.6). The bytes of each are read when it is sent."""
    with archive.index.read() as tx:
        stored, ranges = instances.fetch_pixel_data(tx, target)
        if ranges is None:
            raise NotFound(said.no_frames)
        frame_ranges.check(numbers, ranges.count, said)
        choice = fit(stored.transfer_syntax, selected)
        elements = {} if _is_same(stored, choice) else instances.fetch_elements(tx, target)
    return _chosen(archive, stored, ranges, elements, numbers, choice, said)


def _is_same(stored: StoredInstance, choice: Selected) -> bool:
    """Whether nothing needs to be converted."""
    syntax = choice.transfer_syntax
    return syntax == STORED or transfer_syntax.same_frames(stored.transfer_syntax, syntax)


def _chosen(
    archive: Archive,
    stored: StoredInstance,
    ranges: Frames,
    elements: Mapping[str, Any],
    numbers: Sequence[int],
    choice: Selected,
    said: Wording,
) -> list[Content]:
    """Frames as they were chosen, or as the next best if they can't be converted."""
    lying = _lying(archive, stored, ranges, numbers, choice)
    if choice.transfer_syntax == STORED:
        return lying
    if _is_same(stored, choice):
        return [replace(content, transfer_syntax=choice.transfer_syntax) for content in lying]
    following = choice.next
    again = partial(_chosen, archive, stored, ranges, elements, choice=following, said=said) if following else None
    try:
        frame = describe(elements)
        codecs.check(frame)
    except NotAcceptable:
        if again is None:
            raise
        return again(numbers=numbers)
    # The codec workers are some Frames ahead of what is sent.
    calls = ((aside(b"".join(one.chunks)), frame, stored.transfer_syntax, choice.transfer_syntax) for one in lying)
    conversions = archive.pool.ahead(transcode_frame, calls)
    return [
        _converted(stored, conversions, choice, content, partial(again, numbers=[number]) if again else None, said)
        for content, number in zip(lying, numbers, strict=True)
    ]


def _lying(
    archive: Archive, stored: StoredInstance, ranges: Frames, numbers: Sequence[int], choice: Selected
) -> list[Content]:
    """Frames as they are stored."""
    spans = [frame_ranges.span(ranges, number) for number in numbers]
    syntax = _inflated(stored.transfer_syntax)
    whole = not ranges.spans and ranges.bits % 8 == 0  # the bytes of the range are the Frame
    raw = archive.read(stored, spans)  # in the order of the parts, which are sent one after the other

    def chunks(number: int, offset: int, length: int) -> Iterator[bytes]:
        if whole and syntax == stored.transfer_syntax:
            yield from archive.blobs.stream(stored.key, offset, length)  # a Frame may be a gigabyte
        else:
            yield frame_ranges.extract(ranges, number, next(raw))

    return [
        as_stored(
            stored,
            choice,
            syntax,
            f"{stored.resource.path}/frames/{number}",
            length if whole else None,
            chunks(number, offset, length),
            reader(archive, stored, offset) if whole else None,
        )
        for number, (offset, length) in zip(numbers, spans, strict=True)
    ]


def _converted(
    stored: StoredInstance,
    conversions: Iterator[Callable[[], bytes]],
    choice: Selected,
    lying: Content,
    otherwise: Callable[[], list[Content]] | None,
    said: Wording,
) -> Content:
    """The next of the conversions, or if that fails the Frame as something else that will do."""
    syntax = choice.transfer_syntax

    def convert() -> Content:
        try:
            with converting(stored, said, OCTET_STREAM):
                made = next(conversions)()
        except NotAcceptable as error:
            if otherwise is None:
                raise
            error.__traceback__ = None  # in a ring with it are the frames of the request, and what they hold
            return otherwise()[0].ready()
        return replace(lying, transfer_syntax=syntax, chunks=iter([made]), length=len(made), read=None)

    def chunks() -> Iterator[bytes]:
        yield from convert().chunks

    return replace(lying, transfer_syntax=syntax, length=None, chunks=chunks(), convert=convert, read=None)


def _inflated(syntax: str) -> str:
    """What the Frames of a file are in: those of a deflated one are sent inflated."""
    return transfer_syntax.EXPLICIT_LITTLE.uid if transfer_syntax.find(syntax).deflated else syntax

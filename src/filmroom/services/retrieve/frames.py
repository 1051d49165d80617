"""Retrieve Frames (PS3.18 §10.4.1.1.6): ranged reads of the file, or conversions of what they bring."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from filmroom.archive import Archive
from filmroom.cache import digest
from filmroom.dicom import frames as frame_ranges
from filmroom.dicom import transfer_syntax, wording
from filmroom.dicom.frames import Frames
from filmroom.dicom.resources import Resource
from filmroom.dicom.wording import Wording
from filmroom.errors import NotAcceptable, NotFound
from filmroom.index import instances
from filmroom.index.instances import StoredInstance
from filmroom.index.transaction import Transaction
from filmroom.pixels import codecs
from filmroom.pixels.channel import aside
from filmroom.pixels.frame import describe
from filmroom.pixels.transcode import transcode_frame
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.services import deidentified, pseudonyms
from filmroom.services.content import (
    Content,
    Stream,
    as_stored,
    check_unchanged,
    converting,
    fit,
    form,
    or_else,
    reader,
)

MOST_AT_ONCE = 1000  # Frames of which each is told before the first is sent: their lengths, and so that of the answer


def frames(
    archive: Archive, target: Resource, numbers: Sequence[int], selected: Selected, said: Wording = wording.STANDARD
) -> list[Content] | Stream:
    """Frames in the order asked for (PS3.18 §10.4.1.1.6). The bytes of each are read when it is sent."""
    target = pseudonyms.resolved(archive, target)
    with archive.index.read() as tx:
        stored, ranges = instances.fetch_pixel_data(tx, target)
        if ranges is None:
            raise NotFound(said.no_frames)
        frame_ranges.check(numbers, ranges.count, said)
        found = _found(archive, tx, stored, ranges, numbers, selected)
    return deidentified.several(target.view, found)


def every_frame(archive: Archive, stored: StoredInstance, ranges: Frames, selected: Selected) -> list[Content] | Stream:
    """All Frames of what was found a moment ago, and of nothing that has taken its place since."""
    with archive.index.read() as tx:
        for now in instances.fetch(tx, stored.resource):
            check_unchanged(stored, now)
        return _found(archive, tx, stored, ranges, range(1, ranges.count + 1), selected.for_parts(ranges.count))


def _found(
    archive: Archive,
    tx: Transaction,
    stored: StoredInstance,
    ranges: Frames,
    numbers: Sequence[int],
    selected: Selected,
) -> list[Content] | Stream:
    choice = fit(stored.transfer_syntax, selected)
    elements = {} if _is_same(stored, choice) else instances.fetch_elements(tx, stored.resource)
    contents = _chosen(archive, stored, ranges, elements, numbers, choice)
    if len(numbers) <= MOST_AT_ONCE:
        return list(contents)
    return Stream(f"{stored.watermark}-{form(selected)}-{digest(numbers)}", contents)


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
) -> Iterator[Content]:
    """Frames as they were chosen, or as the next best if they can't be converted."""
    lying = partial(_lying, archive, stored, ranges, numbers, choice)
    syntax = choice.transfer_syntax
    if _is_same(stored, choice):
        yield from lying() if syntax == STORED else (replace(one, transfer_syntax=syntax) for one in lying())
        return
    following = choice.next
    again = partial(_chosen, archive, stored, ranges, elements, choice=following) if following else None
    try:
        with converting(stored, choice):
            frame = describe(elements)
            codecs.check(frame)
    except NotAcceptable:
        if again is None:
            raise
        yield from again(numbers=numbers)
        return
    # The codec workers are some Frames ahead of what is sent.
    calls = ((aside(b"".join(one.chunks)), frame, stored.transfer_syntax, syntax) for one in lying())
    conversions = archive.pool.ahead(transcode_frame, calls)
    for number, content in zip(numbers, lying(), strict=True):
        otherwise = partial(_first, again, number) if again else None
        yield or_else(_converted(stored, conversions, choice, content), otherwise)


def _first(chosen: Callable[..., Iterator[Content]], number: int) -> Content:
    return next(chosen(numbers=[number]))


def _lying(
    archive: Archive, stored: StoredInstance, ranges: Frames, numbers: Sequence[int], choice: Selected
) -> Iterator[Content]:
    """Frames as they are stored."""
    syntax = _inflated(stored.transfer_syntax)
    whole = not ranges.spans and ranges.bits % 8 == 0  # the bytes of the range are the Frame
    spans = partial(map, partial(frame_ranges.span, ranges), numbers)
    # All of them one way or the other: who takes a Frame from `raw` takes the next one.
    together = max(length for _, length in spans()) < archive.blobs.batch
    raw = archive.read(stored, spans())  # in the order of the parts, which are sent one after the other

    def chunks(number: int, offset: int, length: int) -> Iterator[bytes]:
        if whole and syntax == stored.transfer_syntax and not together:
            yield from archive.blobs.stream(stored.key, offset, length)  # a Frame may be a gigabyte
        else:
            found = next(raw)
            yield found if whole else frame_ranges.extract(ranges, number, found)

    for number, (offset, length) in zip(numbers, spans(), strict=True):
        yield as_stored(
            stored,
            choice,
            syntax,
            f"{stored.resource.path}/frames/{number}",
            length if whole else None,
            chunks(number, offset, length),
            reader(archive, stored, offset) if whole else None,
        )


def _converted(
    stored: StoredInstance, conversions: Iterator[Callable[[], bytes]], choice: Selected, lying: Content
) -> Content:
    """The next of the conversions."""
    unmade = replace(lying, transfer_syntax=choice.transfer_syntax, length=None, read=None)

    def convert() -> Content:
        with converting(stored, choice):
            made = next(conversions)()
        return replace(unmade, chunks=iter([made]), length=len(made))

    return replace(unmade, convert=convert)


def _inflated(syntax: str) -> str:
    """What the Frames of a file are in: those of a deflated one are sent inflated."""
    return transfer_syntax.EXPLICIT_LITTLE.uid if transfer_syntax.find(syntax).deflated else syntax

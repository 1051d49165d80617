"""Retrieve Transaction (PS3.18 §10.4): Instances, Metadata, Frames and Bulkdata.

What is stored is sent as it lies: one SELECT says where, ranged reads fetch it. Only a Transfer Syntax that
is not the stored one needs the codec processes. What the index can tell is refused before the first byte. An object
that can't be converted is sent as it is stored if the request left the Transfer Syntax open; if it did not, and the
object is the second of several, the answer breaks off.
"""

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filmroom.archive import Archive, reading
from filmroom.dicom import frames as frame_ranges
from filmroom.dicom import json_model, part10, rewrite, transfer_syntax
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import NotAcceptable, NotFound
from filmroom.index import instances
from filmroom.index.instances import StoredInstance
from filmroom.pixels.frame import Frame, describe
from filmroom.pixels.transcode import can_transcode, transcode_file, transcode_frame
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import STORED, Selected

PIXEL_DATA = "7FE00010"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """One representation on its way out. The chunks are read as they are taken; take them once, of what is `ready`."""

    media_type: str
    transfer_syntax: str | None
    location: str  # under the root of the service
    length: int | None  # in bytes; None when only sending will tell
    chunks: Iterator[bytes]
    convert: Callable[[], "Content"] | None = None  # a conversion that may end in something else

    def ready(self) -> "Content":
        """What is sent in the end: a conversion is done here, before anything of it is said."""
        return self if self.convert is None else self.convert()


@dataclass(frozen=True, slots=True)
class Metadata:
    """The Metadata of all Instances of a target: a JSON object each, on their way out."""

    version: str  # changes with every change of what is stored
    texts: Iterator[bytes] | None  # None: the client has this version


def instances_of(archive: Archive, dialect: Dialect, target: Resource, selected: Selected) -> list[Content]:
    """The Instances of a Study, a Series or one Instance, as PS3.10 files (PS3.18 §10.4.1.1.1)."""
    with archive.index.read() as tx:
        found = instances.fetch(tx, target)
    if not found:
        raise _not_found(target)
    if len(found) > 1 and not dialect.transcodes_many and selected.transfer_syntax != STORED:
        raise NotAcceptable(
            f"Accept transfer syntax '{selected.transfer_syntax}' is not supported when multiple instances are "
            "matched. Matching instances can be retrieved with their original transfer syntax by specifying "
            "'transfer-syntax=*' in the Accept header."
        )
    return [_instance(archive, dialect, stored, _fit(stored, selected)) for stored in found]


def metadata(archive: Archive, dialect: Dialect, target: Resource, root: str, known: Collection[str]) -> Metadata:
    """The Metadata resource (PS3.18 §10.4.1.1.2), unless its version is `known`. Nothing is parsed: text is copied."""
    with archive.index.read() as tx:
        found = instances.version(tx, target)
        if found is None:
            raise _not_found(target)
        version = _version(target, *found)
        if version in known or "*" in known:
            return Metadata(version, None)
        stored = instances.fetch_metadata(tx, target)
    if dialect.bulkdata_uris:
        return Metadata(version, (json_model.standard(text, root + of.path) for of, text in stored))
    return Metadata(version, (json_model.azure(text) for _, text in stored))


def frames(archive: Archive, target: Resource, numbers: Sequence[int], selected: Selected) -> list[Content]:
    """Frames in the order asked for (PS3.18 §10.4.1.1.6). The bytes of each are read when it is sent."""
    with archive.index.read() as tx:
        stored, ranges = instances.fetch_frames(tx, target)
        choice = _fit(stored, selected)
        lying = _inflated(stored.transfer_syntax)
        syntax = lying if choice.transfer_syntax == STORED else choice.transfer_syntax
        same = transfer_syntax.same_frames(stored.transfer_syntax, syntax)
        frame = None if same else _described(instances.fetch_elements(tx, target), choice)
    if frame is None and not same:
        syntax, same = lying, True
    spans = [frame_ranges.span(ranges, number) for number in numbers]
    raw = archive.read(stored, spans)  # in the order of the parts, which are sent one after the other

    def as_it_lies(number: int, taken: Iterator[bytes]) -> Iterator[bytes]:
        yield frame_ranges.extract(ranges, number, next(taken))

    as_they_lie = (frame_ranges.extract(ranges, number, taken) for number, taken in zip(numbers, raw, strict=False))
    calls = ((data, frame, stored.transfer_syntax, syntax) for data in as_they_lie)
    conversions = archive.pool.ahead(transcode_frame, calls)

    def converted() -> Iterator[bytes]:
        yield next(conversions)()

    contents = []
    for number, span in zip(numbers, spans, strict=True):
        length = None if ranges.spans or ranges.bits % 8 or not same else span[1]
        chunks = as_it_lies(number, raw) if same else converted()
        content = Content(choice.media_type, syntax, f"{target.path}/frames/{number}", length, chunks)
        if not same:
            unmade = replace(content, transfer_syntax=lying, chunks=as_it_lies(number, archive.read(stored, [span])))
            content = _either(content, unmade if choice.fallback else None)
        contents.append(content)
    return contents


def _described(elements: Mapping[str, Any], choice: Selected) -> Frame | None:
    """What the Frames are, or None if that can't be told and they may go as they are stored."""
    try:
        return describe(elements)
    except NotAcceptable:
        if choice.fallback:
            return None
        raise


def bulkdata(archive: Archive, target: Resource, path: str, selected: Selected) -> list[Content]:
    """The bulk value at a path that Metadata gives (PS3.18 §10.4.1.1.5). Encapsulated Pixel Data are their Frames."""
    with archive.index.read() as tx:
        stored, bulk = instances.fetch_bulk(tx, target, path)
        syntax = transfer_syntax.find(stored.transfer_syntax)
        as_frames = path == PIXEL_DATA and syntax.encapsulated
        count = instances.fetch_frames(tx, target)[1].count if as_frames else 0
    if as_frames:
        return frames(archive, target, range(1, count + 1), selected.for_parts(count))
    location = f"{target.path}/bulkdata/{path}"
    chunks = archive.read(stored, _pieces(bulk.offset, bulk.length))
    if syntax.big_endian:
        # application/octet-stream is little endian, whatever is stored (PS3.18 §8.7.3.3.2).
        chunks = rewrite.swapped(b"".join(chunks), 0, bulk.length, rewrite.WORDS.get(bulk.vr, 1))
    return [Content(selected.media_type, None, location, bulk.length, chunks)]


def _version(target: Resource, watermark: int, count: int) -> str:
    """The newest watermark and, unless the target is one Instance, the number of Instances."""
    return f"{watermark}" if target.level is Level.INSTANCE else f"{watermark}-{count}"


def _not_found(target: Resource) -> NotFound:
    return NotFound(f"The specified {target.level.name.lower()} cannot be found.")


def _fit(stored: StoredInstance, selected: Selected) -> Selected:
    """The choice that this Instance can be sent in."""
    choice = selected.fit(stored.transfer_syntax, lambda syntax: can_transcode(stored.transfer_syntax, syntax))
    if choice is None:
        raise NotAcceptable("The specified transcoding is not supported.")
    return choice


def _inflated(syntax: str) -> str:
    """What the Frames of a file are in: those of a deflated one are sent inflated."""
    return transfer_syntax.EXPLICIT_LITTLE.uid if transfer_syntax.find(syntax).deflated else syntax


def _instance(archive: Archive, dialect: Dialect, stored: StoredInstance, choice: Selected) -> Content:
    as_it_lies, syntax = _as_it_lies(archive, dialect, stored, choice.media_type), choice.transfer_syntax
    if syntax in {STORED, stored.transfer_syntax}:
        return as_it_lies
    if dialect.transcode_limit is not None and stored.length > dialect.transcode_limit:
        raise NotAcceptable(
            f"Requested DICOM instance size is above the supported limit of {dialect.transcode_limit}. "
            "Ask for it with transfer-syntax=*."
        )
    made = replace(as_it_lies, transfer_syntax=syntax, length=None, chunks=_transcoded(archive, stored, syntax))
    return _either(made, as_it_lies if choice.fallback else None)


def _as_it_lies(archive: Archive, dialect: Dialect, stored: StoredInstance, media_type: str) -> Content:
    location = stored.resource.path
    if not stored.complete and dialect.completes_files:
        return Content(media_type, stored.transfer_syntax, location, None, _completed(archive, stored))
    chunks = archive.blobs.stream(stored.key, 0, stored.length)  # a file that is shorter by now is not sent as good
    return Content(media_type, stored.transfer_syntax, location, stored.length, chunks)


def _either(made: Content, as_it_lies: Content | None) -> Content:
    """A conversion, which is done when its first chunk is taken, or what lies there if it fails and that will do."""

    def convert() -> Content:
        try:
            first = next(made.chunks)
        except NotAcceptable as error:
            if as_it_lies is None:
                raise
            error.__traceback__ = None  # in a ring with it are the frames of the request, and what they hold
            return as_it_lies
        return replace(made, chunks=_resumed(first, made.chunks))

    return replace(made, convert=convert)


def _resumed(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _completed(archive: Archive, stored: StoredInstance) -> Iterator[bytes]:
    """The file with the preamble and file meta information that it was stored without (PS3.10 §7.1)."""
    with reading():
        file = part10.read(archive.blobs.get(stored.key))
        model = json_model.write(file)
    yield from rewrite.write(file, model.elements, file.transfer_syntax, lambda *_: {})


def _transcoded(archive: Archive, stored: StoredInstance, syntax: str) -> Iterator[bytes]:
    """The file in another Transfer Syntax, made in the spool folder when the first chunk is taken."""
    with reading(), tempfile.TemporaryDirectory(dir=archive.spool) as folder:
        source, made = Path(folder) / "stored", Path(folder) / "transcoded"
        with source.open("wb") as file:
            file.writelines(archive.blobs.stream(stored.key, 0, stored.length))
        archive.pool.run(transcode_file, source, made, syntax)
        with made.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def _pieces(offset: int, length: int) -> Iterator[tuple[int, int]]:
    """A range in ranges that are read one at a time."""
    for start in range(offset, offset + length, _CHUNK):
        yield start, min(_CHUNK, offset + length - start)

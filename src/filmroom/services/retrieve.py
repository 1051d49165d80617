"""Retrieve Transaction (PS3.18 §10.4): Instances, Metadata, Frames and Bulkdata.

What is stored is sent as it lies: one SELECT says where, ranged reads fetch it. Only a Transfer Syntax that
is not the stored one needs the codec processes. What the index can tell is refused before the first byte; a codec
that refuses the second of several Instances breaks the answer off.
"""

import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filmroom.archive import Archive, reading
from filmroom.dicom import frames as frame_ranges
from filmroom.dicom import json_model, part10, rewrite, transfer_syntax, wording
from filmroom.dicom.resources import Level, Resource
from filmroom.dicom.wording import Wording
from filmroom.errors import NotAcceptable, NotFound
from filmroom.index import instances
from filmroom.index.instances import StoredInstance
from filmroom.pixels.codecs import UNSUPPORTED
from filmroom.pixels.frame import describe
from filmroom.pixels.transcode import can_transcode, made_of, transcode_file, transcode_frame
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.protocol.offers import DICOM, OCTET_STREAM

PIXEL_DATA = "7FE00010"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """One representation on its way out. The chunks are read as they are taken; take them once."""

    media_type: str
    transfer_syntax: str | None
    location: str  # under the root of the service
    length: int | None  # in bytes; None when only sending will tell
    chunks: Iterator[bytes]


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
    return [_instance(archive, dialect, stored, _fit(stored, selected, dialect.wording, DICOM)) for stored in found]


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


def frames(
    archive: Archive, target: Resource, numbers: Sequence[int], selected: Selected, said: Wording = wording.STANDARD
) -> list[Content]:
    """Frames in the order asked for (PS3.18 §10.4.1.1.6). The bytes of each are read when it is sent."""
    with archive.index.read() as tx:
        stored, ranges = instances.fetch_frames(tx, target)
        choice = _fit(stored, selected, said, OCTET_STREAM)
        syntax = _inflated(stored.transfer_syntax) if choice.transfer_syntax == STORED else choice.transfer_syntax
        same = transfer_syntax.same_frames(stored.transfer_syntax, syntax)
        described = None if same else describe(instances.fetch_elements(tx, target))
    spans = [frame_ranges.span(ranges, number) for number in numbers]
    raw = archive.read(stored, spans)  # in the order of the parts, which are sent one after the other

    def chunks(number: int) -> Iterator[bytes]:
        frame = frame_ranges.extract(ranges, number, next(raw))
        if described is not None:
            with _converting(stored, said, OCTET_STREAM):
                frame = archive.pool.run(transcode_frame, frame, described, stored.transfer_syntax, syntax)
        yield frame

    as_it_lies = described is None and not ranges.spans and ranges.bits % 8 == 0
    return [
        Content(
            media_type=choice.media_type,
            transfer_syntax=syntax,
            location=f"{target.path}/frames/{number}",
            length=length if as_it_lies else None,
            chunks=chunks(number),
        )
        for number, (_, length) in zip(numbers, spans, strict=True)
    ]


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


def _fit(stored: StoredInstance, selected: Selected, said: Wording, media_type: str) -> Selected:
    """The choice that this Instance can be sent in. `media_type` is one that carries every Transfer Syntax."""
    syntax = stored.transfer_syntax
    choice = selected.fit(syntax, lambda other: can_transcode(syntax, other))
    if choice is None:
        raise _can_not_be_made(stored, said, media_type, made_of(syntax))
    return choice


@contextmanager
def _converting(stored: StoredInstance, said: Wording, media_type: str) -> Iterator[None]:
    """Codecs find out what is unusual in the pixel data; then only what is stored is sure to be sent."""
    try:
        yield
    except NotAcceptable as error:
        if str(error) != UNSUPPORTED:
            raise
        raise _can_not_be_made(stored, said, media_type) from error


def _can_not_be_made(stored: StoredInstance, said: Wording, media_type: str, made: Iterable[str] = ()) -> NotAcceptable:
    acceptable = ", ".join(f"{media_type}; transfer-syntax={one}" for one in (STORED, *made))
    return NotAcceptable(said.transcoding.format(stored=stored.transfer_syntax, acceptable=acceptable))


def _inflated(syntax: str) -> str:
    """What the Frames of a file are in: those of a deflated one are sent inflated."""
    return transfer_syntax.EXPLICIT_LITTLE.uid if transfer_syntax.find(syntax).deflated else syntax


def _instance(archive: Archive, dialect: Dialect, stored: StoredInstance, choice: Selected) -> Content:
    syntax = choice.transfer_syntax
    location = stored.resource.path
    if syntax not in {STORED, stored.transfer_syntax}:
        if dialect.transcode_limit is not None and stored.length > dialect.transcode_limit:
            raise NotAcceptable(
                f"Requested DICOM instance size is above the supported limit of {dialect.transcode_limit}. "
                "Ask for it with transfer-syntax=*."
            )
        return Content(choice.media_type, syntax, location, None, _transcoded(archive, stored, syntax, dialect.wording))
    if not stored.complete and dialect.completes_files:
        return Content(choice.media_type, stored.transfer_syntax, location, None, _completed(archive, stored))
    chunks = archive.blobs.stream(stored.key, 0, stored.length)  # a file that is shorter by now is not sent as good
    return Content(choice.media_type, stored.transfer_syntax, location, stored.length, chunks)


def _completed(archive: Archive, stored: StoredInstance) -> Iterator[bytes]:
    """The file with the preamble and file meta information that it was stored without (PS3.10 §7.1)."""
    with reading():
        file = part10.read(archive.blobs.get(stored.key))
        model = json_model.write(file)
    yield from rewrite.write(file, model.elements, file.transfer_syntax, lambda *_: {})


def _transcoded(archive: Archive, stored: StoredInstance, syntax: str, said: Wording) -> Iterator[bytes]:
    """The file in another Transfer Syntax, made in the spool folder when the first chunk is taken."""
    with reading(), tempfile.TemporaryDirectory(dir=archive.spool) as folder:
        source, made = Path(folder) / "stored", Path(folder) / "transcoded"
        with source.open("wb") as file:
            file.writelines(archive.blobs.stream(stored.key, 0, stored.length))
        with _converting(stored, said, DICOM):
            archive.pool.run(transcode_file, source, made, syntax)
        with made.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def _pieces(offset: int, length: int) -> Iterator[tuple[int, int]]:
    """A range in ranges that are read one at a time."""
    for start in range(offset, offset + length, _CHUNK):
        yield start, min(_CHUNK, offset + length - start)

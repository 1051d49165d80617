"""Retrieve Instances (PS3.18 §10.4.1.1.1): as they are stored, or in another Transfer Syntax."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from filmroom.archive import Archive, reading
from filmroom.dicom import part10, rewrite, transfer_syntax
from filmroom.dicom.resources import Resource
from filmroom.errors import BadFile, NotAcceptable
from filmroom.index import instances, originals
from filmroom.index.instances import StoredInstance
from filmroom.pixels.transcode import transcode_file
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.services import deidentified, pseudonyms
from filmroom.services.content import Content, as_stored, at_first_chunk, converting, fit, not_found, or_else

_CHUNK = 1 << 20


def instances_of(
    archive: Archive, dialect: Dialect, target: Resource, selected: Selected, *, original: bool = False
) -> list[Content]:
    """The Instances of a Study, a Series or one Instance, as PS3.10 files (PS3.18 §10.4.1.1.1).

    `original` are the first versions of those that were updated.
    """
    target = pseudonyms.resolved(archive, target)
    with archive.index.read() as tx:
        found = originals.fetch(tx, target) if original else instances.fetch(tx, target)
    if not found:
        raise not_found(target)
    found = deidentified.seen(target, found)
    if len(found) > 1 and not dialect.transcodes_many and selected.transfer_syntax != STORED:
        raise NotAcceptable(
            f"Accept transfer syntax '{selected.transfer_syntax}' is not supported when multiple instances are "
            "matched. Matching instances can be retrieved with their original transfer syntax by specifying "
            "'transfer-syntax=*' in the Accept header."
        )
    selected = _of_one_form(selected.for_parts(len(found)))
    choices = {syntax: fit(syntax, selected) for syntax in {stored.transfer_syntax for stored in found}}
    ahead = archive.blobs.streams([(stored.key, stored.length) for stored in found])
    contents = (
        _instance(archive, dialect, stored, choices[stored.transfer_syntax], chunks)
        for stored, chunks in zip(found, ahead, strict=True)
    )
    return [deidentified.file(archive, target.view, content) for content in contents]


def _of_one_form(selected: Selected) -> Selected:
    """All Instances go into one archive, or none does; their bulk values are another answer."""
    return selected.only(lambda one: one.media_type == selected.media_type) or selected


def _instance(
    archive: Archive, dialect: Dialect, stored: StoredInstance, choice: Selected, lying: Iterator[bytes]
) -> Content:
    as_it_lies, syntax = _as_it_lies(archive, dialect, stored, choice, lying), choice.transfer_syntax
    if syntax in {STORED, stored.transfer_syntax}:
        return as_it_lies
    if dialect.transcode_limit is not None and stored.length > dialect.transcode_limit:
        raise NotAcceptable(
            f"Requested DICOM instance size is above the supported limit of {dialect.transcode_limit}. "
            "Ask for it with transfer-syntax=*."
        )
    chunks = _transcoded(archive, stored, choice)
    made = replace(as_it_lies, transfer_syntax=syntax, length=None, chunks=chunks, read=None)
    following = choice.next
    return or_else(
        at_first_chunk(made), partial(_instance, archive, dialect, stored, following, lying) if following else None
    )


def _as_it_lies(
    archive: Archive, dialect: Dialect, stored: StoredInstance, choice: Selected, lying: Iterator[bytes]
) -> Content:
    read = None
    if not stored.complete and dialect.completes_files:
        length, chunks = None, _completed(archive, stored)
    else:
        # A file that is shorter by now is not sent as good.
        length, read = stored.length, partial(archive.blobs.stream, stored.key)
        chunks = lying
    return as_stored(stored, choice, stored.transfer_syntax, stored.resource.path, length, chunks, read)


def _completed(archive: Archive, stored: StoredInstance) -> Iterator[bytes]:
    """The file with the preamble and file meta information that it was stored without (PS3.10 §7.1)."""
    with reading():
        head, start = _head(archive, stored)
    syntax = transfer_syntax.find(stored.transfer_syntax)
    yield rewrite.file_meta(head.meta, stored.sop_class, str(stored.resource.instance), syntax)
    yield from archive.blobs.stream(stored.key, start, stored.length - start)


def _head(archive: Archive, stored: StoredInstance) -> tuple[part10.Head, int]:
    """What stands before the data set of a file, and where that begins. Only the first chunk is read for it."""
    try:
        buffer = archive.blobs.get_ranges(stored.key, [(0, min(_CHUNK, stored.length))])[0]
        head = part10.read_head(buffer)
        return head, part10.data_set_start(buffer, head)
    except BadFile:  # file meta information of more than a chunk
        buffer = archive.blobs.get(stored.key)
        head = part10.read_head(buffer)
        return head, part10.data_set_start(buffer, head)


def _transcoded(archive: Archive, stored: StoredInstance, choice: Selected) -> Iterator[bytes]:
    """The file in another Transfer Syntax, made in the spool folder when the first chunk is taken."""
    with reading(), tempfile.TemporaryDirectory(dir=archive.spool) as folder:
        source, made = Path(folder) / "stored", Path(folder) / "transcoded"
        with archive.pool.place() as place:
            with source.open("wb") as file:
                file.writelines(archive.blobs.stream(stored.key, 0, stored.length))
            with converting(stored, choice):
                place.run(transcode_file, source, made, choice.transfer_syntax)
        with made.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

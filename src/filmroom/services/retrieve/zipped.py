"""Retrieve as ZIP (PS3.18 §8.6.1.3): the Instances as files of one archive, with a DICOMDIR if that is wanted."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from filmroom.archive import Archive
from filmroom.dicom import json_model
from filmroom.dicom.dicomdir import NAME, Directory
from filmroom.dicom.resources import Resource
from filmroom.errors import NotFound
from filmroom.index import instances, originals
from filmroom.protocol import zip_stream
from filmroom.protocol.zip_stream import Entry
from filmroom.services import deidentified
from filmroom.services.content import Content


@dataclass(frozen=True, slots=True)
class Zip:
    """An archive on its way out."""

    length: int | None  # in bytes; None when only sending will tell
    chunks: Iterator[bytes]
    dicomdir: bool = False


def zipped(
    archive: Archive, target: Resource, contents: Sequence[Content], *, dicomdir: bool, original: bool = False
) -> Zip:
    """The archive of the Instances that `instances_of` gives.

    Files are named by their UIDs, series/instance.dcm. With a DICOMDIR they are named as PS3.10 §8.5 has it for a
    File-set: eight characters for a folder, no extension.
    """
    if dicomdir:
        return Zip(None, zip_stream.write(_file_set(archive, target, contents, original)), dicomdir=True)
    entries = [_entry(_file_name(content), content) for content in contents]
    length = zip_stream.length_of(entries)
    if length is not None:
        return Zip(length, zip_stream.write(entries))
    made = (content.ready() for content in contents)
    return Zip(None, zip_stream.write(_entry(_file_name(content), content) for content in made))


def _file_set(archive: Archive, target: Resource, contents: Sequence[Content], original: bool) -> Iterator[Entry]:
    """Each Instance, and at the end what lists them: by then it is known in which Transfer Syntax each was sent.

    What is gone by its turn, or replaced, is left out.
    """
    directory, series = Directory(), dict[str, str]()
    fetch_elements = originals.fetch_elements if original else instances.fetch_elements
    for number, content in enumerate(contents, 1):
        stored, uids = content.resource, _uids(content)
        assert stored is not None
        try:
            with archive.index.read() as tx:
                now = instances.version(tx, stored)
                elements = deidentified.elements(stored.view, fetch_elements(tx, stored))
        except NotFound:
            continue
        if now is None or now.watermark != content.watermark:
            continue
        made = content.ready()
        folder = series.setdefault(uids[1], f"S{len(series) + 1:07}")
        name = f"DICOM/{folder}/I{number:07}"
        yield _entry(name, made)
        directory.add(name, json_model.unpadded(elements), made.transfer_syntax or "")
    newest = max(contents, key=lambda content: content.watermark)
    name = f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{target.path}/{newest.watermark}').int}"
    yield Entry(NAME, None, newest.created or 0.0, directory.write(name))


def _entry(name: str, content: Content) -> Entry:
    return Entry(name, content.length, content.created or 0.0, content.chunks)


def _file_name(content: Content) -> str:
    _, series, instance = _uids(content)
    return f"{series}/{instance}.dcm"


def _uids(content: Content) -> tuple[str, str, str]:
    """Study, Series and Instance; nothing that was stored has others than digits and dots, and a digit at the end."""
    _, _, study, _, series, _, instance = content.location.split("/")
    return study, series, instance

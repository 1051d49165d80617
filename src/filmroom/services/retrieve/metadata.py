"""Retrieve Metadata (PS3.18 §10.4.1.1.2): stored text, copied as it is unless less of it or XML was asked for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import orjson

from filmroom.archive import Archive
from filmroom.dicom import fields as wanted
from filmroom.dicom import json_model, xml_model
from filmroom.dicom.fields import Fields
from filmroom.dicom.resources import Resource
from filmroom.index import instances, originals
from filmroom.protocol.dialects import Dialect
from filmroom.services import deidentified, pseudonyms
from filmroom.services.content import not_found, version

Written = Iterator[tuple[Resource, Iterator[bytes]]]


@dataclass(frozen=True, slots=True)
class Version:
    """What a client may know already."""

    tag: str  # changes with every change of what is stored
    modified: float | None  # when an Instance was stored; unknown of several, for some may be gone since


@dataclass(frozen=True, slots=True)
class Metadata:
    """The Metadata of all Instances of a target, on their way out."""

    version: Version
    texts: Iterator[bytes] | None  # a JSON object each; None: the client has this version
    documents: Written  # or as XML, each with its Instance


def metadata(
    archive: Archive,
    dialect: Dialect,
    target: Resource,
    root: str,
    known: Callable[[Version], bool],
    fields: Fields | None = None,
    *,
    original: bool = False,
) -> Metadata:
    """The Metadata resource (PS3.18 §10.4.1.1.2), unless its version is `known`.

    Nothing is parsed, text is copied, unless `fields` says which attributes are wanted. `original` are the first
    versions of what was updated: of another tag, and of no date, for what is sent by default may be younger.
    """
    target, profile = pseudonyms.resolved(archive, target), target.view.deidentification
    with archive.index.read() as tx:
        found = instances.version(tx, target)
        if found is None:
            raise not_found(target)
        newest = Version(version(target, found.watermark, found.instances), found.created)
        if original:
            newest = Version(f"{newest.tag}-original", None)
        if profile is not None:
            newest = Version(f"{newest.tag}-{profile.mark}", None)
        if known(newest):
            return Metadata(newest, None, iter(()))
        stored = (originals if original else instances).fetch_metadata(tx, target)
    if profile is not None:
        stored = ((pseudonyms.called(profile, of), deidentified.metadata(profile, text)) for of, text in stored)
    if not dialect.bulkdata_uris:
        return Metadata(newest, (json_model.azure(text) for _, text in stored), iter(()))
    written = ((of, json_model.standard(text, root + of.path)) for of, text in stored)
    if fields is not None:
        written = ((of, wanted.narrowed(text, fields)) for of, text in written)
    documents = ((of, xml_model.write(orjson.loads(text))) for of, text in written)
    return Metadata(newest, (text for _, text in written), documents)

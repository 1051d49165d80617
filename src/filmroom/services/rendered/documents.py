"""Instances that are no images but text: Structured Reports, and the documents that others encapsulate."""

import base64
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from filmroom.archive import Archive
from filmroom.dicom import documents, report_pages, report_xml, reports, uids
from filmroom.dicom.reports import Report
from filmroom.errors import NotAcceptable, NotFound
from filmroom.index import instances
from filmroom.index.instances import StoredInstance
from filmroom.index.transaction import Transaction
from filmroom.protocol import offers
from filmroom.protocol.negotiation import Selected
from filmroom.services.content import Content, as_stored, check_unchanged, pieces, read_from, reader

PAGES: Mapping[str, Callable[[Report], bytes]] = {
    offers.HTML: report_pages.html,
    offers.PLAIN: report_pages.text,
    offers.XML: report_xml.xml,
}


def media_types(stored: StoredInstance) -> Collection[str]:
    """What an Instance without Frames can be shown as."""
    if stored.sop_class.startswith(uids.REPORTS):
        return PAGES
    if stored.sop_class in documents.MEDIA_TYPES:
        return {documents.MEDIA_TYPES[stored.sop_class]}
    kind = uids.name(stored.sop_class) or stored.sop_class
    raise NotAcceptable(
        f"The Instance ({kind}) is neither report nor document, and has no pixel data of which it is known where a "
        "Frame begins: it can be had as application/dicom."
    )


def document(archive: Archive, stored: StoredInstance, choice: Selected, location: str) -> Content:
    """What an Instance without Frames has for people to read."""
    made = _report if stored.sop_class.startswith(uids.REPORTS) else _encapsulated
    return made(archive, stored, choice, location)


def _encapsulated(archive: Archive, stored: StoredInstance, choice: Selected, location: str) -> Content:
    """The document that an Instance holds, as it is."""
    with archive.index.read() as tx:
        elements = _elements(tx, stored)
        bulk = "BulkDataURI" in elements.get(documents.DOCUMENT, {})
        place = instances.fetch_bulk(tx, stored.resource, documents.DOCUMENT)[1] if bulk else None
    inline = base64.b64decode(elements.get(documents.DOCUMENT, {}).get("InlineBinary", ""))
    length = documents.length(elements, place.length if place else len(inline))
    if not length:
        raise NotFound("The Instance holds no document: its Encapsulated Document (0042,0011) is empty.")
    if place is None:
        return as_stored(stored, choice, None, location, length, iter([inline[:length]]), read_from(inline))
    chunks, read = archive.read(stored, pieces(place.offset, length)), reader(archive, stored, place.offset)
    return as_stored(stored, choice, None, location, length, chunks, read)


def _report(archive: Archive, stored: StoredInstance, choice: Selected, location: str) -> Content:
    """A page made of a report. That takes milliseconds, so it is not kept."""
    name = f"{choice.media_type.rpartition('/')[2]}.{reports.VERSION}"
    kept = as_stored(stored, choice, None, location, None, iter(()), None, name)
    unmade = replace(kept, media_type=f"{choice.media_type}; charset=utf-8")

    def convert() -> Content:
        with archive.index.read() as tx:
            elements = _elements(tx, stored)
            paths = reports.bulk_texts(elements)
            places = [instances.fetch_bulk(tx, stored.resource, path)[1] for path in paths]
        reports.check_size(sum(place.length for place in places))
        wanted = [(place.offset, place.length) for place in places]
        texts = dict(zip(paths, archive.read(stored, wanted), strict=True)) if wanted else {}
        page = PAGES[choice.media_type](reports.read(elements, texts))
        return replace(unmade, length=len(page), chunks=iter([page]))

    return replace(unmade, convert=convert)


def _elements(tx: Transaction, stored: StoredInstance) -> dict[str, Any]:
    """What is in the file that was found."""
    for now in instances.fetch(tx, stored.resource):
        check_unchanged(stored, now)
    return instances.fetch_elements(tx, stored.resource)

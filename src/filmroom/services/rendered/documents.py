"""Instances that are no images but text: Structured Reports, and the documents that others encapsulate."""

import base64
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from filmroom.archive import Archive
from filmroom.dicom import report_pages, reports, uids
from filmroom.dicom.json_model import first
from filmroom.dicom.reports import Report
from filmroom.errors import NotAcceptable, Replaced
from filmroom.index import instances
from filmroom.index.instances import StoredInstance
from filmroom.protocol import offers
from filmroom.protocol.negotiation import Selected
from filmroom.services.content import Content, as_stored, pieces, read_from, reader

# Encapsulated documents (PS3.3 §A.45, §A.85). The SOP Class says which one there is, not MIME Type of
# Encapsulated Document (0042,0012): each SOP Class allows one value of that, which senders get wrong, and what one of
# them writes must not have a browser take a document for something else.
DOCUMENTS: Mapping[str, str] = {
    "1.2.840.10008.5.1.4.1.1.104.1": offers.PDF,
    "1.2.840.10008.5.1.4.1.1.104.2": offers.XML,
    "1.2.840.10008.5.1.4.1.1.104.3": "model/stl",
    "1.2.840.10008.5.1.4.1.1.104.4": "model/obj",
    "1.2.840.10008.5.1.4.1.1.104.5": "model/mtl",
}
PAGES: Mapping[str, Callable[[Report], bytes]] = {
    offers.HTML: report_pages.html,
    offers.PLAIN: report_pages.text,
}
_DOCUMENT, _DOCUMENT_LENGTH = "00420011", 0x00420015


def media_types(stored: StoredInstance) -> Collection[str]:
    """What an Instance without Frames can be shown as."""
    if stored.sop_class.startswith(uids.REPORTS):
        return PAGES
    if stored.sop_class in DOCUMENTS:
        return {DOCUMENTS[stored.sop_class]}
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
        bulk = "BulkDataURI" in elements.get(_DOCUMENT, {})
        place = instances.fetch_bulk(tx, stored.resource, _DOCUMENT)[1] if bulk else None
    inline = base64.b64decode(elements.get(_DOCUMENT, {}).get("InlineBinary", ""))
    whole, told = place.length if place else len(inline), first(elements, _DOCUMENT_LENGTH)
    length = min(whole, told) if isinstance(told, int) and told > 0 else whole  # the rest is padding

    if place is None:
        return as_stored(stored, choice, None, location, length, iter([inline[:length]]), read_from(inline))
    chunks, read = archive.read(stored, pieces(place.offset, length)), reader(archive, stored, place.offset)
    return as_stored(stored, choice, None, location, length, chunks, read)


def _report(archive: Archive, stored: StoredInstance, choice: Selected, location: str) -> Content:
    """A page made of a report. That takes milliseconds, so it is not kept."""
    name = f"{choice.media_type.rpartition('/')[2]}.{reports.VERSION}"
    kept = replace(as_stored(stored, choice, None, location, None, iter(()), None), variant=name)
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


def _elements(tx: Connection, stored: StoredInstance) -> dict[str, Any]:
    """What is in the file that was found."""
    if any(found.key != stored.key for found in instances.fetch(tx, stored.resource)):
        raise Replaced("The Instance was replaced just now. Try again.")
    return instances.fetch_elements(tx, stored.resource)

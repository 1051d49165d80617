"""Encapsulated documents (PS3.3 §A.45, §A.85): what they are, and how long."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from filmroom.dicom.json_model import first

DOCUMENT = "00420011"
_LENGTH = 0x00420015

# The SOP Class says what a document is, not MIME Type of Encapsulated Document (0042,0012): each SOP Class allows one
# value of that, which senders get wrong, and what one of them writes must not have a browser take a document for
# something else.
MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "1.2.840.10008.5.1.4.1.1.104.1": "application/pdf",
        "1.2.840.10008.5.1.4.1.1.104.2": "text/xml",
        "1.2.840.10008.5.1.4.1.1.104.3": "model/stl",
        "1.2.840.10008.5.1.4.1.1.104.4": "model/obj",
        "1.2.840.10008.5.1.4.1.1.104.5": "model/mtl",
    }
)


def length(elements: Mapping[str, Any], stored: int) -> int:
    """The bytes of the document, of which so many are `stored`: the rest is padding."""
    told = first(elements, _LENGTH)
    return min(stored, told) if isinstance(told, int) and told > 0 else stored

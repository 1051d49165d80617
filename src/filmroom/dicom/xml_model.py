"""The Native DICOM Model, in XML (PS3.19 Annex A): written from the DICOM JSON Model, an attribute at a time."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from filmroom.dicom import attributes
from filmroom.dicom.values import COMPONENT_GROUPS

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
SPECIFIC_CHARACTER_SET = "00080005"

_HEAD = f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">'.encode()
_TAIL = b"</NativeDicomModel>"
_NAME_PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")  # PS3.5 §6.2.1.1

# What must not stand in XML as it is, and what XML 1.0 can't say at all (§2.2): that becomes U+FFFD. A carriage return
# would be read as a line feed.
_SPECIAL = re.compile('[&<>"\r\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]')
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}


def write(elements: Mapping[str, Any]) -> Iterator[bytes]:
    """A data set of the Model, in pieces. The document is UTF-8, and Specific Character Set says so."""
    yield _HEAD
    for key, element in elements.items():
        yield "".join(_attribute(key, element, elements)).encode()
    yield _TAIL


def printable(text: str) -> str:
    """Text with U+FFFD for the characters that XML does not have."""
    return _FORBIDDEN.sub("\ufffd", text)


def _attribute(key: str, element: Mapping[str, Any], among: Mapping[str, Any]) -> Iterator[str]:
    vr = element["vr"]
    yield f'<DicomAttribute tag="{key}" vr="{vr}"{_named(key, among)}>'
    if "BulkDataURI" in element:
        yield f'<BulkData uri="{_escaped(element["BulkDataURI"])}"/>'
    elif "InlineBinary" in element:
        yield f"<InlineBinary>{element['InlineBinary']}</InlineBinary>"
    elif key == SPECIFIC_CHARACTER_SET and "Value" in element:
        yield '<Value number="1">ISO_IR 192</Value>'
    else:
        for number, value in enumerate(element.get("Value", ()), 1):
            yield from _value(vr, number, value)
    yield "</DicomAttribute>"


def _named(key: str, among: Mapping[str, Any]) -> str:
    """The keyword, or of a private attribute the creator of its block."""
    tag = int(key, 16)
    if not attributes.is_private(tag):
        keyword = attributes.keyword(tag)
        return f' keyword="{keyword}"' if keyword else ""
    creator = among.get(f"{key[:4]}00{key[4:6]}", {}).get("Value", [None])[0]
    return f' privateCreator="{_escaped(creator)}"' if isinstance(creator, str) else ""


def _value(vr: str, number: int, value: Any) -> Iterator[str]:
    if value is None:
        return  # an empty value among others: the numbers of the next tell that it is there
    if vr == "SQ":
        yield f'<Item number="{number}">'
        for key, element in value.items():
            yield from _attribute(key, element, value)
        yield "</Item>"
    elif vr == "PN":
        yield f'<PersonName number="{number}">'
        for group in COMPONENT_GROUPS:
            if group in value:
                yield f"<{group}>{''.join(_name_parts(value[group]))}</{group}>"
        yield "</PersonName>"
    else:
        yield f'<Value number="{number}">{_escaped(str(value))}</Value>'


def _name_parts(name: str) -> Iterator[str]:
    # What follows a fifth "^" is against PS3.5 §6.2.1.1; it stays where it is.
    for tag, part in zip(_NAME_PARTS, name.split("^", len(_NAME_PARTS) - 1), strict=False):
        if part:
            yield f"<{tag}>{_escaped(part)}</{tag}>"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], "\ufffd"), text)

"""The DICOM JSON Model (PS3.18 Annex F): made from a file that was read, kept as text, served as Metadata.

The stored text is JSON in which bytes that JSON never has mark what the dialects treat differently, so that
serving it is a matter of finding bytes:

\\0 ... \\1   enclose the value of a top-level attribute that is hidden in the dialects of Azure
\\3, \\4      are a NUL and a blank at the end of a value: padding for the Standard, part of the value for Azure
"""

import base64
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from filmroom.dicom import attributes, character_sets, part10, values
from filmroom.dicom.part10 import DataSet, Element

LONGEST_INLINE = 64  # bytes of a binary value in the Model; longer ones are given by BulkDataURI
LONGEST_VALUE = 1 << 20  # bytes of any other value (PS3.18 §F.2.2 allows BulkDataURI for these too)
MOST_VALUES = 64 << 20  # bytes of memory for all values together; after these only short single ones are put there

SPECIFIC_CHARACTER_SET, PIXEL_DATA = 0x00080005, 0x7FE00010
BITS_ALLOCATED, PIXEL_REPRESENTATION, WAVEFORM_BITS = 0x00280100, 0x00280103, 0x54001004
LUT_DESCRIPTOR, WAVEFORM_GROUP = 0x00283002, 0x5400
# Their first value counts entries and is never negative (PS3.3 §C.7.6.3.1.5), whatever its VR says.
_LUT_DESCRIPTORS = frozenset({0x00281101, 0x00281102, 0x00281103, LUT_DESCRIPTOR})
_ALWAYS_BULK = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})

# What one value among several takes in memory, about, besides its characters; other VRs have strings.
_STRING_SIZE = 100
_SIZES = {"PN": 400, "DS": 40, "IS": 40, "AT": 70} | dict.fromkeys(("FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"), 40)
_WIDTHS = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}
_SINGLE = frozenset({"LT", "ST", "UR", "UT"})  # backslashes divide nothing

_LONGEST_CHARACTER_SET = 512
_COMMA = ord(",")
_NAME_GROUPS = frozenset({"Alphabetic", "Ideographic", "Phonetic"})
_CONTROLS = b"\0\1\3\4"
_BULK_DATA_URI = b'"BulkDataURI":"'

_KEYS = {tag: attributes.key(tag) for tag in attributes.VRS}  # to look one up is quicker than to format it

Elements: TypeAlias = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Bulk:
    """Where a value lies in `File.buffer` that the Model gives by BulkDataURI."""

    vr: str
    offset: int
    length: int


@dataclass(slots=True)
class Model:
    """The attributes of a data set, and by their paths ("00480105/1/00282000") those that are bulk data."""

    elements: Elements
    bulk: dict[str, Bulk]


def write(file: part10.File) -> Model:
    """Decode a data set. BulkDataURIs are relative: "bulkdata/" and the path."""
    writer = _Writer(file)
    return Model(writer.data_set(file.elements, "", character_sets.PLAIN, False), writer.bulk)


def first(elements: Mapping[str, Any], tag: int) -> str | int | float | None:
    """The first value of an attribute, a person name as "A=I=P". None if it is absent or empty."""
    element = elements.get(attributes.key(tag), {})
    found = element.get("Value")
    return _plain(element["vr"], found[0]) if found else None


def texts(elements: Mapping[str, Any], tag: int) -> list[str]:
    """All values of an attribute as text, person names as "A=I=P". What is empty or an Item is an empty text."""
    element = elements.get(attributes.key(tag), {})
    plain = (_plain(element["vr"], value) for value in element.get("Value", ()))
    return ["" if value is None else str(value) for value in plain]


def _plain(vr: str, value: Any) -> str | int | float | None:
    if not isinstance(value, dict):
        plain: str | int | float | None = value
        return plain
    if vr != "PN":
        return None
    return "=".join(value.get(group, "") for group in values.COMPONENT_GROUPS).rstrip("=")


def items(elements: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The Items of a Sequence; none if the attribute is absent or, whatever the dictionary says, is no Sequence."""
    element = elements.get(key, {})
    found: list[dict[str, Any]] = element.get("Value", []) if element.get("vr") == "SQ" else []
    return found


def single(value: Any) -> str:
    """The text of a BulkDataURI or InlineBinary, which Azure puts into an array."""
    found = value[0] if isinstance(value, list) else value
    if not isinstance(found, str):
        raise TypeError("not text")
    return found


class _Writer:
    """Turns data sets into JSON objects and collects what is bulk data."""

    def __init__(self, file: part10.File) -> None:
        self.buffer = file.buffer
        self.big = file.transfer_syntax.big_endian
        self.converters = values.CONVERTERS[self.big]
        self.bulk: dict[str, Bulk] = {}
        self.room = MOST_VALUES

    def data_set(self, elements: DataSet, path: str, codecs: tuple[str, ...], signed: bool) -> Elements:
        """Decode one data set; character sets and signedness pass on to Items (PS3.3 §C.12.1.1.2)."""
        if SPECIFIC_CHARACTER_SET in elements:
            codecs = self._codecs(elements[SPECIFIC_CHARACTER_SET])
        signed = bool(self._number(elements, PIXEL_REPRESENTATION, signed))
        buffer, converters, known = self.buffer, self.converters, _KEYS.get
        written: Elements = {}
        for tag in sorted(elements):
            vr, offset, length, _, _ = element = elements[tag]
            if len(vr) > 2:
                vr = self._chosen_vr(tag, vr, elements, signed)
            key = known(tag) or f"{tag:08X}"
            convert = converters.get(vr)
            if convert is None or (length > LONGEST_INLINE and not self._fits(vr, offset, length)):
                written[key] = self._other(path + key, tag, vr, element, codecs, signed)
                continue
            found = convert(buffer[offset : offset + length], codecs) if length else []
            if found is None:  # the length does not suit the VR
                written[key] = self._binary(path + key, tag, "UN", offset, length)
            elif not found:
                written[key] = {"vr": vr}
            elif len(found) > 1 and length <= LONGEST_INLINE and not self._takes(vr, len(found)):
                written[key] = self._bulk(path + key, vr, offset, length)
            else:
                if vr == "SS" and tag in _LUT_DESCRIPTORS:
                    found[0] &= 0xFFFF
                written[key] = {"vr": vr, "Value": found}
        return written

    def _fits(self, vr: str, offset: int, length: int) -> bool:
        """Whether a long value may be in the Model, and if so count what it takes there."""
        if length > min(LONGEST_VALUE, self.room):
            return False
        if vr in _WIDTHS:
            return self._takes(vr, length // _WIDTHS[vr])
        raw = bytes(self.buffer[offset : offset + length])
        # Escape sequences are counted for the time that they take. A character has up to four bytes.
        values = raw.count(b"\x1b") + (1 if vr in _SINGLE else raw.count(b"\\") + 1)
        return self._takes(vr, values, length if raw.isascii() else 4 * length)

    def _takes(self, vr: str, values: int, characters: int = 0) -> bool:
        size = values * _SIZES.get(vr, _STRING_SIZE) + characters
        if size > self.room:
            return False
        self.room -= size
        return True

    def _other(
        self, path: str, tag: int, vr: str, element: Element, codecs: tuple[str, ...], signed: bool
    ) -> dict[str, Any]:
        """What is not a list of plain values: sequences, binary values, values that are too long."""
        if element.items is not None:
            items = [
                self.data_set(item, f"{path}/{number}/", codecs, signed) for number, item in enumerate(element.items, 1)
            ]
            return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
        return self._binary(path, tag, vr, element.offset, element.length)

    def _binary(self, path: str, tag: int, vr: str, offset: int, length: int) -> dict[str, Any]:
        if length == 0:
            return {"vr": vr}
        if length > LONGEST_INLINE or vr == "OW" or tag in _ALWAYS_BULK:
            return self._bulk(path, vr, offset, length)
        encoded = base64.b64encode(self.buffer[offset : offset + length])
        return {"vr": vr, "InlineBinary": encoded.decode("ascii")}

    def _bulk(self, path: str, vr: str, offset: int, length: int) -> dict[str, Any]:
        self.bulk[path] = Bulk(vr, offset, length)
        return {"vr": vr, "BulkDataURI": "bulkdata/" + path}

    def _chosen_vr(self, tag: int, choice: str, elements: DataSet, signed: bool) -> str:
        """One VR where the dictionary leaves a choice (PS3.5 §A.1, PS3.6 §6)."""
        if choice == "US or SS":
            return "SS" if signed else "US"
        if choice == "US or OW":  # LUT Data: one entry is a number (PS3.3 §C.11.1.1.1)
            return "US" if self._number(elements, LUT_DESCRIPTOR, 0) == 1 else "OW"
        if choice == "OB or OW" and tag >> 16 == WAVEFORM_GROUP:
            return "OW" if self._number(elements, WAVEFORM_BITS, 16) > 8 else "OB"
        if choice == "OB or OW" and tag == PIXEL_DATA:
            return "OW" if self._number(elements, BITS_ALLOCATED, 16) > 8 else "OB"
        return "OW"

    def _number(self, elements: DataSet, tag: int, default: int) -> int:
        """The first number of a US attribute (or US or SS) that decides how others are read."""
        element = elements.get(tag)
        if element is None or element.length < 2:
            return default
        raw = bytes(self.buffer[element.offset : element.offset + 2])
        return int.from_bytes(raw, "big" if self.big else "little")

    def _codecs(self, element: Element) -> tuple[str, ...]:
        length = min(element.length, _LONGEST_CHARACTER_SET)
        return character_sets.codecs(str(self.buffer[element.offset : element.offset + length], "latin-1"))


def format(elements: Elements, hidden: Collection[str] = ()) -> bytes:  # noqa: A001
    """The text that is stored. `hidden` are keys of top-level attributes."""
    text = b"{" + b",".join(_members(elements, hidden)) + b"}" if hidden else orjson.dumps(elements)
    return _PADDING.sub(_mark_padding, text) if rb"\u0000" in text or b' "' in text else text


def _members(elements: Elements, hidden: Collection[str]) -> Iterator[bytes]:
    for key, element in elements.items():
        value = orjson.dumps(element)
        yield b'"%b":\0%b\1' % (key.encode(), value) if key in hidden else b'"%b":%b' % (key.encode(), value)


# NULs and blanks at the end of a string, as JSON writes them, with the quote. The first branch keeps escaped
# backslashes away; the last takes what stands elsewhere as a whole, so that it is not tried again from each blank on.
_PADDING = re.compile(rb'\\\\|(?:\\u0000| )(?:(?:\\u0000| )*+(")|(?:\\u0000| )++)')


def _mark_padding(match: re.Match[bytes]) -> bytes:
    return match[0].replace(rb"\u0000", b"\3").replace(b" ", b"\4") if match[1] else match[0]


def standard(text: bytes, url: str) -> bytes:
    """Metadata by the Standard, of an Instance at `url`."""
    if b"\0" in text or b"\3" in text or b"\4" in text:
        text = text.translate(None, _CONTROLS)
    return text.replace(_BULK_DATA_URI, _BULK_DATA_URI + orjson.dumps(url)[1:-1] + b"/")


def parse(text: bytes) -> dict[str, dict[str, Any]]:
    """The stored text -> the elements, hidden ones too; BulkDataURIs are relative."""
    elements: dict[str, dict[str, Any]] = orjson.loads(text.translate(None, _CONTROLS))
    return elements


def unpadded_text(text: bytes) -> bytes:
    """The JSON text that `orjson` made of elements, which has no blank between its tokens, with `unpadded` ones."""
    if b' "' not in text and rb'\u0000"' not in text:
        return text
    return _PADDING.sub(lambda match: match[1] or match[0], text)


def unpadded(elements: Mapping[str, Any]) -> dict[str, Any]:
    """The elements without NULs and blanks at the end of values, at any depth."""
    # Hardly any value is padded, so nothing is copied without need.
    return {
        key: element | {"Value": [_without_padding(value) for value in element["Value"]]}
        if any(map(_may_be_padded, element.get("Value", ())))
        else element
        for key, element in elements.items()
    }


def _may_be_padded(value: Any) -> bool:
    return value[-1:] in (" ", "\0") if isinstance(value, str) else isinstance(value, dict)


def _without_padding(value: Any) -> Any:
    if isinstance(value, str):
        return value.rstrip(" \0")
    if not isinstance(value, dict):
        return value
    if _NAME_GROUPS.issuperset(value):
        return {group: name.rstrip(" \0") for group, name in value.items()}
    return unpadded(value)


def azure(text: bytes) -> bytes:
    """Metadata as the Azure service gives it: no attribute that is hidden, none whose value is binary."""
    if b"\0" in text:
        text = _cut(text, _hidden(text))
    return _cut(text, sorted(set(_binaries(text)))).replace(b"\3", rb"\u0000").replace(b"\4", b" ")


# What only attributes with binary values hold (JSON escapes the quotes in strings), and how far into the member
# `"7FE00010":{"vr":"OW","BulkDataURI":...}` it stands.
_MARKS = ((b'"vr":"O', 12), (b'"vr":"UN"', 12), (_BULK_DATA_URI, 22))


def _binaries(text: bytes) -> Iterator[tuple[int, int]]:
    """Where the members of binary attributes begin and end. No brace is in their values."""
    for mark, distance in _MARKS:
        found = text.find(mark)
        while found >= 0:
            end = text.index(b"}", found) + 1
            yield found - distance, end
            found = text.find(mark, end)


def _hidden(text: bytes) -> Iterator[tuple[int, int]]:
    found = text.find(b"\0")
    while found >= 0:
        end = text.index(b"\1", found) + 1
        yield found - len(b'"00080020":'), end
        found = text.find(b"\0", end)


def hidden(text: bytes) -> frozenset[str]:
    """The keys of the attributes that are hidden in a stored text."""
    return frozenset(text[start + 1 : start + 9].decode() for start, _ in _hidden(text))


def _cut(text: bytes, members: Iterable[tuple[int, int]]) -> bytes:
    """Take members out of JSON objects, each with one of the commas beside it."""
    kept, position = [], 0
    for start, end in members:
        if start > position and text[start - 1] == _COMMA:
            start -= 1
        elif text[end] == _COMMA:
            end += 1
        kept.append(text[position:start])
        position = end
    kept.append(text[position:])
    return b"".join(kept)

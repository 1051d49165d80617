"""A file that was read, written in another Transfer Syntax: the same attributes, other bytes (PS3.5 §7)."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Any

import numpy as np

from filmroom.dicom import attributes
from filmroom.dicom.json_model import first
from filmroom.dicom.part10 import ITEM, PRIVATE_INFORMATION, UNDEFINED, DataSet, Element, File
from filmroom.dicom.transfer_syntax import EXPLICIT_LITTLE, TransferSyntax

IMPLEMENTATION_CLASS_UID = "2.25.145080210710561149463855461211590012908"
IMPLEMENTATION_VERSION_NAME = "FILMROOM"
ORIGINAL_CREATOR_UID = "2.25.293378855809075289284220093253502652606"  # of Private Information that is a blob's key

_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})  # PS3.5 §7.1.2
# Bytes of the words that big and little endian write in opposite order (PS3.5 §7.3). UN is never touched.
WORDS = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
_NUL_PADDED = frozenset({"OB", "UI", "UN"})
_CHUNK = 1 << 20

# File Meta Information that says something about the data set, not about who wrote the file (PS3.10 §7.1).
_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX = 0x00020002, 0x00020003, 0x00020010
_WRITER_CLASS, _WRITER_VERSION, _SOURCE_TITLE = 0x00020012, 0x00020013, 0x00020016
PRIVATE_CREATOR = 0x00020100


@dataclass(frozen=True, slots=True)
class Value:
    """A value that takes the place of another, in the bytes of the target Transfer Syntax and of even length."""

    vr: str
    length: int  # UNDEFINED: the chunks are fragments with their Items
    chunks: Iterable[bytes]


Edit = Callable[[DataSet, Mapping[str, Any], int], Mapping[int, Value | None]]
"""For a data set, its Model and its depth: what takes the place of attributes. None: the attribute is left out."""


def write(file: File, decoded: Mapping[str, Any], target: TransferSyntax, edit: Edit) -> Iterator[bytes]:
    """The bytes of the file, in pieces. `decoded` is the Model of the data set; it knows all VRs."""
    yield file_meta(file.meta, str(first(decoded, 0x00080016) or ""), str(first(decoded, 0x00080018) or ""), target)
    written = data_set(file, decoded, target, edit)
    yield from deflated(written) if target.deflated else written


def data_set(file: File, decoded: Mapping[str, Any], target: TransferSyntax, edit: Edit) -> Iterator[bytes]:
    """The same without what stands before the data set, and not deflated."""
    return _Writer(file, target, edit).data_set(file.elements, decoded, 0)


def swapped(buffer: Any, offset: int, length: int, size: int) -> Iterator[bytes]:
    """Part of a buffer, the bytes of each word of `size` in opposite order. What is left over at the end stays."""
    for start in range(offset, offset + length, _CHUNK):
        raw = bytes(buffer[start : min(start + _CHUNK, offset + length)])
        whole = len(raw) // size * size
        yield np.frombuffer(raw[:whole], f"u{size}").byteswap().tobytes() + raw[whole:]


def file_meta(
    old: Mapping[int, str], sop_class: str, sop_instance: str, target: TransferSyntax, original: str = ""
) -> bytes:
    """Preamble and File Meta Information. The old preamble is not kept: it may point into bytes that are no more.

    `original` is the key of the blob that holds the first version of an updated file.
    """
    values = {
        _SOP_CLASS: old.get(_SOP_CLASS) or sop_class,
        _SOP_INSTANCE: old.get(_SOP_INSTANCE) or sop_instance,
        _TRANSFER_SYNTAX: target.uid,
        _WRITER_CLASS: IMPLEMENTATION_CLASS_UID,
        _WRITER_VERSION: IMPLEMENTATION_VERSION_NAME,
        _SOURCE_TITLE: old.get(_SOURCE_TITLE, ""),
    }
    encoding = Encoding(EXPLICIT_LITTLE)
    elements = [encoding.element(0x00020001, "OB", b"\0\1")]
    elements += [encoding.text(tag, value) for tag, value in values.items() if value]
    if original:
        elements.append(encoding.text(PRIVATE_CREATOR, ORIGINAL_CREATOR_UID))
        elements.append(encoding.element(PRIVATE_INFORMATION, "OB", padded("OB", original.encode("ascii"))))
    group = b"".join(elements)
    return b"\0" * 128 + b"DICM" + encoding.element(0x00020000, "UL", len(group).to_bytes(4, "little")) + group


def original_of(meta: Mapping[int, str]) -> str | None:
    """What an updated file says of its first version, in its File Meta Information."""
    return meta.get(PRIVATE_INFORMATION) if meta.get(PRIVATE_CREATOR) == ORIGINAL_CREATOR_UID else None


def deflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """PS3.5 §A.5."""
    deflater, length = zlib.compressobj(wbits=-zlib.MAX_WBITS), 0
    for chunk in chunks:
        deflated = deflater.compress(chunk)
        length += len(deflated)
        yield deflated
    rest = deflater.flush()
    yield rest + b"\0" * ((length + len(rest)) % 2)


class Encoding:
    """How a Transfer Syntax writes the parts of an element."""

    def __init__(self, syntax: TransferSyntax) -> None:
        order = ">" if syntax.big_endian else "<"
        self.implicit = syntax.implicit
        self._short = Struct(order + "HH2sH").pack
        self._long = Struct(order + "HH2sHI").pack
        self._implicit = Struct(order + "HHI").pack

    def header(self, tag: int, vr: str, length: int) -> bytes:
        group, number = tag >> 16, tag & 0xFFFF
        if self.implicit:
            return self._implicit(group, number, length)
        if vr in _LONG or length > 0xFFFF:  # too long for its VR: UN can hold it (PS3.5 §6.2.2)
            return self._long(group, number, (vr if vr in _LONG else "UN").encode(), 0, length)
        return self._short(group, number, vr.encode(), length)

    def item(self, length: int) -> bytes:
        return self._implicit(ITEM >> 16, ITEM & 0xFFFF, length)

    def sequence_end(self) -> bytes:
        return self._implicit(0xFFFE, 0xE0DD, 0)

    def element(self, tag: int, vr: str, value: bytes) -> bytes:
        return self.header(tag, vr, len(value)) + value

    def text(self, tag: int, value: str) -> bytes:
        vr = attributes.vr(tag) or "LO"
        return self.element(tag, vr, padded(vr, value.encode("latin-1")))


def padded(vr: str, value: bytes) -> bytes:
    """A value of even length (PS3.5 §6.2)."""
    return value + _padding(vr) if len(value) % 2 else value


def _padding(vr: str) -> bytes:
    return b"\0" if vr in _NUL_PADDED or vr in WORDS else b" "


class _Writer:
    """Writes data sets. Sequences get lengths, so that a reader may skip them."""

    def __init__(self, file: File, target: TransferSyntax, edit: Edit) -> None:
        self._buffer = file.buffer
        self._swap = file.transfer_syntax.big_endian != target.big_endian
        self._encoding = Encoding(target)
        self._edit = edit

    def data_set(self, elements: DataSet, decoded: Mapping[str, Any], depth: int) -> Iterator[bytes]:
        edits = self._edit(elements, decoded, depth)
        for tag in sorted({*elements, *edits}):
            if tag not in edits:
                model = decoded[attributes.key(tag)]
                yield from self._element(tag, elements[tag], model, depth)
            elif (value := edits[tag]) is not None:
                yield self._encoding.header(tag, value.vr, value.length)
                yield from value.chunks
                if value.length == UNDEFINED:
                    yield self._encoding.sequence_end()

    def _element(self, tag: int, element: Element, model: Mapping[str, Any], depth: int) -> Iterator[bytes]:
        vr: str = model["vr"]
        if element.items is not None:
            yield self._sequence(tag, element.items, model.get("Value", ()), depth)
            return
        odd = element.length % 2
        if element.encapsulated:
            yield self._encoding.header(tag, vr, UNDEFINED)
        else:
            yield self._encoding.header(tag, vr, element.length + odd)
        size = WORDS.get(vr, 1) if self._swap else 1
        if size > 1:
            yield from swapped(self._buffer, element.offset, element.length, size)
        else:
            yield from self._copied(element)
        if element.encapsulated:
            yield self._encoding.sequence_end()
        elif odd:
            yield _padding(vr)

    def _copied(self, element: Element) -> Iterator[bytes]:
        end = element.offset + element.length
        for start in range(element.offset, end, _CHUNK):
            yield bytes(self._buffer[start : min(start + _CHUNK, end)])

    def _sequence(self, tag: int, items: Iterable[DataSet], models: Iterable[Any], depth: int) -> bytes:
        contents: list[bytes] = []
        for item, model in zip(items, models, strict=True):
            content = b"".join(self.data_set(item, model, depth + 1))
            contents += self._encoding.item(len(content)), content
        value = b"".join(contents)
        return self._encoding.header(tag, "SQ", len(value)) + value

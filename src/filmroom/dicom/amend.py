"""A file that was read, with other values for some of its attributes: all other bytes are as they were.

Where nothing changes, bytes are copied: pixel data, lengths that are undefined, duplicates, what only looks odd. So the
Transfer Syntax stays. Preamble and File Meta Information are written anew, for another writer's name belongs there;
they say which blob holds the first version. Group lengths, retired long ago (PS3.5 §7.2), are left out of the groups
that change, where they would be wrong.

What the Specific Character Set of the file can't say makes it ISO_IR 192 (UTF-8): then all texts are written in that,
but those of Items with a character set of their own. A text that is not what its character set allows can't be, and
the file is refused. Values of which nobody knows that they are text (VR UN) stay as they are.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from filmroom.dicom import character_sets, json_model, rewrite
from filmroom.dicom.json_model import SPECIFIC_CHARACTER_SET
from filmroom.dicom.part10 import Buffer, DataSet, Element, File, Head, Reader
from filmroom.dicom.rewrite import Encoding, Value, padded
from filmroom.errors import BadFile

UTF_8 = "ISO_IR 192"
_TEXTS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})  # affected by Specific Character Set (PS3.5 §6.1.2.3)
_MEDIA_STORAGE_SOP_INSTANCE, _SOP_CLASS, _SOP_INSTANCE = 0x00020003, 0x00080016, 0x00080018
_DELIMITERS = 0xFFFE  # their group
_CHUNK = 1 << 20
_UNREADABLE = (
    "The new values need another Specific Character Set than the file has, "
    "and the file holds text that is not of the one that it names."
)

Changes = Mapping[int, tuple[str, str]]  # VR and text of each attribute, values divided by backslashes


def write(file: File, head: Head, changes: Changes, original: str) -> Iterator[bytes]:
    """The bytes of the file with those values, in pieces. `original` says which its first version is."""
    declared = _text(file, SPECIFIC_CHARACTER_SET)
    encoded = {tag: character_sets.encode(text, declared) for tag, (_, text) in changes.items()}
    said = {tag: (changes[tag][0], raw) for tag, raw in encoded.items() if raw is not None}
    data_set = _spliced(file, head, said) if len(said) == len(changes) else _in_utf_8(file, changes)
    meta = dict(file.meta)
    if _SOP_INSTANCE in changes:
        meta[_MEDIA_STORAGE_SOP_INSTANCE] = changes[_SOP_INSTANCE][1]
    syntax = file.transfer_syntax
    written = rewrite.file_meta(meta, _text(file, _SOP_CLASS), _text(file, _SOP_INSTANCE), syntax, original)
    return chain([written], rewrite.deflated(data_set) if syntax.deflated else data_set)


def _text(file: File, tag: int) -> str:
    element = file.elements.get(tag)
    return "" if element is None else _raw(file.buffer, element).decode("latin-1").strip(" \0")


def _raw(buffer: Buffer, element: Element) -> bytes:
    return bytes(buffer[element.offset : element.offset + element.length])


def _spliced(file: File, head: Head, changes: Mapping[int, tuple[str, bytes]]) -> Iterator[bytes]:
    """The data set, each new value in the place of the old, or where the order of tags wants it."""
    begin, implicit, places = _spans(file, head)
    encoding = Encoding(file.transfer_syntax)
    encoding.implicit = implicit
    left, groups = sorted(changes), {tag >> 16 for tag in changes}
    kept = end = begin  # from `kept` on nothing has been copied yet
    for tag, start, end in places:
        while left and left[0] < tag and tag >> 16 != _DELIMITERS:
            yield from _copied(file.buffer, kept, start)
            kept = start
            yield _element(encoding, left[0], *changes[left.pop(0)])
        if tag in changes or (tag & 0xFFFF == 0 and tag >> 16 in groups):
            yield from _copied(file.buffer, kept, start)
            kept = end
            if tag in left:  # else it is there twice
                left.remove(tag)
                yield _element(encoding, tag, *changes[tag])
    if left:
        yield from _copied(file.buffer, kept, end)
        kept = end
        yield from (_element(encoding, tag, *changes[tag]) for tag in left)
    yield from _copied(file.buffer, kept, len(file.buffer))


def _spans(file: File, head: Head) -> tuple[int, bool, Iterator[tuple[int, int, int]]]:
    """Where what is behind the head begins, whether the VR is implicit, and tag, start and end of each element.

    All are there, repeated ones, group lengths and stray delimiters, too.
    """
    begin = 0 if file.inflated else head.end
    _, position = Reader(file.buffer, big=False).leading_group(begin, 0x0000)
    reader = Reader(file.buffer, file.transfer_syntax.big_endian)
    implicit = reader.is_implicit(position, file.transfer_syntax.implicit)
    return begin, implicit, _elements(reader, position, implicit)


def _elements(reader: Reader, position: int, implicit: bool) -> Iterator[tuple[int, int, int]]:
    while reader.size - position >= 8:
        start = position
        tag, position = reader.special(start, reader.size, implicit, 0, {})
        yield tag, start, position


def _copied(buffer: Buffer, start: int, end: int) -> Iterator[bytes]:
    for position in range(start, end, _CHUNK):
        yield bytes(buffer[position : min(position + _CHUNK, end)])


def _element(encoding: Encoding, tag: int, vr: str, raw: bytes) -> bytes:
    return encoding.element(tag, vr, padded(vr, raw))


def _in_utf_8(file: File, changes: Changes) -> Iterator[bytes]:
    """The data set with all its texts in UTF-8."""
    texts = {
        id(data_set): {tag: _value(vr, text) for tag, (vr, text) in said.items()}
        for data_set, said in _texts(file, file.elements)
    }
    new = {SPECIFIC_CHARACTER_SET: ("CS", UTF_8), **changes}
    texts[id(file.elements)] |= {tag: _value(vr, text) for tag, (vr, text) in new.items()}

    def edit(data_set: DataSet, _: Mapping[str, Any], __: int) -> Mapping[int, Value | None]:
        return texts.get(id(data_set), {})

    return rewrite.data_set(file, json_model.write(file).elements, file.transfer_syntax, edit)


def _value(vr: str, text: str) -> Value:
    raw = padded(vr, text.encode())
    return Value(vr, len(raw), (raw,))


def _texts(file: File, elements: DataSet) -> Iterator[tuple[DataSet, dict[int, tuple[str, str]]]]:
    """Each data set under the character set of the file, with those of its texts that are not ASCII."""
    codecs = character_sets.codecs(_text(file, SPECIFIC_CHARACTER_SET))
    found: dict[int, tuple[str, str]] = {}
    for tag, element in elements.items():
        for item in element.items or ():
            if SPECIFIC_CHARACTER_SET not in item:
                yield from _texts(file, item)
        if element.vr in _TEXTS and not element.items:
            raw = _raw(file.buffer, element)
            if not raw.isascii() or b"\x1b" in raw:
                found[tag] = (element.vr, _decoded(raw, codecs))
    yield elements, found


def _decoded(raw: bytes, codecs: tuple[str, ...]) -> str:
    text = character_sets.decode(raw, codecs)
    if "\ufffd" in text or "\x1b" in text:
        raise BadFile(_UNREADABLE)
    return text

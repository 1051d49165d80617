"""Files of PS3.10, read in one pass: where every element of the data set lies. No value is decoded or copied."""

import mmap
import re
import zlib
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple, TypeAlias

from filmroom.dicom import attributes, transfer_syntax
from filmroom.dicom.transfer_syntax import TransferSyntax
from filmroom.errors import BadFile

Buffer: TypeAlias = bytes | bytearray | memoryview | mmap.mmap

# Against input that is built to do harm. Real files stay far below all of these.
MAX_DEPTH = 64  # sequences inside one another
MAX_ELEMENTS = 2_000_000
MAX_INFLATED = 512 << 20
ALWAYS_INFLATED = 64 << 20  # what is larger
MAX_RATIO = 100  # must not be more than this many times the deflated bytes

TRANSFER_SYNTAX_UID, PRIVATE_INFORMATION = 0x00020010, 0x00020102
UNDEFINED = 0xFFFFFFFF
_NOT_DATA_SET = (0x0000, 0x0002)  # command set (PS3.7 §E), file meta information (PS3.10 §7.1)
ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

# PS3.5 §7.1.2: VRs with a length of two bytes, and those with two reserved bytes and a length of four.
_SHORT_VRS = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
_LONG_VRS = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"
_SHORT = {vr.encode(): vr for vr in _SHORT_VRS.split()}
_LONG = {vr.encode(): vr for vr in _LONG_VRS.split()}
# With implicit VR, values that may be bytes or words are words (PS3.5 §A.1). Sequences need a second look.
_IMPLICIT = {tag: "OW" if vr == "OB or OW" else vr for tag, vr in attributes.VRS.items() if vr != "SQ" and tag & 0xFFFF}
_UID = re.compile(r"[0-9.]{1,64}")
_META_TEXT = frozenset({"AE", "LO", "PN", "SH", "ST", "UI", "UR"})
_LONGEST_PRIVATE = 64  # bytes of Private Information; so many has ours


class Element(NamedTuple):
    """Where the value of one attribute lies in `File.buffer`."""

    vr: str  # as encoded, else the dictionary's ("US or SS" and the like still open), else UN
    offset: int
    length: int  # without a delimiter
    items: "list[dict[int, Element]] | None"  # of a sequence
    encapsulated: bool  # the value is fragments (PS3.5 §A.4)


DataSet: TypeAlias = dict[int, Element]


@dataclass(slots=True)
class File:
    """A file that has been read. `meta` holds the textual values of group 0002, `elements` the data set."""

    meta: dict[int, str]
    transfer_syntax: TransferSyntax
    buffer: Buffer  # what all offsets refer to: what was read, or the inflated data set
    inflated: bool
    elements: DataSet
    complete: bool  # with preamble and file meta information, as PS3.10 §7.1 wants it


class Head(NamedTuple):
    """What stands before the data set. `meta` holds the textual values of group 0002."""

    meta: dict[int, str]
    end: int
    prefixed: bool  # with "DICM"
    preamble: bool
    deflated: bool  # the data set must be inflated to be read, which may take a thousand times the bytes (PS3.5 §A.5)


def read_head(buffer: Buffer) -> Head:
    """Read preamble and file meta information, as far as they are there. Raises BadFile and nothing else."""
    preamble = bytes(buffer[128:132]) == b"DICM"
    prefixed = preamble or bytes(buffer[:4]) == b"DICM"
    group_0002, end = Reader(buffer, big=False).leading_group(132 if preamble else 4 if prefixed else 0, 0x0002)
    meta = {
        tag: str(buffer[element.offset : element.offset + element.length], "latin-1").strip(" \0")
        for tag, element in group_0002.items()
        if element.vr in _META_TEXT or (tag == PRIVATE_INFORMATION and element.length <= _LONGEST_PRIVATE)
    }
    uid = meta.get(TRANSFER_SYNTAX_UID)
    return Head(meta, end, prefixed, preamble, uid is not None and transfer_syntax.find(uid).deflated)


def data_set_start(buffer: Buffer, head: Head) -> int:
    """Where the data set begins, or the bytes that it was deflated to. `buffer` may be the beginning of a file."""
    return head.end if head.deflated else Reader(buffer, big=False).leading_group(head.end, 0x0000)[1]


def read(buffer: Buffer, head: Head | None = None) -> File:
    """Read a file, with or without preamble and file meta information. Raises BadFile and nothing else."""
    head = head or read_head(buffer)
    uid, position = head.meta.get(TRANSFER_SYNTAX_UID), head.end
    if uid and not _UID.fullmatch(uid):  # it is going to stand in headers
        raise BadFile("The file is damaged: its Transfer Syntax UID holds other characters than digits and dots.")
    syntax = transfer_syntax.find(uid) if uid else None
    if head.deflated:
        buffer, position = _inflate(buffer, position), 0
    reader = Reader(buffer, big=False)
    _, position = reader.leading_group(position, 0x0000)
    syntax = syntax or _guess(reader, position, head.prefixed)
    reader = Reader(buffer, syntax.big_endian)
    elements, _ = reader.data_set(position, reader.size, reader.is_implicit(position, syntax.implicit), 0)
    for tag in [tag for tag in elements if tag >> 16 in _NOT_DATA_SET]:
        del elements[tag]
    if not (elements or head.prefixed):
        raise BadFile("The file is not DICOM: it holds no attributes.")
    return File(head.meta, syntax, buffer, head.deflated, elements, head.preamble and uid is not None)


def fragments(file: File, element: Element) -> list[tuple[int, int]]:
    """Offset of the Item and length of the content of each fragment, the Basic Offset Table first (PS3.5 §A.4)."""
    reader = Reader(file.buffer, file.transfer_syntax.big_endian)
    position, end = element.offset, element.offset + element.length
    found = []
    while position < end:
        length = reader.implicit_header(file.buffer, position)[2]
        found.append((position, length))
        position += 8 + length
    return found


def _guess(reader: "Reader", position: int, prefixed: bool) -> TransferSyntax:
    """The Transfer Syntax of a data set that does not tell, by its first element."""
    if reader.size - position < 8:
        raise BadFile("The file is not DICOM: it holds no attributes.")
    group, element, code, _ = reader.explicit_header(reader.buffer, position)
    explicit = code in _SHORT or code in _LONG
    big = explicit and group >= 0x0400  # the first group is low, unless its bytes are swapped
    if big:
        group, element, *_ = Struct(">HH").unpack_from(reader.buffer, position)
    if not (prefixed or (group not in _NOT_DATA_SET and (element == 0 or attributes.vr(group << 16 | element)))):
        raise BadFile(
            "The file is not DICOM: it has no file meta information and does not begin with a known attribute."
        )
    if big:
        return transfer_syntax.EXPLICIT_BIG
    return transfer_syntax.EXPLICIT_LITTLE if explicit else transfer_syntax.IMPLICIT_LITTLE


def _inflate(buffer: Buffer, position: int) -> bytes:
    """The data set of a deflated file (PS3.5 §A.5)."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    most = min(MAX_INFLATED, max(ALWAYS_INFLATED, MAX_RATIO * (len(buffer) - position)))
    with memoryview(buffer) as view:
        try:
            inflated = inflater.decompress(view[position:], most)
        except zlib.error as error:
            raise BadFile("The deflated data set is damaged.") from error
    if inflater.eof:
        return inflated
    if len(inflated) < most:
        raise BadFile("The file is cut off inside its deflated data set.")
    raise BadFile(f"The deflated data set is larger than {most >> 20} MiB.")


class _TooDeep(BadFile):
    """Sequences lie too deep in one another. Unlike other faults it condemns the whole file."""


class Reader:
    """Reads elements from a buffer in one byte order."""

    def __init__(self, buffer: Buffer, big: bool) -> None:
        order = ">" if big else "<"
        self.buffer = buffer
        self.size = len(buffer)
        self.big = big
        self.explicit_header = Struct(order + "HH2sH").unpack_from
        self.implicit_header = Struct(order + "HHI").unpack_from
        self.long = Struct(order + "I").unpack_from
        self.left = MAX_ELEMENTS

    def leading_group(self, position: int, group: int) -> tuple[DataSet, int]:
        """Read the elements of one group that come first: file meta information, or a command set."""
        elements: DataSet = {}
        while self.size - position >= 8:
            if self.implicit_header(self.buffer, position)[0] != group:
                break
            self._count()
            tag, vr, offset, length = self._header(position, self.size, implicit=False)
            position = offset + length
            if position > self.size:
                raise _cut_off(tag, length, self.size - offset)
            elements[tag] = Element(vr or "UN", offset, length, None, False)
        return elements, position

    def data_set(
        self, position: int, end: int, implicit: bool, depth: int, *, open_end: bool = False
    ) -> tuple[DataSet, int]:
        """Read elements up to `end` or, with `open_end`, up to an Item Delimitation Item, and tell where that was."""
        buffer = self.buffer
        explicit_header, implicit_header = self.explicit_header, self.implicit_header
        new = tuple.__new__  # what Element(...) comes to, in half the time
        elements: DataSet = {}
        left = self.left
        while position < end:
            if end - position < 8:
                if depth == 0 and not any(buffer[position:end]):
                    break  # some writers pad files
                raise BadFile(f"The file is cut off or damaged: {end - position} bytes are too few for an attribute.")
            if implicit:
                group, number, length = implicit_header(buffer, position)
                vr = _IMPLICIT.get(group << 16 | number) if length != UNDEFINED else None
            else:
                group, number, code, length = explicit_header(buffer, position)
                vr = _SHORT.get(code) if group != 0xFFFE else None  # delimiters have no VR, whatever follows them
            left -= 1
            if left < 0:
                raise _too_many()
            if vr is not None and number:
                offset = position + 8
                position = offset + length
                if position > end:
                    raise _cut_off(group << 16 | number, length, end - offset)
                elements[group << 16 | number] = new(Element, (vr, offset, length, None, False))
                continue
            self.left = left
            tag, position = self.special(position, end, implicit, depth, elements)
            left = self.left
            if open_end and tag == ITEM_DELIMITER:
                return elements, position
        self.left = left
        if open_end:
            raise BadFile("The file is cut off or damaged: an Item has no Item Delimitation Item.")
        return elements, position

    def is_implicit(self, position: int, declared: bool) -> bool:
        """Whether elements from here on have implicit VR. What the first one looks like beats what was declared."""
        code = bytes(self.buffer[position + 4 : position + 6])
        return declared if len(code) < 2 else not _is_vr(code)

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _too_many()

    def special(self, position: int, end: int, implicit: bool, depth: int, elements: DataSet) -> tuple[int, int]:
        """Read one element of the rarer kinds into `elements`; tell its tag and where the next one begins."""
        tag, vr, offset, length = self._header(position, end, implicit)
        if tag in (ITEM_DELIMITER, SEQUENCE_DELIMITER):
            return tag, offset  # stray ones are passed over
        if tag == ITEM:
            raise BadFile("The data set is damaged: it has an Item outside of a sequence.")
        if length != UNDEFINED and offset + length > end:
            raise _cut_off(tag, length, end - offset)
        if tag & 0xFFFF == 0:
            return tag, offset + length  # group length
        encoded = vr
        if vr in ("", "UN"):
            vr = self._known_vr(tag, vr, length, elements)
        if vr == "SQ":
            elements[tag], position = self._sequence(tag, encoded, offset, length, end, implicit, depth)
        elif length == UNDEFINED:
            stop = self._end_of_fragments(offset, end)
            vr = vr if vr in ("OB", "OW") else "UN"  # no other VR has fragments
            elements[tag], position = Element(vr, offset, stop - offset, None, True), stop + 8
        else:
            elements[tag], position = Element(vr, offset, length, None, False), offset + length
        return tag, position

    def _header(self, position: int, end: int, implicit: bool) -> tuple[int, str, int, int]:
        """Tag, VR ("" if it is implicit), offset and length of the value. At least 8 bytes are there."""
        group, number, length = self.implicit_header(self.buffer, position)
        tag, offset = group << 16 | number, position + 8
        if implicit or group == 0xFFFE:
            return tag, "", offset, length
        *_, code, short = self.explicit_header(self.buffer, position)
        if code in _SHORT:
            return tag, _SHORT[code], offset, short
        if not _is_vr(code):
            return tag, "", offset, length  # some writers fall back to implicit VR for single elements
        long = self.long(self.buffer, offset)[0] if end - offset >= 4 else UNDEFINED
        if code in _LONG:
            if end - offset < 4:
                raise BadFile("The file is cut off or damaged: the header of an attribute is not complete.")
            return tag, _LONG[code], offset + 4, long
        # A VR that does not exist yet has the long form (PS3.5 §6.2); one that is a mistake, probably the short.
        if short == 0 and long <= end - offset - 4:
            return tag, "UN", offset + 4, long
        return tag, "UN", offset, short

    def _known_vr(self, tag: int, encoded: str, length: int, elements: DataSet) -> str:
        """The VR of an element with implicit VR or UN."""
        if encoded == "UN" and length == UNDEFINED:
            return "SQ"  # PS3.5 §6.2.2
        if attributes.is_private(tag):
            vr = self._private_vr(tag, elements)
            return "SQ" if length == UNDEFINED else vr
        # UN is also the way to write a long value of a VR that has only two bytes for its length.
        known = attributes.vr(tag) if encoded == "" or length == UNDEFINED or length < 0xFFFF else None
        if known == "OB or OW" and encoded == "":
            return "OB" if length == UNDEFINED else "OW"
        return known or ("SQ" if length == UNDEFINED else "UN")

    def _private_vr(self, tag: int, elements: DataSet) -> str:
        """The VR of a private element, by the creator of its block (PS3.5 §7.8.1)."""
        group, block = tag & 0xFFFF0000, tag >> 8 & 0xFF
        if not block:
            return "LO" if tag & 0xFFFF >= 0x10 else "UN"
        creator = elements.get(group | block)
        if creator is None or creator.length > 64:
            return "UN"
        name = str(self.buffer[creator.offset : creator.offset + creator.length], "latin-1")
        return attributes.private_vr(tag, name.rstrip(" \0")) or "UN"

    def _sequence(
        self, tag: int, encoded: str, offset: int, length: int, end: int, implicit: bool, depth: int
    ) -> tuple[Element, int]:
        """Read a sequence whose VR is `encoded` as SQ, UN or not at all; tell where the next element begins."""
        if depth == MAX_DEPTH:
            raise _TooDeep(f"Sequences lie more than {MAX_DEPTH} deep in one another.")
        if length == UNDEFINED and encoded == "UN" and self.big:
            # Such content is little endian (PS3.5 §6.2.2), which no other element of this file is. It is left as it is.
            _, stop, after = Reader(self.buffer, big=False).items(offset, end, True, implicit, depth)
            return Element("UN", offset, stop - offset, None, False), after
        if length == UNDEFINED:
            items, stop, after = self.items(offset, end, True, implicit, depth)
            return Element("SQ", offset, stop - offset, items, False), after
        after = offset + length
        try:
            items, *_ = self.items(offset, after, False, implicit, depth)
        except _TooDeep:
            raise
        except BadFile:
            if encoded == "SQ" or (encoded == "" and not attributes.is_private(tag)):
                raise
            return Element("UN", offset, length, None, False), after  # only a dictionary called it a sequence
        return Element("SQ", offset, length, items, False), after

    def items(
        self, position: int, end: int, open_end: bool, implicit: bool, depth: int
    ) -> tuple[list[DataSet], int, int]:
        """Read the Items of a sequence (PS3.5 §7.5); tell where its value stops and the next element begins."""
        items: list[DataSet] = []
        while position < end:
            if end - position < 8:
                raise BadFile("The file is cut off or damaged: the header of an Item is not complete.")
            group, number, length = self.implicit_header(self.buffer, position)
            tag = group << 16 | number
            if tag == SEQUENCE_DELIMITER:
                return items, position, position + 8 if open_end else end
            if tag != ITEM:
                raise BadFile(f"The file is damaged: a sequence has {_named(tag)} where an Item must be.")
            position += 8
            stop = end if length == UNDEFINED else position + length
            if stop > end:
                raise _cut_off(tag, length, end - position)
            self._count()
            item, position = self.data_set(
                position, stop, implicit or self.is_implicit(position, False), depth + 1, open_end=length == UNDEFINED
            )
            items.append(item)
        if open_end:
            raise BadFile("The file is cut off or damaged: a sequence has no Sequence Delimitation Item.")
        return items, end, end

    def _end_of_fragments(self, position: int, end: int) -> int:
        """Where the Sequence Delimitation Item is that ends encapsulated data. Only headers of Items are read."""
        while end - position >= 8:
            group, number, length = self.implicit_header(self.buffer, position)
            tag = group << 16 | number
            if tag == SEQUENCE_DELIMITER:
                return position
            if tag != ITEM or length == UNDEFINED:
                raise BadFile(f"The encapsulated data are damaged: {_named(tag)} stands where a fragment must be.")
            self._count()
            position += 8 + length
        raise BadFile("The file is cut off: the encapsulated data have no Sequence Delimitation Item.")


def _is_vr(code: bytes) -> bool:
    return code.isalpha() and code.isupper()


def _too_many() -> BadFile:
    return BadFile(f"The data set has more than {MAX_ELEMENTS} elements.")


def _named(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _cut_off(tag: int, declared: int, left: int) -> BadFile:
    return BadFile(f"The file is cut off or damaged: {_named(tag)} declares {declared} bytes where {left} are left.")

"""Fuzzing what becomes of a file: read, decoded, checked, brought to rows, served in every form, amended, rewritten."""

from collections.abc import Iterable, Mapping
from contextlib import nullcontext, suppress
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from filmroom.archive import Archive
from filmroom.dicom import (
    amend,
    frames,
    json_model,
    part10,
    report_pages,
    report_xml,
    reports,
    rewrite,
    store_response,
    transfer_syntax,
    updates,
    xml_model,
)
from filmroom.dicom.query_tags import BUILT_IN
from filmroom.dicom.resources import Resource
from filmroom.errors import Error
from filmroom.index import additions
from filmroom.index.query_tags import Tags
from filmroom.protocol import dialects
from filmroom.services import examination
from tests import data

WORDS = (
    "DICM", "SQ", "UN", "OB", "OW", "PN", "ISO 2022 IR 87", "ISO_IR 192", "\\ISO 2022 IR 58", "\x1b$B", "\x1b(B",
    "\xfe\xff\x00\xe0", "\xfe\xff\x0d\xe0", "\xfe\xff\xdd\xe0", "\xff\xff\xff\xff", "\xe0\x7f\x10\x00",
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "\x28\x00\x08\x00",
)  # fmt: skip

_ARCHIVE = cast("Archive", SimpleNamespace(inflating=nullcontext()))  # all that reading a part in memory needs of it


def check(content: bytes) -> None:
    """Nothing that a file says may end in an error of another tree, nor lead outside of its bytes."""
    for dialect in dialects.ALL:
        candidate = examination.examine(
            _ARCHIVE, dialect.rules, Resource(), examination.part(content), "key", Tags(1, BUILT_IN)
        )
        store_response.write([candidate.outcome], "http://x", None, dialect.response_shape)
        if candidate.new is not None:
            _served(additions.prepare(candidate.new).new)
    with suppress(Error):
        _parsed(content)


def _served(new: additions.NewInstance) -> None:
    text = new.metadata
    elements = json_model.parse(json_model.standard(text, "http://x"))
    json_model.parse(json_model.azure(text))
    b"".join(xml_model.write(elements))
    with suppress(Error):
        report = reports.read(elements)
        report_pages.html(report)
        report_pages.text(report)
        report_xml.xml(report)


def _parsed(content: bytes) -> None:
    head = part10.read_head(content)
    file = part10.read(content, head)
    model = json_model.write(file)
    for one in model.bulk.values():
        assert one.offset >= 0
        assert one.offset + one.length <= len(file.buffer)
    found = frames.locate(file, model.elements)
    if found is not None:
        for number in {1, found.count}:
            offset, length = frames.span(found, number)
            assert offset >= 0
            assert offset + length <= len(file.buffer)
            frames.extract(found, number, bytes(file.buffer[offset : offset + length]))
    for syntax in (transfer_syntax.EXPLICIT_LITTLE, transfer_syntax.IMPLICIT_LITTLE):
        with suppress(Error):
            part10.read(b"".join(rewrite.write(file, model.elements, syntax, lambda *_: {})))
    with suppress(Error):
        part10.read(b"".join(amend.write(file, head, {0x00100010: ("PN", "Überraschung^")}, "key")))


@cache
def _small() -> bytes:
    return data.file(data.dataset())


def amended(changes: Mapping[str, Any]) -> None:
    """An update that was accepted can be written into a file, which reads as it was asked for."""
    head = part10.read_head(_small())
    written = b"".join(amend.write(part10.read(_small(), head), head, updates.written(dict(changes)), "key"))
    json_model.write(part10.read(written))


def seeds() -> Iterable[bytes]:
    """A file of each kind, small."""
    nested, inner = data.dataset(), Dataset()
    inner.CodeValue, inner.CodeMeaning = "1", "Straße"
    nested.ProcedureCodeSequence = [inner]
    nested.add_new(0x00091001, "UN", b"x")
    nested.add_new("FrameIncrementPointer", "AT", [0x00181063])
    nested.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    nested.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    encapsulated = data.image(frames=3, bits=8)
    encapsulated.PixelData = encapsulate([b"\xff\xd8ab", b"\xff\xd8cd", b"\xff\xd8ef"])
    encapsulated["PixelData"].is_undefined_length = True
    many = data.dataset(NumberOfFrames=2)
    many.add_new("RedPaletteColorLookupTableDescriptor", "US", [0, 0, 16])
    many.add_new("RedPaletteColorLookupTableData", "OW", np.arange(64, dtype="<u2").tobytes())
    for syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"):
        yield data.file(nested, syntax)
    yield data.file(data.image(frames=2, bits=16))
    yield data.file(data.image(frames=3, rows=3, columns=3, bits=1, BitsStored=1, HighBit=0, PixelData=b"abcd"))
    yield data.file(encapsulated, "1.2.840.10008.1.2.4.50")
    yield data.file(many)
    yield data.file(data.report(data.item("TEXT", "Finding", TextValue="x"), data.item("CONTAINER", "Inside")))
    yield data.file(nested)[132:]

"""DICOMDIR: the directory of a File-set (PS3.3 Annex F), made of what the Model tells of each Instance.

No file is read. Records name one another by their places in the DICOMDIR; these can be reckoned before any is written,
for the numbers always take as many bytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, TypeAlias

from pydicom.fileset import _FOUR_LEVEL_SOP_CLASSES as _TYPES

from filmroom.dicom import attributes
from filmroom.dicom.json_model import first
from filmroom.dicom.rewrite import Encoding, file_meta, padded
from filmroom.dicom.transfer_syntax import EXPLICIT_LITTLE
from filmroom.dicom.values import COMPONENT_GROUPS

NAME = "DICOMDIR"
SOP_CLASS = "1.2.840.10008.1.3.10"  # Media Storage Directory Storage

Keys: TypeAlias = Mapping[str, str | None]

# What a record has of the Instance (PS3.3 §F.5), and what stands there if it has none; None leaves it out.
_PATIENT: Keys = {"PatientName": "", "PatientID": "UNKNOWN"}
_STUDY: Keys = {
    "StudyDate": "19000101",
    "StudyTime": "000000",
    "AccessionNumber": "",
    "StudyDescription": "",
    "StudyInstanceUID": None,
    "StudyID": "UNKNOWN",
}
_SERIES: Keys = {"Modality": "OT", "SeriesDescription": None, "SeriesInstanceUID": None, "SeriesNumber": "0"}
# Of the records of all kinds of Instances together: each kind has some of them.
_INSTANCE: Keys = {
    "ImageType": None,
    "ContentDate": None,
    "ContentTime": None,
    "InstanceNumber": "0",
    "NumberOfFrames": None,
    "Rows": None,
    "Columns": None,
    "ContentLabel": None,
    "ContentDescription": None,
    "ContentCreatorName": None,
    "PresentationCreationDate": None,
    "PresentationCreationTime": None,
    "ConceptNameCodeSequence": None,
    "CompletionFlag": None,
    "VerificationFlag": None,
    "DocumentTitle": None,
    "MIMETypeOfEncapsulatedDocument": None,
    "DoseSummationType": None,
    "StructureSetLabel": None,
    "StructureSetDate": None,
    "StructureSetTime": None,
    "RTPlanLabel": None,
    "RTPlanDate": None,
    "RTPlanTime": None,
    "TreatmentDate": None,
    "TreatmentTime": None,
}
_ENCODING = Encoding(EXPLICIT_LITTLE)
_UL, _US = Struct("<L"), Struct("<H")
_ITEM = 8  # bytes of its header
_IN_USE = 0xFFFF
_WIDTHS = {"US": _US, "UL": _UL}


@dataclass(slots=True)
class _Record:
    """A record with those below it; `body` is all but its links and its type."""

    type: str
    body: bytes
    below: "dict[str, _Record]" = field(default_factory=dict)
    offset: int = 0

    def encoded(self, following: int) -> bytes:
        lower = next(iter(self.below.values())).offset if self.below else 0
        fields = _number(0x00041400, "UL", following) + _number(0x00041410, "US", _IN_USE)
        fields += _number(0x00041420, "UL", lower) + _ENCODING.text(0x00041430, self.type) + self.body
        return _ENCODING.item(len(fields)) + fields


class Directory:
    """Collects Instances, and writes the file that lists them."""

    def __init__(self) -> None:
        self._patients: dict[str, _Record] = {}

    def add(self, file_id: str, elements: Mapping[str, Any], transfer_syntax: str) -> None:
        """An Instance that lies at `file_id` ("DICOM/S0000001/I0000001"). `elements` is its Model."""
        patient = _under(self._patients, "PATIENT", _text(elements, "PatientID"), elements, _PATIENT)
        study = _under(patient.below, "STUDY", _text(elements, "StudyInstanceUID"), elements, _STUDY)
        series = _under(study.below, "SERIES", _text(elements, "SeriesInstanceUID"), elements, _SERIES)
        sop_class = _text(elements, "SOPClassUID")
        reference = {
            0x00041500: file_id.replace("/", "\\"),
            0x00041510: sop_class,
            0x00041511: _text(elements, "SOPInstanceUID"),
            0x00041512: transfer_syntax,
        }
        body = b"".join(_ENCODING.text(tag, value) for tag, value in reference.items())
        kind = _TYPES.get(sop_class, "IMAGE")  # type: ignore[call-overload]
        series.below[file_id] = _Record(kind, body + _keys(elements, _INSTANCE))

    def write(self, instance_uid: str) -> Iterator[bytes]:
        """The DICOMDIR (PS3.10 §8.6), in pieces."""
        meta = file_meta({}, SOP_CLASS, instance_uid, EXPLICIT_LITTLE)
        head_size = len(_head(0, 0, 0))
        end = self._place(self._patients, len(meta) + head_size)
        roots = [record.offset for record in self._patients.values()] or [0]
        yield meta
        yield _head(roots[0], roots[-1], end - len(meta) - head_size)
        yield from self._records(self._patients)

    def _place(self, records: Mapping[str, _Record], position: int) -> int:
        """Give each record its offset; tell where the last ends."""
        for record in records.values():
            record.offset = position
            position = self._place(record.below, position + len(record.encoded(0)))
        return position

    def _records(self, records: Mapping[str, _Record]) -> Iterator[bytes]:
        following = [*(record.offset for record in records.values()), 0][1:]
        for record, offset in zip(records.values(), following, strict=True):
            yield record.encoded(offset)
            yield from self._records(record.below)


def _head(root: int, last: int, length: int) -> bytes:
    """What stands before the records."""
    links = _number(0x00041200, "UL", root) + _number(0x00041202, "UL", last) + _number(0x00041212, "US", 0)
    return _ENCODING.text(0x00041130, "FILMROOM") + links + _ENCODING.header(0x00041220, "SQ", length)


def _under(above: dict[str, _Record], kind: str, name: str, elements: Mapping[str, Any], keys: Keys) -> _Record:
    if name not in above:
        above[name] = _Record(kind, _keys(elements, keys))
    return above[name]


def _keys(elements: Mapping[str, Any], keys: Keys) -> bytes:
    """The attributes of a record, in the order of their tags."""
    written = {0x00080005: _ENCODING.text(0x00080005, "ISO_IR 192")}
    for keyword, default in keys.items():
        tag = attributes.parse(keyword) or 0
        value = _encoded(tag, elements.get(attributes.key(tag), {}))
        if value is None and default is not None:
            value = _ENCODING.element(tag, attributes.vr(tag) or "LO", _padded(tag, default))
        if value is not None:
            written[tag] = value
    return b"".join(written[tag] for tag in sorted(written))


def _encoded(tag: int, element: Mapping[str, Any]) -> bytes | None:
    """An attribute out of the Model; None if it has no value there."""
    values, vr = element.get("Value"), element.get("vr", "")
    if not values:
        return None
    if vr == "SQ":
        items = [_item(item) for item in values]
        return _ENCODING.element(tag, vr, b"".join(_ENCODING.item(len(item)) + item for item in items))
    if vr in _WIDTHS:
        return _ENCODING.element(tag, vr, b"".join(map(_WIDTHS[vr].pack, values)))
    return _ENCODING.element(tag, vr, padded(vr, "\\".join(map(_as_text, values)).encode()))


def _item(elements: Mapping[str, Any]) -> bytes:
    return b"".join(_encoded(int(key, 16), element) or b"" for key, element in elements.items())


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        return "=".join(value.get(group, "") for group in COMPONENT_GROUPS).rstrip("=")
    return "" if value is None else str(value)


def _padded(tag: int, text: str) -> bytes:
    return padded(attributes.vr(tag) or "LO", text.encode())


def _text(elements: Mapping[str, Any], keyword: str) -> str:
    return str(first(elements, attributes.parse(keyword) or 0) or "")


def _number(tag: int, vr: str, value: int) -> bytes:
    return _ENCODING.element(tag, vr, _WIDTHS[vr].pack(value))

"""An archive of any size, whose rows are those that the store path makes, at a few thousand Instances a second.

The first Instances go through the Store Transaction. Of the rest one Instance of each Series does, but for its file and
its rows; what it would have brought to the index is repeated for the whole Series, with UIDs, numbers and texts of
their own, and added through the index layer in large transactions. Their files are written where the archive has them,
and not synced. So searches, the change feed and retrieves find what a real archive has, in as many files.
"""

import hashlib
import json
import struct
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from bench.population import CREATOR, SEED, Series, Study, studies
from filmroom.archive import BLOBS, Archive
from filmroom.blobs import Memory
from filmroom.blobs.store import FOLDER
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import Level, Resource
from filmroom.index import additions
from filmroom.index.additions import NewInstance, NewRows, Status
from filmroom.index.packing import pack
from filmroom.protocol.dialects import DICOMWEB
from filmroom.services import query_tags, store
from filmroom.services.examination import part
from filmroom.settings import Settings

STORED = 10_000  # Instances that go through the Store Transaction; of the others no file is synced
BATCH = 5_000  # Instances in a transaction of the others
MARK = 77777  # the Instance Number that is replaced in repeated texts; no Series has as many
MADE = "archive.json"  # says what the folder holds

TAGS = (
    QueryTag(0, "00181030", "LO", Level.SERIES),  # ProtocolName
    QueryTag(0, "00181150", "IS", Level.INSTANCE),  # ExposureTime
    QueryTag(0, "00080022", "DA", Level.INSTANCE),  # AcquisitionDate
    QueryTag(0, "00081050", "PN", Level.SERIES),  # PerformingPhysicianName
    QueryTag(0, "00091003", "LO", Level.STUDY, CREATOR),
    QueryTag(0, "00081032.00080100", "SH", Level.STUDY),  # ProcedureCodeSequence.CodeValue
)
_LONG = frozenset({"OB", "OW", "SQ", "UN"})


def opened(folder: Path, index: str | None = None) -> Archive:
    """The archive in a folder."""
    settings = {"data": folder, **({"index": index} if index else {})}
    return Archive.open(Settings.model_validate(settings))


def made(folder: Path, instances: int, stored: int = STORED, index: str | None = None) -> list[Study]:
    """The Studies of the archive in the folder, which is made unless it is there."""
    those = studies(instances)
    about, note = {"instances": instances, "stored": stored, "seed": SEED, "files": instances}, folder / MADE
    if note.exists():
        if json.loads(note.read_text()) != about:
            raise SystemExit(f"{folder} holds another archive; name another folder.")
        return those
    with closing(opened(folder, index)) as archive:
        fill(archive, folder, those, stored)
    note.write_text(json.dumps(about))
    return those


def fill(archive: Archive, folder: Path, those: Sequence[Study], stored: int) -> None:
    query_tags.declare(archive, TAGS)
    query_tags.reindex(archive, [tag.key for tag, _ in query_tags.fetch_all(archive, -1, 0)])
    begin, done = time.monotonic(), 0
    left = iter([(study, series) for study in those for series in study.series])
    for study, series in left:
        files = [file(study, series, number) for number in series.numbers]
        store.store(archive, DICOMWEB, Resource(), list(map(part, files)), replace=False)
        done += len(files)
        if done >= stored:
            break
    for batch in _batches(left):
        done += _add(archive, folder / BLOBS, batch)
        print(f"\r{done} Instances, {done / (time.monotonic() - begin):.0f} a second", end="", file=sys.stderr)
    print(file=sys.stderr)


def _batches(left: Iterator[tuple[Study, Series]]) -> Iterator[list[tuple[Study, Series]]]:
    batch: list[tuple[Study, Series]] = []
    for study, series in left:
        batch.append((study, series))
        if sum(one.instances for _, one in batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class _Gathering:
    """Stands where rows are added, and keeps what it is given."""

    def __init__(self, archive: Archive) -> None:
        self.known = archive.additions.known
        self.new: list[NewInstance] = []

    def add(self, new: Sequence[NewInstance]) -> list[Status]:
        self.new += new
        return [Status.ADDED for _ in new]


def _add(archive: Archive, blobs: Path, batch: Sequence[tuple[Study, Series]]) -> int:
    with archive.index.read() as tx:
        archive.additions.known.of(tx)
    gathering = _Gathering(archive)
    beside = replace(archive, blobs=Memory(), additions=gathering)  # type: ignore[arg-type]
    parts = [part(file(study, series, MARK)) for study, series in batch]
    store.store(beside, DICOMWEB, Resource(), parts, replace=False)
    rows = [row for each, new in zip(batch, gathering.new, strict=True) for row in _repeated(new, *each, blobs)]
    with archive.index.begin() as tx:
        additions.add(tx, rows, archive.additions.known)
    return len(rows)


def _repeated(new: NewInstance, study: Study, series: Series, blobs: Path) -> Iterator[NewRows]:
    """The rows of all Instances of a Series, from what one brings; their files are written."""
    rows = additions.prepare(new)
    mark, number_mark = series.instance(MARK).encode(), f"[{MARK}]".encode()
    held: bytes = rows.instance["attributes"]
    for number in series.numbers:
        uid = series.instance(number)
        said = (mark, uid.encode()), (number_mark, f"[{number}]".encode())
        key, content = _key(series, number), file(study, series, number)
        _write(blobs / key[FOLDER] / key, content)
        digest = hashlib.sha256(content).digest()
        own = {
            "SOPInstanceUID": uid,
            "InstanceNumber": number,
            "blob": key,
            "digest": digest,
            "attributes": _with(held, said),
        }
        yield replace(
            rows,
            new=replace(new, resource=replace(new.resource, instance=uid), key=key, digest=digest),
            instance={**rows.instance, **own},
            data={**rows.data, "metadata": pack(_with(new.metadata, said))},
            entry={**rows.entry, "SOPInstanceUID": uid},
        )


def _key(series: Series, number: int) -> str:
    """As `blobs.new_keys` makes them, but the same each time."""
    return hashlib.sha256(series.instance(number).encode()).hexdigest()[:32]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def _with(text: bytes, said: Sequence[tuple[bytes, bytes]]) -> bytes:
    for old, new in said:
        text = text.replace(old, new)
    return text


@dataclass(frozen=True, slots=True)
class _Element:
    vr: str
    value: bytes | str | int | list[Mapping[int, "_Element"]]


_Elements = Mapping[int, _Element]


def file(study: Study, series: Series, number: int) -> bytes:
    """The PS3.10 file of an Instance: Explicit VR Little Endian, eight pixels."""
    uid = series.instance(number)
    meta = _encoded(
        {
            0x00020001: _Element("OB", b"\0\1"),
            0x00020002: _Element("UI", series.kind.sop_class),
            0x00020003: _Element("UI", uid),
            0x00020010: _Element("UI", "1.2.840.10008.1.2.1"),
        }
    )
    length = _encoded({0x00020000: _Element("UL", struct.pack("<I", len(meta)))})
    return b"\0" * 128 + b"DICM" + length + meta + _encoded(_elements(study, series, number))


_ALWAYS = {  # of every Instance
    0x00080005: _Element("CS", "ISO_IR 192"),
    0x00080008: _Element("CS", "ORIGINAL\\PRIMARY\\AXIAL"),
    0x00080070: _Element("LO", "Filmroom"),
    0x00080080: _Element("LO", "General Hospital"),
    0x00081090: _Element("LO", "Benchmark 64"),
    0x00180050: _Element("DS", "0.6"),
    0x00181210: _Element("SH", "SOFT"),
    0x00185100: _Element("CS", "HFS"),
    0x00200032: _Element("DS", "-125\\-125\\0"),
    0x00200037: _Element("DS", "1\\0\\0\\0\\1\\0"),
    0x00280002: _Element("US", 1),
    0x00280004: _Element("CS", "MONOCHROME2"),
    0x00280010: _Element("US", 1),
    0x00280011: _Element("US", 8),
    0x00280030: _Element("DS", "0.488\\0.488"),
    0x00280100: _Element("US", 16),
    0x00280101: _Element("US", 12),
    0x00280102: _Element("US", 11),
    0x00280103: _Element("US", 0),
    0x00281050: _Element("DS", "40"),
    0x00281051: _Element("DS", "400"),
    0x7FE00010: _Element("OW", bytes(16)),
}


def _elements(study: Study, series: Series, number: int) -> dict[int, _Element]:
    patient, modality = study.patient, series.kind.modality
    code = {0x00080100: _Element("SH", study.procedure), 0x00080102: _Element("SH", "99BENCH")}
    request = {0x00400009: _Element("SH", f"S{study.accession[1:]}"), 0x00401001: _Element("SH", study.accession)}
    own = {
        0x00080016: _Element("UI", series.kind.sop_class),
        0x00080018: _Element("UI", series.instance(number)),
        0x00080020: _Element("DA", study.date),
        0x00080021: _Element("DA", study.date),
        0x00080022: _Element("DA", study.date),
        0x00080023: _Element("DA", study.date),
        0x00080030: _Element("TM", study.at),
        0x00080031: _Element("TM", study.at),
        0x00080033: _Element("TM", study.at),
        0x00080050: _Element("SH", study.accession),
        0x00080060: _Element("CS", modality),
        0x00080090: _Element("PN", study.referrer),
        0x00081010: _Element("SH", f"{modality}{series.exposure % 7}"),
        0x00081030: _Element("LO", f"{modality} {study.region.lower()}"),
        0x00081032: _Element("SQ", [code]),
        0x0008103E: _Element("LO", f"{study.region.lower()} {series.number}"),
        0x00081050: _Element("PN", series.performer),
        0x00090010: _Element("LO", CREATOR),
        0x00091003: _Element("LO", study.private),
        0x00100010: _Element("PN", patient.name),
        0x00100020: _Element("LO", patient.id),
        0x00100030: _Element("DA", f"{patient.born:%Y%m%d}"),
        0x00100040: _Element("CS", patient.sex),
        0x00101010: _Element("AS", f"{study.on.year - patient.born.year:03d}Y"),
        0x00180015: _Element("CS", study.region),
        0x00181030: _Element("LO", series.protocol),
        0x00181150: _Element("IS", str(series.exposure)),
        0x0020000D: _Element("UI", study.uid),
        0x0020000E: _Element("UI", series.uid),
        0x00200010: _Element("SH", study.accession[-4:]),
        0x00200011: _Element("IS", str(series.number)),
        0x00200013: _Element("IS", f"{number:<6}"),  # so all files of a Series are as long
        0x00200052: _Element("UI", study.uid + ".1"),
        0x00400275: _Element("SQ", [request]),
    }
    return dict(sorted((_ALWAYS | own).items()))


def _encoded(elements: _Elements) -> bytes:
    """Explicit VR Little Endian (PS3.5 7.1.2)."""
    return b"".join(_element(tag, element.vr, element.value) for tag, element in elements.items())


def _element(tag: int, vr: str, value: bytes | str | int | list[_Elements]) -> bytes:
    if isinstance(value, int):
        content = struct.pack("<H", value)
    elif isinstance(value, str):
        content = value.encode()
    elif isinstance(value, list):
        items = map(_encoded, value)
        content = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)
    else:
        content = value
    if len(content) % 2:
        content += b"\0" if vr in {"UI", "OB"} else b" "
    form = "<HH2sHI" if vr in _LONG else "<HH2sH"
    length = (0, len(content)) if vr in _LONG else (len(content),)
    return struct.pack(form, tag >> 16, tag & 0xFFFF, vr.encode(), *length) + content

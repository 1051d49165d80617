"""Frames and files in another Transfer Syntax, every sample as it was (PS3.5 §8.2, §A.4)."""

import mmap
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np

from filmroom.dicom import frames, json_model, part10, rewrite, transfer_syntax
from filmroom.dicom.frames import DOUBLE_PIXEL_DATA, FLOAT_PIXEL_DATA, PIXEL_DATA, Frames
from filmroom.dicom.part10 import UNDEFINED, DataSet, File
from filmroom.dicom.rewrite import Value
from filmroom.dicom.transfer_syntax import TransferSyntax
from filmroom.errors import BadFile, NotAcceptable, Unavailable, Unconvertible
from filmroom.pixels import ahead, codecs, loss
from filmroom.pixels.frame import Frame, describe

EXTENDED_OFFSETS, EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002
PHOTOMETRIC_INTERPRETATION, PLANAR_CONFIGURATION = 0x00280004, 0x00280006
_THREADS = min(os.cpu_count() or 1, 4)  # for the Frames of one file

OTHER_LENGTH = "The pixel data can't be converted: a Frame has another length than the data set says."

Edits = dict[int, Value | None]


def can_transcode(source_uid: str, target_uid: str) -> bool:
    """Whether there are codecs for it. Samples that don't fit the target are refused all the same."""
    if source_uid == target_uid:
        return True
    source, target = codecs.find(source_uid), codecs.find(target_uid)
    return source_uid in target.recode or (source.decode is not None and target.encode is not None)


def transcode_frame(data: bytes, frame: Frame, source_uid: str, target_uid: str) -> bytes:
    """One Frame in another Transfer Syntax, to be read by the Metadata that `frame` was described by."""
    made = after(frame, source_uid, target_uid)
    if codecs.find(target_uid).as_described:
        made = replace(made, photometric=_colours(frame, made), planar=frame.planar)
    return _recode(data, frame, made, source_uid, target_uid)


def _colours(frame: Frame, made: Frame) -> str:
    """Chroma is shared again if Metadata say so. What only a codestream can be (YBR_RCT) is RGB once decoded."""
    return frame.photometric if frame.subsampled else made.photometric


def _recode(data: bytes, frame: Frame, made: Frame, source_uid: str, target_uid: str) -> bytes:
    source, target = codecs.find(source_uid), codecs.find(target_uid)
    if source.native and target.native:
        if len(data) not in (frame.length, frame.length + frame.length % 2):  # padded, or in a fragment of its own
            raise NotAcceptable(OTHER_LENGTH)
        return data[: frame.length] if source.native == target.native else codecs.swap(data, frame)
    if source_uid == target_uid:
        return data
    recode = target.recode.get(source_uid)
    if recode is not None:
        return recode(data)
    return codecs.encode(codecs.decode(data, frame, source_uid), made, target_uid)


def after(frame: Frame, source_uid: str, target_uid: str) -> Frame:
    """The description of a Frame that was decoded and encoded again."""
    source, target = codecs.find(source_uid), codecs.find(target_uid)
    if source_uid in target.recode:
        return frame
    decoded = source.decoded.get(frame.photometric, frame.photometric)
    encoded = target.encoded.get(decoded, decoded)
    return replace(frame, photometric=encoded, planar=0, words=frame.bits_allocated > 8)


def transcode_file(source: Path, destination: Path, target_uid: str) -> None:
    """Write a PS3.10 file in another Transfer Syntax. On failure there is no destination."""
    codec = codecs.find(target_uid)
    if codec.encode is None and not codec.recode:
        raise Unconvertible("Nothing is encoded in that Transfer Syntax.")
    target = transfer_syntax.find(target_uid)
    with source.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        try:
            with destination.open("wb") as written:
                written.writelines(_transcoded(part10.read(mapped), target))
        except (NotAcceptable, BadFile, OSError) as error:
            destination.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise Unavailable(f"The converted file can't be written: {error.strerror}.") from error
            raise


def _transcoded(file: File, target: TransferSyntax) -> Iterator[bytes]:
    def edit(elements: DataSet, decoded: Mapping[str, Any], depth: int) -> Edits:
        if PIXEL_DATA not in elements:
            if depth == 0 and target.encapsulated and elements.keys() & {FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA}:
                raise Unconvertible("Floating point samples can't be compressed (PS3.5 §8.2).")
            return {}
        # An Item may hold an icon with pixel data of its own (PS3.3 §F.7).
        return _pixel_data(replace(file, elements=elements), decoded, target, depth == 0)

    return rewrite.write(file, json_model.write(file).elements, target, edit)


def _pixel_data(file: File, decoded: Mapping[str, Any], target: TransferSyntax, outermost: bool) -> Edits:
    """What takes the place of the attributes that go with the pixel data of one data set."""
    element, source = file.elements[PIXEL_DATA], file.transfer_syntax
    encapsulate = target.encapsulated and outermost  # the pixel data of Items may stay native (PS3.5 §A.4)
    if element.encapsulated or encapsulate:
        return _recoded(file, decoded, target if encapsulate else _native(target))
    if source.big_endian == target.big_endian:
        return {}
    size = describe(decoded).bits_allocated // 8
    if size <= 2:
        return {}
    # By its VR, OW, it would be swapped by twos.
    chunks = rewrite.swapped(file.buffer, element.offset, element.length, size)
    return {PIXEL_DATA: Value("OW", element.length, chunks)}


def _native(target: TransferSyntax) -> TransferSyntax:
    return transfer_syntax.EXPLICIT_LITTLE if target.encapsulated else target


def _recoded(file: File, decoded: Mapping[str, Any], target: TransferSyntax) -> Edits:
    """Every Frame decoded and encoded."""
    source_uid = file.transfer_syntax.uid if file.elements[PIXEL_DATA].encapsulated else _native_uid(file)
    frame, located = describe(decoded), frames.locate(file, decoded)
    if located is None or located.count != frame.count:
        raise Unconvertible("It is not known where each Frame begins, or there are fewer than the data set says.")
    made = after(frame, source_uid, target.uid)
    each = _each_frame(file, located, frame, source_uid, target.uid)
    value, ratio = _concatenated(each, made, target), 1.0
    if target.encapsulated:
        encoded = list(each)
        value, ratio = _encapsulated(encoded), made.length * made.count / max(sum(map(len, encoded)), 1)
    photometric = rewrite.padded("CS", made.photometric.encode("ascii"))
    edits: Edits = {
        PIXEL_DATA: value,
        PHOTOMETRIC_INTERPRETATION: Value("CS", len(photometric), [photometric]),
        EXTENDED_OFFSETS: None,
        EXTENDED_LENGTHS: None,
        **loss.edits(decoded, source_uid, target.uid, ratio),
    }
    if frame.samples > 1:
        edits[PLANAR_CONFIGURATION] = Value(
            "US", 2, [made.planar.to_bytes(2, "big" if target.big_endian else "little")]
        )
    return edits


def _native_uid(file: File) -> str:
    """The pixel data of an Item may be native in an encapsulated Transfer Syntax."""
    return _native(file.transfer_syntax).uid


def _each_frame(file: File, located: Frames, frame: Frame, source_uid: str, target_uid: str) -> Iterator[bytes]:
    """In threads, as codecs let go of the interpreter while they work."""
    made = after(frame, source_uid, target_uid)

    def convert(number: int) -> bytes:
        offset, length = frames.span(located, number)
        raw = frames.extract(located, number, bytes(file.buffer[offset : offset + length]))
        return _recode(raw, frame, made, source_uid, target_uid)

    if located.count == 1:
        yield convert(1)
        return
    with ThreadPoolExecutor(_THREADS) as threads:
        for done in ahead.each(threads, convert, zip(range(1, located.count + 1)), _THREADS):
            yield done.result()


def _of_length(data: bytes, frame: Frame) -> bytes:
    """A header that declares another length than follows would spoil the file."""
    if len(data) != frame.length:
        raise NotAcceptable(OTHER_LENGTH)
    return data


def _concatenated(each: Iterator[bytes], frame: Frame, target: TransferSyntax) -> Value:
    length = (frame.bits * frame.count + 7) // 8
    if length + length % 2 >= UNDEFINED:
        raise Unconvertible(
            "The pixel data take more than 4 GiB, of which no native Transfer Syntax can tell the length."
        )
    vr = "OW" if frame.words or target.implicit else "OB"  # PS3.5 §A.1, §A.2

    def chunks() -> Iterator[bytes]:
        sound = (_of_length(data, frame) for data in each)
        yield from sound if frame.bits % 8 == 0 else [_joined(sound, frame.bits)]
        if length % 2:
            yield b"\0"

    return Value(vr, length + length % 2, chunks())


def _joined(each: Iterator[bytes], bits: int) -> bytes:
    """Frames of single bits follow each other without a gap (PS3.5 §8.1.1)."""
    unpacked = [np.unpackbits(np.frombuffer(data, "u1"), count=bits, bitorder="little") for data in each]
    return np.packbits(np.concatenate(unpacked), bitorder="little").tobytes()


def _encapsulated(each: list[bytes]) -> Value:
    """One fragment for each Frame, after a Basic Offset Table if its 32 bits suffice (PS3.5 §A.4)."""
    fragments = [rewrite.padded("OB", data) for data in each]
    offsets, position = [], 0
    for fragment in fragments:
        offsets.append(position)
        position += 8 + len(fragment)
    table = pack(f"<{len(offsets)}I", *offsets) if offsets[-1] < UNDEFINED else b""
    return Value("OB", UNDEFINED, [part for item in (table, *fragments) for part in (_item(item), item)])


def _item(content: bytes) -> bytes:
    return pack("<HHI", 0xFFFE, 0xE000, len(content))

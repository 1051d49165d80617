"""All files of pydicom and pydicom-data that have pixel data: what we decode is what pydicom's decoders give."""

import warnings
from functools import cache
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from filmroom.dicom import frames, json_model, part10, transfer_syntax
from filmroom.errors import BadFile, NotAcceptable
from filmroom.pixels import codecs
from filmroom.pixels.frame import Frame, Samples, describe

ROOTS = [Path(pydicom.__file__).parent / "data" / "test_files", Path(data_store.__file__).parent]
# Not one decoder reads the embedded delimiter: it was written over the size of the image.
UNREADABLE = {"JPEG2000-embedded-sequence-delimiter.dcm", "MR_truncated.dcm", "meta_missing_tsyntax.dcm"}
WITHOUT_REFERENCE = {
    "badVR.dcm": "pydicom stumbles over an attribute",
    "OT-PAL-8-face.dcm": "has no Transfer Syntax",
    "JPEG-lossy.dcm": "pydicom misses the end of the image, which is padded; JPGExtended.dcm is the same",
    "nested_priv_SQ.dcm": "has no image",
}
# A discrete cosine transform may be rounded in several ways: (ISO/IEC 10918-2).
ROUNDED = {transfer_syntax.JPEG_BASELINE.uid: 3, transfer_syntax.JPEG_EXTENDED.uid: 3}


@cache
def images() -> list[Path]:
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted(path for root in ROOTS for path in root.rglob("*.dcm")):
            if "PixelData" in pydicom.dcmread(path, force=True, specific_tags=["PixelData"], defer_size=64):
                found.append(path)
    return found


def decode(path: Path, number: int) -> tuple[Samples, Frame, str]:
    file = part10.read(path.read_bytes())
    elements = json_model.write(file).elements
    located, frame, uid = frames.locate(file, elements), describe(elements), file.transfer_syntax.uid
    assert located is not None
    offset, length = frames.span(located, number)
    raw = frames.extract(located, number, bytes(file.buffer[offset : offset + length]))
    decoded = codecs.find(uid).decoded.get(frame.photometric, frame.photometric)
    return codecs.decode(raw, frame, uid), frame, decoded


def test_there_are_many() -> None:
    assert len(images()) > 120


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", images(), ids=lambda path: path.name)
def test_files_are_decoded_as_pydicom_does(path: Path) -> None:
    if path.name in UNREADABLE:
        with pytest.raises((NotAcceptable, BadFile)):
            decode(path, 1)
        return
    if path.name in WITHOUT_REFERENCE:
        pytest.skip(WITHOUT_REFERENCE[path.name])
    read = pydicom.dcmread(path)
    uid = UID(read.file_meta.TransferSyntaxUID)
    decoder = get_decoder(uid)
    last = int(read.get("NumberOfFrames") or 1)
    for number in {1, last}:
        samples, frame, photometric = decode(path, number)
        agreed = 0
        for plugin in decoder.available_plugins or ("",):
            try:
                expected, about = decoder.as_array(read, raw=True, index=number - 1, decoding_plugin=plugin)
            except RuntimeError:
                continue
            agreed += 1
            assert expected.shape == samples.shape
            assert np.abs(expected.astype("i8") - _used_bits(samples, frame, uid)).max() <= ROUNDED.get(uid, 0)
            found = str(about["photometric_interpretation"])
            assert found == photometric or (found, photometric) == ("YBR_FULL_422", "YBR_FULL")
        assert agreed


def _used_bits(samples: Samples, frame: Frame, uid: UID) -> Samples:
    """pydicom blots out what native words hold above Bits Stored; we keep it."""
    if uid.is_encapsulated or frame.floating:
        return samples.astype("i8")
    used = samples.astype("i8") & (1 << frame.bits_stored) - 1
    return used - (used >> (frame.bits_stored - 1) << frame.bits_stored) if frame.signed else used

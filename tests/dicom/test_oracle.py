"""Every file that pydicom and pydicom-data ship, read by Filmroom and by pydicom: both must find the same."""

import importlib.util
import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder

from filmroom.dicom import frames, json_model, part10
from filmroom.errors import BadFile
from tests.dicom import oracle

# Where Filmroom differs on purpose, and why. It refuses:
REFUSED = {
    "DICOMDIR-nooffset": "the last Item declares 24 bytes more than the file has",
    "MR_truncated.dcm": "it ends inside its pixel data",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "it ends inside its encapsulated pixel data",
    "no_meta.dcm": "its first byte is missing; pydicom finds a single element of nonsense",
    "rtplan_truncated.dcm": "it ends inside a sequence",
}
# It has Frames of these, pydicom has none:
NO_FRAMES_IN_PYDICOM = {
    "badVR.dcm": "Number of Frames is no number: taken for 1",
    "OT-PAL-8-face.dcm": "no file meta information",
}
OTHER_KINDS = {".py", ".pyc", ".json", ".txt", ".gz", ".dump", ".icc", ".md"}


def _files() -> list[Path]:
    """What is on disk; pydicom would download further files."""
    folders = []
    for package in ("pydicom", "data_store"):
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        folders.append(Path(spec.origin).parent / "data")
    found = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in found if path.suffix not in OTHER_KINDS and path.name != "README"]


FILES = [path for path in _files() if path.name not in REFUSED]


def test_the_files_are_there() -> None:
    assert len(FILES) >= 250
    assert {path.name for path in _files()} >= REFUSED.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_elements_are_those_of_pydicom(path: Path) -> None:
    content = path.read_bytes()
    assert oracle.ours(content) == oracle.theirs(content)


@pytest.mark.parametrize("path", [path for path in _files() if path.name in REFUSED], ids=lambda path: path.name)
def test_a_damaged_file_is_refused(path: Path) -> None:
    with pytest.raises(BadFile):
        part10.read(path.read_bytes())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_frames_are_those_of_pydicom(path: Path) -> None:
    if path.name not in NO_FRAMES_IN_PYDICOM:
        content = path.read_bytes()
        assert list(_our_frames(content)) == _their_frames(content)


def test_frames_were_compared() -> None:
    found = [path for path in FILES if next(_our_frames(path.read_bytes()), None) is not None]
    assert len(found) >= 165


def _our_frames(content: bytes) -> Iterator[bytes]:
    file = part10.read(content)
    located = frames.locate(file, json_model.write(file).elements)
    for number in range(1, located.count + 1 if located else 1):
        assert located is not None
        offset, length = frames.span(located, number)
        yield frames.extract(located, number, bytes(file.buffer[offset : offset + length]))


def _their_frames(content: bytes) -> list[bytes]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = pydicom.dcmread(io.BytesIO(content), force=True)
        if "PixelData" not in data_set or "Rows" not in data_set:
            return []
        if data_set.file_meta.TransferSyntaxUID.is_encapsulated:
            return list(generate_frames(data_set.PixelData, number_of_frames=data_set.get("NumberOfFrames", 1)))
        decoder = get_decoder(data_set.file_meta.TransferSyntaxUID)
        return [bytes(frame) for frame, _ in decoder.iter_buffer(data_set, raw=True)]

"""`filmroom retrieve --frames`: frames of an instance, each a file with the ending of its type."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from filmroom import Client
from tests import data
from tests.cli.program import Program
from tests.client import recorder as replies
from tests.client.recorder import Recorder, Reply
from tests.messages import encoded

UIDS = ("1.2", "1.3", "1.4")
EXPLICIT, JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"


def _stored(url: str, made: Dataset, syntax: str = EXPLICIT) -> list[str]:
    with Client(url) as client:
        client.store_instances([data.file(made, syntax)])
    return [made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID]


def test_frames_are_saved_as_they_are_stored(run: Program, service: str) -> None:
    made = data.image(frames=3)
    uids = _stored(service, made)
    ran = run("retrieve", *uids, "--frames", "3,1", "--to", "got")
    assert ran.code == 0
    assert ran.out.splitlines() == [f"got/{'/'.join(uids)}-{number}.raw" for number in (3, 1)]
    assert [Path(line).read_bytes() for line in ran.out.splitlines()] == [made.PixelData[256:], made.PixelData[:128]]


def test_it_is_said_how_samples_are_read(run: Program, service: str) -> None:
    uids = _stored(service, data.image(rows=3, columns=4))
    ran = run("retrieve", *uids, "--frames", "1")
    assert ran.err == ('filmroom: each .raw is 3x4, uint16, little endian: numpy.fromfile(NAME, "<u2").reshape(3, 4)\n')
    assert run("retrieve", *uids, "--frames", "1", "--quiet").err == ""


def test_frames_of_which_there_are_no_metadata_are_saved(run: Program, recorder: Recorder) -> None:
    recorder.replies = [replies.multipart([b"one"], "application/octet-stream"), Reply(404)]
    ran = run("retrieve", *UIDS, "--frames", "1")
    assert (ran.code, ran.out, ran.err) == (0, "1.2/1.3/1.4-1.raw\n", "")


def test_frames_that_are_stored_compressed_are_called_so(run: Program, service: str) -> None:
    uids = _stored(service, encoded(b"first!", b"second").dataset, JPEG_LS)
    ran = run("retrieve", *uids, "--frames", "2")
    assert ran.out == f"{'/'.join(uids)}-2.jls\n"
    assert Path(ran.out.strip()).read_bytes() == b"second"


@pytest.mark.parametrize(
    ("syntax", "ending", "begins"),
    [
        ("jpeg-2000-lossless", ".jp2", b"\xff\x4f"), ("jpeg-ls-lossless", ".jls", b"\xff\xd8"),
        ("jpeg-lossless", ".jpg", b"\xff\xd8"), ("htj2k", ".jphc", b"\xff\x4f"), ("jpeg-xl-lossless", ".jxl", b""),
        ("rle", ".rle", b"\x02\0\0\0"), ("explicit", ".raw", b""),
    ],
)  # fmt: skip
def test_frames_come_in_the_transfer_syntax_asked_for(
    run: Program, service: str, syntax: str, ending: str, begins: bytes
) -> None:
    uids = _stored(service, data.image(rows=32, columns=32))
    ran = run("retrieve", *uids, "--frames", "1", "--transfer-syntax", syntax)
    assert (ran.code, ran.out) == (0, f"{'/'.join(uids)}-1{ending}\n")
    assert bool(ran.err) == (ending == ".raw")
    assert Path(ran.out.strip()).read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("typed", "accept"),
    [
        ("stored", 'multipart/related; type="application/octet-stream"; transfer-syntax=*'),
        ("explicit", f'multipart/related; type="application/octet-stream"; transfer-syntax={EXPLICIT}'),
        (JPEG_2000, f'multipart/related; type="image/jp2"; transfer-syntax={JPEG_2000}'),
    ],
)
def test_a_transfer_syntax_is_asked_for_by_its_media_type(
    run: Program, recorder: Recorder, typed: str, accept: str
) -> None:
    recorder.replies = [replies.multipart([b"one"], "image/jp2")]
    run("retrieve", *UIDS, "--frames", "1", "--transfer-syntax", typed)
    assert recorder.last.headers["accept"] == accept


def test_deflated_frames_are_called_so(run: Program, recorder: Recorder) -> None:
    kind = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.8.1"
    recorder.replies = [Reply(200, {"Content-Type": kind}, b"one")]
    assert run("retrieve", *UIDS, "--frames", "1").out == "1.2/1.3/1.4-1.deflate\n"


def test_more_frames_than_were_asked_for_are_an_error(run: Program, recorder: Recorder, tmp_path: Path) -> None:
    recorder.replies = [replies.multipart([b"one", b"two"], "image/jls")]
    ran = run("retrieve", *UIDS, "--frames", "1")
    assert (ran.code, "2 parts; 1 were asked for" in ran.err) == (3, True)
    assert [path.name for path in tmp_path.rglob("*.*s")] == ["1.4-1.jls"]


def test_frames_that_are_not_there_are_named(run: Program, service: str) -> None:
    uids = _stored(service, data.image())
    ran = run("retrieve", *uids, "--frames", "1,5")
    assert ran.code == 1
    assert f"there is no /studies/{uids[0]}/series/{uids[1]}/instances/{uids[2]}/frames/1,5 at" in ran.err


def test_who_asks_for_frames_of_a_report_is_not_sent_to_a_path(run: Program, service: str) -> None:
    ran = run("retrieve", *_stored(service, data.report()), "--frames", "1")
    assert ran.code == 1
    assert ran.err.endswith(" A video comes with --bulkdata PixelData, everything else without --frames.\n")
    assert "/pixeldata" not in ran.err


def test_a_folder_that_cannot_be_written_ends_with_1(run: Program, service: str, tmp_path: Path) -> None:
    uids = _stored(service, data.image())
    (tmp_path / uids[0]).touch()
    ran = run("retrieve", *uids, "--frames", "1")
    assert (ran.code, "can't write to ." in ran.err) == (1, True)

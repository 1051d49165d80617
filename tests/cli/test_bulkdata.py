"""`filmroom retrieve --bulkdata`: a value of an instance, a file with the ending of its type."""

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from filmroom import Client
from tests import data
from tests.cli.program import Program
from tests.client import recorder as replies
from tests.client.recorder import Recorder, Reply
from tests.messages import encoded

UIDS = ("1.2", "1.3", "1.4")
EXPLICIT, JPEG_LS = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80"
PDF = b"%PDF-1.4 " + b"." * 200 + b"\n"


def _stored(url: str, made: Dataset, syntax: str = EXPLICIT) -> list[str]:
    with Client(url) as client:
        client.store_instances([data.file(made, syntax)])
    return [made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID]


def _document(media_type: str, content: bytes = PDF) -> Dataset:
    return data.dataset(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1",
        MIMETypeOfEncapsulatedDocument=media_type,
        EncapsulatedDocument=content,
    )


def _element(tag: str, **element: Any) -> Reply:
    return replies.json([{tag: {"vr": "OB"} | element}])


@pytest.mark.parametrize(
    ("media_type", "ending"),
    [("application/pdf", ".pdf"), ("text/XML ", ".xml"), ("image/tiff", ".bin"), ("a\nb", ".bin")],
)
def test_a_document_has_the_ending_of_its_type(run: Program, service: str, media_type: str, ending: str) -> None:
    uids = _stored(service, _document(media_type))
    ran = run("retrieve", *uids, "--bulkdata", "EncapsulatedDocument")
    assert (ran.code, ran.out) == (0, f"{'/'.join(uids)}-EncapsulatedDocument{ending}\n")
    assert Path(ran.out.strip()).read_bytes() == PDF


@pytest.mark.parametrize(("part", "cut"), [("0-7", PDF[:8]), ("100-", PDF[100:])])
def test_a_part_of_a_bulk_value(run: Program, service: str, part: str, cut: bytes) -> None:
    uids = _stored(service, _document("application/pdf"))
    ran = run("retrieve", *uids, "--bulkdata", "0042,0011", "--bytes", part)
    assert ran.out == f"{'/'.join(uids)}-EncapsulatedDocument-{part}.pdf\n"
    assert Path(ran.out.strip()).read_bytes() == cut


@pytest.mark.parametrize("name", ["00480105/1/00282000", "OpticalPathSequence/1/ICCProfile"])
def test_a_bulk_value_in_a_sequence(run: Program, service: str, name: str) -> None:
    made, item = data.image(), Dataset()
    item.add_new(0x00282000, "OB", bytes(range(256)))
    made.OpticalPathSequence = [item]
    uids = _stored(service, made)
    ran = run("retrieve", *uids, "--bulkdata", name)
    assert ran.out == f"{'/'.join(uids)}-00480105-1-00282000.bin\n"
    assert Path(ran.out.strip()).read_bytes() == bytes(range(256))


@pytest.mark.parametrize(("part", "cut"), [([], b"abcd"), (["--bytes", "1-2"], b"bc"), (["--bytes", "3-"], b"d")])
def test_a_short_value_is_taken_from_the_metadata(
    run: Program, recorder: Recorder, tmp_path: Path, part: list[str], cut: bytes
) -> None:
    recorder.replies = [_element("00020102", InlineBinary=["YWJjZA=="])]
    ran = run("retrieve", *UIDS, "--bulkdata", "PrivateInformation", *part)
    assert (tmp_path / ran.out.strip()).read_bytes() == cut


@pytest.mark.parametrize("part", [None, "0-8", "4-8", "4-"])
def test_the_byte_that_makes_a_document_even_is_no_part_of_it(
    run: Program, service: str, tmp_path: Path, part: str | None
) -> None:
    made = _document("application/pdf", b"%PDF-1.4\n\0")
    made.EncapsulatedDocumentLength = 9
    uids = _stored(service, made)
    ran = run("retrieve", *uids, "--bulkdata", "EncapsulatedDocument", *(["--bytes", part] if part else []))
    wanted = b"%PDF-1.4\n"[int(part[0]) if part else 0 :]
    assert (tmp_path / ran.out.strip()).read_bytes() == wanted


@pytest.mark.parametrize("length", [7, 8, 9, 10, 11])
def test_a_length_that_is_not_that_of_the_value_cuts_nothing(
    run: Program, recorder: Recorder, tmp_path: Path, length: int
) -> None:
    element = {"vr": "OB", "InlineBinary": "MDEyMzQ1Njc="}  # 8 bytes
    recorder.replies = [replies.json([{"00420011": element, "00420015": {"vr": "UL", "Value": [length]}}])]
    ran = run("retrieve", *UIDS, "--bulkdata", "EncapsulatedDocument")
    assert (tmp_path / ran.out.strip()).read_bytes() == b"01234567"[: 7 if length == 7 else 8]


def test_where_a_value_lies_in_sequences_is_said(run: Program, service: str) -> None:
    made, item = data.image(), Dataset()
    item.add_new(0x00282000, "OB", bytes(range(256)))
    made.OpticalPathSequence = [Dataset(), item]
    ran = run("retrieve", *_stored(service, made), "--bulkdata", "ICCProfile")
    assert ran.code == 1
    assert ran.err.endswith(": in sequences there is OpticalPathSequence/2/ICCProfile\n")


@pytest.mark.parametrize("element", [{"BulkDataURI": 5}, {"InlineBinary": [7]}, {"InlineBinary": "x"}])
def test_a_bulk_value_that_makes_no_sense_is_said(run: Program, recorder: Recorder, element: dict[str, Any]) -> None:
    recorder.replies = [_element("00020102", **element)]
    ran = run("retrieve", *UIDS, "--bulkdata", "PrivateInformation")
    assert (ran.code, "does not follow the DICOM JSON Model" in ran.err) == (3, True)


def test_a_bulk_value_of_several_contents_is_several_files(run: Program, service: str) -> None:
    uids = _stored(service, encoded(b"first!", b"second").dataset, JPEG_LS)
    ran = run("retrieve", *uids, "--bulkdata", "PixelData")
    assert ran.out.splitlines() == [f"{'/'.join(uids)}-PixelData{more}.jls" for more in ("", "-2")]


def test_a_bulk_value_is_where_the_metadata_say(run: Program, recorder: Recorder) -> None:
    document = {"00420012": {"vr": "LO", "Value": ["model/stl"]}}
    document["00420011"] = {"vr": "OB", "BulkDataURI": "../elsewhere"}
    recorder.replies = [replies.json([document]), Reply(200, {"Content-Type": "application/octet-stream"}, b"solid")]
    assert run("retrieve", *UIDS, "--bulkdata", "EncapsulatedDocument").out.endswith("-EncapsulatedDocument.stl\n")
    assert recorder.targets[1] == "/studies/1.2/series/1.3/instances/elsewhere"
    assert recorder.last.headers["accept"].startswith('multipart/related; type="model/stl", ')


@pytest.mark.parametrize(
    "reply",
    [
        _element("00420012"),
        replies.json([{"00420011": {"vr": "LO", "Value": ["x"]}}]),
        replies.json([{"00420011": {"vr": "SQ", "Value": [None]}}]),
        Reply(404, {}, b"none"),
    ],
)
@pytest.mark.parametrize("name", ["00420011/1/00080005", "00420011/2/00080005", "00420012/1/00080005"])
def test_what_the_metadata_do_not_have_ends_with_1(run: Program, recorder: Recorder, reply: Reply, name: str) -> None:
    recorder.replies = [reply]
    ran = run("retrieve", *UIDS, "--bulkdata", name)
    assert ran.code == 1
    assert f"there is no {name} of /studies/1.2/series/1.3/instances/1.4 at" in ran.err


def test_a_bulk_value_that_is_gone_is_named(run: Program, recorder: Recorder) -> None:
    recorder.replies = [_element("7FE00010", BulkDataURI="x"), Reply(404, {}, b"none")]
    ran = run("retrieve", *UIDS, "--bulkdata", "PixelData")
    assert (ran.code, "there is no PixelData of /studies/1.2/" in ran.err) == (1, True)


def test_what_is_no_bulk_value_is_said(run: Program, service: str) -> None:
    ran = run("retrieve", *_stored(service, data.image()), "--bulkdata", "PatientName")
    assert (ran.code, ran.err) == (1, "filmroom: PatientName is no bulk value: it is in the Metadata\n")


def test_a_part_that_is_not_there_ends_with_1(run: Program, service: str) -> None:
    uids = _stored(service, _document("application/pdf"))
    ran = run("retrieve", *uids, "--bulkdata", "EncapsulatedDocument", "--bytes", "9999-")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "filmroom: no bytes 9999- of EncapsulatedDocument: it has 210, counted from 0\n"


def test_a_part_behind_a_short_value_ends_with_1(run: Program, recorder: Recorder, tmp_path: Path) -> None:
    recorder.replies = [_element("00020102", InlineBinary="YWJjZA==")]
    ran = run("retrieve", *UIDS, "--bulkdata", "PrivateInformation", "--bytes", "4-9")
    assert (ran.code, ran.err) == (1, "filmroom: no bytes 4-9 of PrivateInformation: it has 4, counted from 0\n")
    assert not [*tmp_path.rglob("*.bin")]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {"Content-Type": "application/octet-stream"}, b"1234"),
        Reply(416, {}, b"No."),
        Reply(416, {"Content-Range": "bytes 0-1/2"}, b"No."),
    ],
)
def test_a_part_that_the_service_does_not_say_the_end_of(
    run: Program, recorder: Recorder, tmp_path: Path, reply: Reply
) -> None:
    recorder.replies = [_element("00020102", BulkDataURI="x"), reply]
    ran = run("retrieve", *UIDS, "--bulkdata", "PrivateInformation", "--bytes", "4-")
    assert (ran.code, ran.err) == (1, "filmroom: no bytes 4- of PrivateInformation: it ends before\n")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_else_the_service_refuses_of_a_part_ends_with_3(run: Program, recorder: Recorder) -> None:
    recorder.replies = [_element("00020102", BulkDataURI="x"), Reply(400, {}, b"No.")]
    assert run("retrieve", *UIDS, "--bulkdata", "PrivateInformation", "--bytes", "4-").code == 3


def test_the_byte_behind_a_document_is_no_part_of_it_alone(run: Program, service: str, tmp_path: Path) -> None:
    made = _document("application/pdf", b"%PDF-1.4\n\0")
    made.EncapsulatedDocumentLength = 9
    ran = run("retrieve", *_stored(service, made), "--bulkdata", "EncapsulatedDocument", "--bytes", "9-")
    assert (ran.code, ran.err) == (1, "filmroom: no bytes 9- of EncapsulatedDocument: it has 9, counted from 0\n")
    assert not list(tmp_path.rglob("*.pdf"))

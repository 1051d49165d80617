"""`filmroom retrieve` saves a study, a series or an instance under the names of their UIDs."""

import zipfile
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from filmroom import Client
from tests import data
from tests.cli.program import Program
from tests.client.recorder import Recorder, Reply
from tests.messages import encoded


@pytest.fixture
def stored(service: str) -> list[Dataset]:
    """A study of two series."""
    uid = data.uid()
    made = [data.image(StudyInstanceUID=uid), data.image(StudyInstanceUID=uid)]
    with Client(service) as client:
        client.store_instances([data.file(instance) for instance in made])
    return made


def _path(instance: Dataset) -> Path:
    return Path(instance.StudyInstanceUID, instance.SeriesInstanceUID, f"{instance.SOPInstanceUID}.dcm")


def test_a_study_is_saved_as_it_was_stored(run: Program, stored: list[Dataset], tmp_path: Path) -> None:
    ran = run("retrieve", stored[0].StudyInstanceUID, "--to", "got")
    assert (ran.code, ran.err) == (0, "")
    assert {Path(line) for line in ran.out.splitlines()} == {"got" / _path(instance) for instance in stored}
    assert all((tmp_path / "got" / _path(instance)).read_bytes() == data.file(instance) for instance in stored)


def test_a_series_and_an_instance_alone(run: Program, stored: list[Dataset]) -> None:
    uids = [stored[1].StudyInstanceUID, stored[1].SeriesInstanceUID, stored[1].SOPInstanceUID]
    assert run("retrieve", *uids[:2]).out == run("retrieve", *uids).out == f"{_path(stored[1])}\n"


def test_a_study_as_zip(run: Program, stored: list[Dataset], tmp_path: Path) -> None:
    ran = run("retrieve", stored[0].StudyInstanceUID, "--zip", "got/study.zip")
    assert (ran.code, ran.out, ran.err) == (0, "got/study.zip\n", "")
    with zipfile.ZipFile(tmp_path / "got" / "study.zip") as archive:
        assert {archive.read(name) for name in archive.namelist()} == {data.file(instance) for instance in stored}
    assert [path.name for path in (tmp_path / "got").iterdir()] == ["study.zip"]


def test_a_zip_with_a_dicomdir(run: Program, stored: list[Dataset], tmp_path: Path) -> None:
    assert run("retrieve", stored[0].StudyInstanceUID, "--zip", "study.zip", "--dicomdir").code == 0
    assert "DICOMDIR" in zipfile.ZipFile(tmp_path / "study.zip").namelist()


def test_a_zip_of_nothing_ends_with_1(run: Program, service: str, tmp_path: Path) -> None:
    assert run("retrieve", "1.2.3", "--zip", "study.zip").code == 1
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--dicomdir", "add --zip"),
        ("--zip x.zip --to y", "either into"),
        ("--frames 1", "of an INSTANCE"),
        ("1.2.3 --bulkdata PixelData", "of an INSTANCE"),
        ("1.2.3 1.2.3 --frames 1 --bulkdata PixelData", "either frames or"),
        ("1.2.3 1.2.3 --frames 1 --bytes 0-1", "add --bulkdata"),
        ("1.2.3 1.2.3 --frames 1 --zip x.zip", "leave out --frames"),
        ("1.2.3 1.2.3 --bulkdata PixelData --zip x.zip", "leave out --bulkdata"),
        ("1.2.3 1.2.3 --bulkdata PixelData --transfer-syntax rle", "with --frames"),
    ],
)
def test_options_that_do_not_go_together_are_not_passed_over(
    run: Program, recorder: Recorder, options: str, said: str
) -> None:
    ran = run("retrieve", "1.2.3", *options.split(), "--url", recorder.url)
    assert ran.code == 2
    assert said in ran.said
    assert not recorder.requests


def test_quiet_says_nothing(run: Program, stored: list[Dataset]) -> None:
    assert run("retrieve", stored[0].StudyInstanceUID, "--quiet").out == ""


@pytest.mark.parametrize(
    ("typed", "uid"),
    [
        ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.90"),
        ("jpeg-2000-lossless", "1.2.840.10008.1.2.4.90"),
        ("RLE", "1.2.840.10008.1.2.5"),
        ("explicit", "1.2.840.10008.1.2.1"),
        ("stored", "*"),
        ("*", "*"),
    ],
)
def test_the_transfer_syntax_is_asked_for(run: Program, recorder: Recorder, typed: str, uid: str) -> None:
    run("retrieve", "1.2", "--transfer-syntax", typed)
    assert f"transfer-syntax={uid}" in recorder.last.headers["accept"]


@pytest.mark.parametrize("typed", ["jpeg", "1.2.3", ""])
def test_what_is_no_transfer_syntax_is_not_sent(run: Program, recorder: Recorder, typed: str) -> None:
    ran = run("retrieve", "1.2", "--transfer-syntax", typed)
    assert ran.code == 2
    assert "jpeg-2000-lossless" in ran.err
    assert not recorder.requests


@pytest.mark.parametrize("options", [[], ["--zip", "study.zip"]])
def test_a_study_that_cannot_be_converted_is_not_called_absent(run: Program, service: str, options: list[str]) -> None:
    made = encoded(b"broken").dataset
    with Client(service) as client:
        client.store_instances(data.file(made, "1.2.840.10008.1.2.4.90"))
    ran = run("retrieve", made.StudyInstanceUID, "--transfer-syntax", "explicit", *options)
    assert ran.code == 1
    assert f"can't be had as asked for: /studies/{made.StudyInstanceUID} at {service}: " in ran.err
    assert ran.err.count("--transfer-syntax stored") == 1
    assert "transfer-syntax=*" not in ran.err


def test_who_asked_for_a_transfer_syntax_is_told_of_what_is_stored(run: Program, recorder: Recorder) -> None:
    recorder.replies = [Reply(406, {}, b"No.")]
    ran = run("retrieve", "1.2", "--transfer-syntax", "rle", "--url", f"{recorder.url}/root")
    assert ran.err.endswith(": No; try --transfer-syntax stored\n")
    assert "--transfer-syntax" not in run("retrieve", "1.2").err


def test_what_is_not_there_ends_with_1(run: Program, service: str) -> None:
    ran = run("retrieve", "1.2.3", "1.2.3.4")
    assert (ran.code, ran.err) == (1, f"filmroom: there is no /studies/1.2.3/series/1.2.3.4 at {service}\n")


def test_a_folder_that_cannot_be_written_is_said(run: Program, stored: list[Dataset], tmp_path: Path) -> None:
    (tmp_path / "occupied").touch()
    ran = run("retrieve", stored[0].StudyInstanceUID, "--to", "occupied")
    assert ran.code == 2
    assert "occupied is a file, and the files are written into a folder" in ran.said
    ran = run("retrieve", stored[0].StudyInstanceUID, "--to", "occupied/below")
    assert ran.code == 1
    assert "can't write to occupied/below" in ran.err

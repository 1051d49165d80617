"""Instances in a ZIP archive (PS3.18 §8.6.1.3 and §10.4), with and without a DICOMDIR."""

import gc
import io
import shutil
import subprocess
import warnings
import zipfile
from pathlib import Path

import httpx2
import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet

from tests import data
from tests.messages import Sent, encoded, parts, sent, store

ROOT = "/dicomweb"
ZIP, STORED = {"Accept": "application/zip"}, {"Accept": "application/zip; transfer-syntax=*"}
EXPLICIT, IMPLICIT, JPEG_2000 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.90"


@pytest.fixture(scope="module")
def study(http: httpx2.Client) -> list[Sent]:
    """Two Series, of two Instances and of one in Implicit VR."""
    study, first, second = data.uid(), data.uid(), data.uid()
    images = [data.image(StudyInstanceUID=study, SeriesInstanceUID=series) for series in (first, first, second)]
    made = [Sent(image, data.file(image, IMPLICIT if image is images[2] else EXPLICIT)) for image in images]
    assert store(http, ROOT, *(one.content for one in made)).status_code == 200
    return made


def unpacked(answer: httpx2.Response) -> dict[str, bytes]:
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def name(one: Sent) -> str:
    return f"{one.dataset.SeriesInstanceUID}/{one.dataset.SOPInstanceUID}.dcm"


@pytest.mark.parametrize(("level", "count"), [("study", 3), ("series", 2), ("instance", 1)])
def test_all_instances_of_the_target(http: httpx2.Client, study: list[Sent], level: str, count: int) -> None:
    found = unpacked(http.get(ROOT + getattr(study[0], level), headers=STORED))
    assert found == {name(one): one.content for one in study[:count]}


def test_as_stored_its_length_is_known(http: httpx2.Client, study: list[Sent]) -> None:
    answer, head = http.get(ROOT + study[0].study, headers=STORED), http.head(ROOT + study[0].study, headers=STORED)
    assert answer.headers["Content-Length"] == head.headers["Content-Length"] == str(len(answer.content))


def test_a_browser_saves_it_under_a_name(http: httpx2.Client, study: list[Sent]) -> None:
    answer = http.get(f"{ROOT}{study[0].study}?accept=application/zip", headers={"Accept": "text/html, */*;q=0.8"})
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{study[0].dataset.StudyInstanceUID}.zip"'
    assert len(unpacked(answer)) == 3


@pytest.mark.parametrize(("parameter", "syntax"), [("", EXPLICIT), (f"; transfer-syntax={JPEG_2000}", JPEG_2000)])
def test_the_transfer_syntax_is_chosen_as_for_parts(
    http: httpx2.Client, study: list[Sent], parameter: str, syntax: str
) -> None:
    answer = http.get(ROOT + study[0].study, headers={"Accept": f"application/zip{parameter}"})
    found = {dcmread(io.BytesIO(content)).file_meta.TransferSyntaxUID for content in unpacked(answer).values()}
    assert found == {syntax}


def test_what_cannot_be_decoded_is_in_it_as_stored(http: httpx2.Client) -> None:
    made = encoded(b"\xff\x4f\xff\x51 no codestream", syntax=JPEG_2000)
    store(http, ROOT, made.content)
    assert unpacked(http.get(ROOT + made.study, headers=ZIP)) == {name(made): made.content}


def test_a_transfer_syntax_that_cannot_be_made_is_406(http: httpx2.Client, study: list[Sent]) -> None:
    accept = {"Accept": "application/zip; transfer-syntax=1.2.840.10008.1.2.4.107"}
    assert http.get(ROOT + study[0].study, headers=accept).status_code == 406


@pytest.mark.parametrize("value", ["1", "maybe", ""])
def test_a_dicomdir_is_wanted_or_not(http: httpx2.Client, study: list[Sent], value: str) -> None:
    answer = http.get(f"{ROOT}{study[0].study}?dicomdir={value}", headers=STORED)
    assert (answer.status_code, "true or false" in answer.text) == (400, True)


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
@pytest.mark.parametrize("query", ["", "?dicomdir=true"])
def test_unzip_finds_nothing_wrong(http: httpx2.Client, study: list[Sent], tmp_path: Path, query: str) -> None:
    path = tmp_path / "study.zip"
    path.write_bytes(http.get(ROOT + study[0].study + query, headers=ZIP).content)
    assert b"No errors detected" in subprocess.run(["unzip", "-t", path], capture_output=True, check=True).stdout


@pytest.mark.parametrize("accept", [ZIP, STORED])
def test_with_a_dicomdir_it_is_a_file_set(
    http: httpx2.Client, study: list[Sent], tmp_path: Path, accept: dict[str, str]
) -> None:
    answer = http.get(f"{ROOT}{study[0].study}?dicomdir=true", headers=accept)
    assert len(unpacked(answer)) == 4
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path)
    files = FileSet(tmp_path / "DICOMDIR")
    found = {one.SOPInstanceUID: (Path(one.path), one.ReferencedTransferSyntaxUIDInFile) for one in files}
    assert found.keys() == {one.dataset.SOPInstanceUID for one in study}
    for uid, (path, syntax) in found.items():
        read = dcmread(path)
        assert (read.SOPInstanceUID, read.file_meta.TransferSyntaxUID) == (uid, syntax)
        assert all(len(part) <= 8 for part in path.relative_to(tmp_path).parts)
    assert len(files.find_values("SeriesInstanceUID")) == 2
    with warnings.catch_warnings():  # it leaves its temporary folder to the garbage collector
        warnings.simplefilter("ignore")
        del files
        gc.collect()


@pytest.mark.parametrize("path", ["/studies/1.2", "/studies/1.2/series/3", "/studies/1.2/series/3/instances/4"])
def test_not_found(http: httpx2.Client, path: str) -> None:
    assert http.get(ROOT + path, headers=ZIP).status_code == 404


def test_not_in_the_dialects_of_azure(http: httpx2.Client) -> None:
    made = sent()
    store(http, ROOT, made.content)
    assert http.get("/v2" + made.study, headers=ZIP).status_code == 406


@pytest.fixture(scope="module")
def mixed(http: httpx2.Client) -> list[Sent]:
    """A native image, and one of which no codec can make anything."""
    one, other = sent(data.image()), encoded(b"jls!")
    other.dataset.StudyInstanceUID = one.dataset.StudyInstanceUID
    made = [one, Sent(other.dataset, data.file(other.dataset, "1.2.840.10008.1.2.4.80"))]
    assert store(http, ROOT, *(each.content for each in made)).status_code == 200
    return made


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/zip, application/dicom; transfer-syntax=*", "application/zip"),
        ("application/dicom, application/zip;q=0.5", "application/zip"),
        ('multipart/related; type="application/dicom"; transfer-syntax=*, application/zip', "multipart/related"),
    ],
)
def test_all_instances_go_into_one_archive_or_none(
    http: httpx2.Client, mixed: list[Sent], accept: str, media_type: str
) -> None:
    answer = http.get(ROOT + mixed[0].study, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, media_type)
    if media_type != "application/zip":
        assert {part.headers["Content-Type"].partition(";")[0] for part in parts(answer)} == {"application/dicom"}


def test_an_archive_has_a_version_of_its_own(http: httpx2.Client, study: list[Sent]) -> None:
    several = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    found = [http.get(ROOT + study[0].study, headers=one).headers["ETag"] for one in (STORED, several)]
    found.append(http.get(f"{ROOT}{study[0].study}?dicomdir=true", headers=STORED).headers["ETag"])
    assert len(set(found)) == 3

"""Exports of de-identified files: nothing in the folder says who it was."""

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from filmroom.archive import Archive
from filmroom.dicom.resources import Resource
from filmroom.errors import BadRequest
from filmroom.protocol.dialects import DICOMWEB
from filmroom.protocol.transfers import Asked
from filmroom.services import deidentified, operations
from filmroom.services.examination import part
from filmroom.services.operations import Worker
from filmroom.services.store import store
from filmroom.settings import Settings
from tests import data
from tests.services.test_delete import keep, targets
from tests.services.test_exports import copied, damage, log, results
from tests.services.test_exports import out as out

NAMES: dict[str, Any] = {"PatientName": "Secret^Jane", "PatientID": "SECRET1"}


def start(archive: Archive, out: Path, *resources: Resource, profile: str = "basic") -> str:
    asked = Asked(out.as_uri(), {}, resources or (Resource(),), profile)
    return operations.start_export(archive, asked, [out.as_uri()])


def exported(archive: Archive, out: Path, *resources: Resource) -> tuple[str, Any]:
    started = start(archive, out, *resources)
    ran = Worker(archive, "worker").run_next()
    assert ran is not None
    assert ran.outcome == "succeeded"
    return started, results(archive, started)


def called(archive: Archive, made: Dataset) -> str:
    uid = archive.profiles["basic"].uid
    return "/".join(uid(one) for one in (made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID))


def test_files_have_other_uids_in_them_and_in_their_names(either: Archive, out: Path) -> None:
    made = [data.image(**NAMES) for _ in range(2)]
    made.append(data.image(rows=1600, columns=1600, **NAMES))  # goes through the spool folder
    keep(either, *made)
    started, told = exported(either, out)
    assert (told["exported"], told["skipped"]) == (3, 0)
    found = copied(out, started)
    assert found.keys() == {f"{called(either, one)}.dcm" for one in made}
    for one in made:
        content = found[f"{called(either, one)}.dcm"]
        read = pydicom.dcmread(io.BytesIO(content))
        assert read.PixelData == one.PixelData
        assert "/".join((read.StudyInstanceUID, read.SeriesInstanceUID, read.SOPInstanceUID)) == called(either, one)
        assert read.PatientID == either.profiles["basic"].patient("SECRET1")
        assert b"SECRET1" not in content
    assert list(either.spool.iterdir()) == []


def test_documents_are_left_out_and_told(archive: Archive, out: Path) -> None:
    documents = [data.report(), data.document(b"%PDF", "1.2.840.10008.5.1.4.1.1.104.1")]
    keep(archive, data.image(), *documents)
    started, told = exported(archive, out)
    assert (told["exported"], told["skipped"]) == (1, 2)
    assert {line["identifier"] for line in log(out, started)} == {called(archive, one) for one in documents}
    assert {line["error"] for line in log(out, started)} == {deidentified.LEFT_OUT}


def test_the_log_of_errors_names_no_original(archive: Archive, out: Path) -> None:
    bad = data.image()
    keep(archive, bad)
    damage(archive, bad)
    absent = Resource(data.uid(), data.uid())
    started, told = exported(archive, out, targets(bad)[0], absent)
    assert told["skipped"] == 2
    written = (out / started / "errors.log").read_text()
    originals = map(str, (bad.StudyInstanceUID, bad.SOPInstanceUID, absent.study, absent.series))
    assert not [uid for uid in originals if uid in written]
    uid = archive.profiles["basic"].uid
    identifiers = {json.loads(line)["identifier"] for line in written.splitlines()}
    assert identifiers == {called(archive, bad), f"{uid(str(absent.study))}/{uid(str(absent.series))}"}


def test_many_that_are_stored_deflated_are_written(archive: Archive, out: Path) -> None:
    parts = [part(data.file(data.image(**NAMES), DeflatedExplicitVRLittleEndian)) for _ in range(12)]
    store(archive, DICOMWEB, Resource(), parts, replace=False)
    assert exported(archive, out)[1]["exported"] == 12


def test_there_must_be_such_a_profile(archive: Archive, out: Path) -> None:
    with pytest.raises(BadRequest, match="'strict'.* basic"):
        start(archive, out, profile="strict")


def test_a_worker_that_does_not_know_the_profile_copies_nothing(archive: Archive, out: Path, tmp_path: Path) -> None:
    keep(archive, data.image())
    archive.profiles["strict"] = archive.profiles["basic"]  # type: ignore[index]
    start(archive, out, profile="strict")
    other = Archive.open(Settings(data=tmp_path / "data", codec_processes=1))
    try:
        ran = Worker(other, "worker").run_next()
    finally:
        other.close()
    assert ran is not None
    assert ran.outcome == "failed"
    assert list(out.iterdir()) == []


def test_profiles_differ_by_key_and_name(tmp_path: Path) -> None:
    """Without a key each archive and each profile has one of its own; with the same the pseudonyms are the same."""
    key = {"key": "of sixteen chars"}
    profiles: dict[str, Any] = {"a": {}, "b": key, "c": key | {"options": "retain-device-identity"}}
    found = []
    for folder in ("one", "two", "one"):
        given = {"data": tmp_path / folder, "codec_processes": 1, "deidentification": profiles}
        archive = Archive.open(Settings.model_validate(given))
        found.append({name: profile.uid("1.2.3") for name, profile in archive.profiles.items()})
        archive.close()
    one, two, again = found
    assert one == again
    assert one["b"] == one["c"] == two["b"]
    assert len({one["a"], one["b"], one["basic"], two["a"], two["basic"]}) == 5


def test_24_megabytes_pass_through_and_few_of_them_are_held(archive: Archive, out: Path) -> None:
    made = data.image(bits=8, Rows=1024, Columns=1024, NumberOfFrames=24, PixelData=bytes(24 << 20))
    keep(archive, made)
    tracemalloc.start()
    try:
        _, told = exported(archive, out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert told["exported"] == 1
    assert peak < 12 << 20

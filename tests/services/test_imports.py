"""Imports: what lies in a folder is stored, whatever its names; the rest is passed over or told."""

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from filmroom.archive import Archive
from filmroom.dicom.resources import Resource
from filmroom.errors import BadRequest
from filmroom.places.folder import FolderPlace
from filmroom.protocol.transfers import Asked
from filmroom.services import imports, operations, partitions
from filmroom.services.store import store
from tests import data
from tests.audit import given
from tests.services.test_delete import count, keys, targets
from tests.services.test_exports import cancel_at_the_second_file, run
from tests.services.test_operations import Killed

LARGEST = 1 << 30


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


def start(archive: Archive, source: Path, largest: int = LARGEST) -> str:
    return operations.start_import(archive, Asked(source.as_uri(), {}), [source.as_uri()], largest, 1)


def done(archive: Archive, source: Path, largest: int = LARGEST) -> tuple[int, ...]:
    """How many were stored, there already, failed and passed over."""
    started = start(archive, source, largest)
    assert run(archive) == "succeeded"
    return tuple(operations.status(archive, started).results.values())


def failures(archive: Archive) -> dict[str, str]:
    (newest, *_) = operations.newest(archive)
    return {one.item: one.message for one in operations.failures(archive, newest.id, 100, 0)}


def lay(source: Path, *names: str) -> list[Dataset]:
    made = [data.dataset() for _ in names]
    for name, one in zip(names, made, strict=True):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.file(one))
    return made


def test_files_at_any_depth_stay_where_they_are(either: Archive, source: Path) -> None:
    made = lay(source, "a.dcm", "b/c/d", "b/e.txt")
    assert done(either, source) == (3, 0, 0, 0)
    assert [count(either, targets(one)[2]) for one in made] == [1, 1, 1]
    assert len([path for path in source.rglob("*") if path.is_file()]) == 3


def test_the_audit_names_what_each_batch_brought_and_whose_it_is(
    archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    made = lay(source, "a", "b", "c")
    done(archive, source)
    archive.audit.close()
    batches = [one for one in given.lines(tmp_path / "data") if one["phase"] == "batch"]
    assert [one["instances"] for one in batches] == [2, 1]
    named = {study: who for one in batches for study, who in zip(one["studies"], one["patients"], strict=True)}
    assert named == {str(one.StudyInstanceUID): str(one.PatientID) for one in made}
    assert {one["partition"] for one in batches} == {"Microsoft.Default"}


def test_the_audit_names_what_came_in_a_batch_in_which_it_is_canceled(
    archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came, _ = lay(source, "a", "b")
    monkeypatch.setattr(imports, "IN_MEMORY", (source / "a").stat().st_size)  # it is stored before the next is read
    cancel_at_the_second_file(archive, start(archive, source), monkeypatch)
    assert run(archive) == "canceled"
    archive.audit.close()
    [batch] = [one for one in given.lines(tmp_path / "data") if one["phase"] == "batch"]
    assert (batch["state"], batch["instances"]) == ("failed", 1)
    assert (batch["studies"], batch["patients"]) == ([came.StudyInstanceUID], [came.PatientID])


def test_what_is_no_dicom_is_passed_over(archive: Archive, source: Path) -> None:
    lay(source, ".hidden", ".folder/a", "DICOMDIR", "dicomdir", "good")
    (source / "notes.txt").write_text("Nothing")
    (source / "empty").touch()
    assert done(archive, source) == (1, 0, 0, 5)


def test_what_is_there_already_is_counted_as_that(archive: Archive, source: Path) -> None:
    (made,) = lay(source, "a")
    assert done(archive, source) == (1, 0, 0, 0)
    assert (done(archive, source), keys(archive)) == ((0, 1, 0, 0), 1)
    made.PatientID = "other"
    (source / "b").write_bytes(data.file(made))
    assert done(archive, source) == (0, 1, 1, 0)
    assert "Other bytes" in failures(archive)["b"]


def test_what_is_refused_is_told(archive: Archive, source: Path) -> None:
    lay(source, "good")
    (source / "half").write_bytes(data.file()[:300])
    assert done(archive, source) == (1, 0, 1, 0)
    assert failures(archive).keys() == {"half"}


def test_what_is_too_large_is_told(archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "IN_MEMORY", 100)
    lay(source, "a")
    assert done(archive, source, largest=200) == (0, 0, 1, 0)
    assert "part_limit" in failures(archive)["a"]
    assert list(archive.spool.iterdir()) == []


def test_large_files_are_spooled(archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "IN_MEMORY", 100)
    made = lay(source, "a", "b")
    assert done(archive, source) == (2, 0, 0, 0)
    assert (count(archive, targets(made[0])[2]), list(archive.spool.iterdir())) == (1, [])


def test_what_is_wrong_with_the_spool_folder_is_told(
    archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "IN_MEMORY", 100)
    lay(source, "a")
    start(archive, source)
    archive.spool.rmdir()
    done = operations.Worker(archive, "a").run_next()
    assert done is not None
    assert (done.outcome, str(done.error)) == (
        "unavailable",
        "The spool folder can't be used: No such file or directory.",
    )


# --- What a folder may hold


def test_links_lead_nowhere(archive: Archive, source: Path, tmp_path: Path) -> None:
    lay(tmp_path, "outside/a")
    (source / "file").symlink_to(tmp_path / "outside" / "a")
    (source / "folder").symlink_to(tmp_path / "outside")
    (source / "ring").symlink_to(source)
    assert done(archive, source) == (0, 0, 3, 0)
    assert failures(archive)["file"] == "The file can't be read: it is a link."


def test_a_pipe_is_not_waited_for(archive: Archive, source: Path) -> None:
    os.mkfifo(source / "pipe")
    assert done(archive, source) == (0, 0, 1, 0)


def test_what_vanishes_is_told(archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(source, "a", "b")
    stream = FolderPlace.stream

    def vanishing(self: FolderPlace, name: str) -> Any:
        (source / "a").unlink(missing_ok=True)
        return stream(self, name)

    monkeypatch.setattr(FolderPlace, "stream", vanishing)
    assert done(archive, source) == (1, 0, 1, 0)
    assert "No such file" in failures(archive)["a"]


def test_a_folder_that_cant_be_read_is_told(archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(source, "a/a", "b/b")
    names = FolderPlace._names

    def refusing(self: FolderPlace, folder: str) -> Any:
        if folder == "a/":
            raise PermissionError
        return names(self, folder)

    monkeypatch.setattr(FolderPlace, "_names", refusing)
    assert done(archive, source) == (1, 0, 1, 0)
    assert failures(archive) == {"a/": "The folder can't be read."}


def test_names_that_are_no_text_are_told(archive: Archive, source: Path) -> None:
    path = os.path.join(os.fsencode(source), b"caf\xe9")
    with open(path, "wb") as file:
        file.write(data.file()[:300])
    assert done(archive, source) == (0, 0, 1, 0)
    assert failures(archive).keys() == {"caf\\udce9"}


# --- Orthanc's storage: aa/bb/uuid, attachments of all kinds, perhaps compressed


def attachment(content: bytes) -> bytes:
    """As Orthanc compresses it: the length, then zlib."""
    return struct.pack("<Q", len(content)) + zlib.compress(content)


def test_the_storage_of_an_orthanc(archive: Archive, source: Path) -> None:
    plain, compressed = data.dataset(), data.dataset()
    contents = {
        "00/1f/001f7a36-0000-4000-8000-000000000001": data.file(plain),
        "00/20/00207a36-0000-4000-8000-000000000002": attachment(data.file(compressed)),
        "a0/20/a0207a36-0000-4000-8000-000000000003": json.dumps({"0010,0010": "Doe"}).encode(),
        "a0/21/a0217a36-0000-4000-8000-000000000004": attachment(b'{"0010,0010": "Doe"}'),
        "a0/22/a0227a36-0000-4000-8000-000000000005": attachment(b"")[:12],
    }
    for name, content in contents.items():
        (source / name).parent.mkdir(parents=True)
        (source / name).write_bytes(content)
    assert done(archive, source) == (2, 0, 0, 3)
    assert [count(archive, targets(one)[2]) for one in (plain, compressed)] == [1, 1]


def test_a_compressed_file_that_is_cut_off_is_told(archive: Archive, source: Path) -> None:
    (source / "a").write_bytes(attachment(data.file(data.image(rows=64, columns=64)))[:-8])
    assert done(archive, source) == (0, 0, 1, 0)
    assert "cut off" in failures(archive)["a"]


def test_a_bomb_is_not_inflated(archive: Archive, source: Path) -> None:
    (source / "a").write_bytes(attachment(data.file() + bytes(64 << 20)))
    assert done(archive, source, largest=1 << 20) == (0, 0, 1, 0)


# --- What ends in the middle


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 1)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(3))
def test_killed_anywhere_it_goes_on(
    archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch, one_by_one: None, at: int, when: str
) -> None:
    made = lay(source, "a", "b/c", "d")
    started = start(archive, source)
    numbers = iter(range(10))

    def killing(*given: Any, **options: Any) -> Any:
        kills = next(numbers) == at
        if kills and when == "before":
            raise Killed
        stored = store(*given, **options)
        if kills:
            raise Killed
        return stored

    with monkeypatch.context() as patched:
        patched.setattr(imports, "store", killing)
        with pytest.raises(Killed):
            run(archive)
    assert run(archive) == "succeeded"
    stored, already, failed, passed = operations.status(archive, started).results.values()
    assert (stored + already, failed, passed, keys(archive)) == (3, 0, 0, 3)
    assert [count(archive, targets(one)[2]) for one in made] == [1, 1, 1]


def test_how_much_lies_before(source: Path) -> None:
    lay(source, "a/1", "a/2", "b/1", "b/2/3")
    shares = [entry.share for entry in FolderPlace(str(source)).entries()]
    assert shares == [0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize("after", ["", "a/1", "a/2/3", "a/2/4", "a-b/x", "b", "zz"])
def test_names_go_on_behind_any(source: Path, after: str) -> None:
    lay(source, "a/1", "a/2/3", "a-b/x", "b", "c/d/e")
    place = FolderPlace(str(source))
    every = [entry.name for entry in place.entries()]
    assert every == sorted(every)
    assert [entry.name for entry in place.entries(after)] == [one for one in every if one > after]


def test_the_place_must_be_there_and_allowed(archive: Archive, source: Path) -> None:
    with pytest.raises(BadRequest, match="does not exist"):
        operations.start_import(archive, Asked((source / "no").as_uri(), {}), [source.as_uri()], LARGEST, 1)
    with pytest.raises(BadRequest, match="import_from"):
        operations.start_import(archive, Asked(source.as_uri(), {}), [(source / "a").as_uri()], LARGEST, 1)
    with pytest.raises(BadRequest, match="folder"):
        operations.start_import(archive, Asked("ftp://host/a", {}), [source.as_uri()], LARGEST, 1)


def test_into_the_partition_that_is_asked_for_and_no_other(archive: Archive, source: Path) -> None:
    (made,) = lay(source, "a")
    other = partitions.make(archive, "other")
    operations.start_import(archive, Asked(source.as_uri(), {}), [source.as_uri()], LARGEST, other)
    assert run(archive) == "succeeded"
    assert [count(archive, Resource(made.StudyInstanceUID, partition=key)) for key in (other, 1)] == [1, 0]

"""The disk of the files or of PostgreSQL is full, really: what needs room is refused or waits, the rest goes on."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from filmroom.archive import Archive
from filmroom.dicom.resources import DEFAULT_PARTITION
from filmroom.protocol.updates import Update
from filmroom.services import imports, operations, updates
from filmroom.services.operations import Worker
from filmroom.settings import Settings
from tests import data, postgresql, service, truth
from tests.conftest import Elsewhere
from tests.messages import sent, store
from tests.service import needs_proc, wait_until
from tests.services.test_check import found
from tests.services.test_delete import count, keep, targets
from tests.services.test_operations import set_lease

pytestmark = needs_proc

ROOT = "/dicomweb"
STORED = {"Accept": "application/dicom; transfer-syntax=*"}


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system of its own, of so many megabytes."""

    folder: Path

    def grow(self, megabytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(self.folder)], check=True)

    def fill(self, but: int) -> None:
        """Leave so many bytes of room."""
        free = os.statvfs(self.folder)
        with (self.folder / "ballast").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - but)

    def relieve(self) -> None:
        (self.folder / "ballast").unlink()


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("needs to mount a file system")
    try:
        yield Disk(folder)
    finally:
        # A process that was killed may hold files a moment longer.
        wait_until(lambda: subprocess.run(["umount", str(folder)], check=False).returncode == 0, every=0.1)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path / "disk", 4) as made:
        yield made


def files(folder: Path) -> int:
    """How many a folder has that are or were of Instances."""
    return sum(len(path.name) == 32 for path in folder.rglob("*"))


# --- Of the files


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_full_disk_of_the_files_refuses_stores_and_nothing_else(
    tmp_path: Path, small: Disk, elsewhere: Elsewhere, kind: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "blobs").symlink_to(small.folder, target_is_directory=True)
    with (
        elsewhere(kind) as index,
        service.running(tmp_path / "data", index=index, given={"FILMROOM_SWEEP_DELAY": "0"}) as running,
        httpx2.Client(base_url=running.url, timeout=60) as http,
    ):
        kept = []
        made = sent(data.image(rows=512, columns=512))  # half a megabyte
        while (answer := store(http, ROOT, made.content)).status_code == 200:
            kept.append(made)
            made = sent(data.image(rows=512, columns=512))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "The disk is full" in answer.text or "the disk is full" in answer.text
        assert files(small.folder) == len(kept) > 3
        both = sent(), made
        assert store(http, ROOT, *(one.content for one in both)).status_code == 503
        assert http.get(ROOT + both[0].study).status_code == 404  # all of a request, or nothing
        for one in kept:
            assert http.get(ROOT + one.instance, headers=STORED).content == one.content
        assert http.delete(ROOT + kept[0].study).status_code == 204
        swept = http.post(f"{ROOT}/sweep").json()["id"]
        wait_until(lambda: http.get(f"{ROOT}/operations/{swept}").status_code == 200)
        assert store(http, ROOT, made.content).status_code == 200
        assert http.get(ROOT + made.instance, headers=STORED).content == made.content
        assert {part["status"] for part in http.get("/health/check").json()["details"]} == {"Healthy"}
        truth.check(http)
        assert not running.mishaps()


@pytest.fixture
def archive(tmp_path: Path, small: Disk) -> Iterator[Archive]:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "blobs").symlink_to(small.folder, target_is_directory=True)
    opened = Archive.open(Settings(data=tmp_path / "data", codec_processes=1))
    yield opened
    opened.close()


def run(archive: Archive) -> str:
    ran = Worker(archive, "worker").run_next()
    assert ran is not None
    return str(ran.outcome)


def test_an_import_waits_for_room(
    archive: Archive, small: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stored until then is stored whole, and no file is left of the rest."""
    monkeypatch.setattr(imports, "TOGETHER", 2)
    (place := tmp_path / "in").mkdir()
    made = [data.image(rows=512, columns=512) for _ in range(12)]  # half a megabyte each
    for number, one in enumerate(made):
        (place / f"{number:02}").write_bytes(data.file(one))
    started = operations.start(archive, imports.IMPORT, imports.arguments(archive, place.as_uri(), 1 << 30))
    assert run(archive) == "unavailable"
    there = [one for one in made if count(archive, targets(one)[2])]
    assert (len(there) < len(made), len(list(archive.blobs.list())), found(archive)) == (True, len(there), [])
    small.grow(16)
    set_lease(archive, 0)
    assert run(archive) == "succeeded"
    results = operations.status(archive, started).results
    assert (results["stored"] + results["storedAlready"], results["failed"]) == (len(made), 0)
    assert found(archive) == []


def test_an_update_waits_for_room(archive: Archive, small: Disk) -> None:
    """Nothing of a Study is changed until all of it can be."""
    study = data.uid()
    made = [data.image(rows=512, columns=512, StudyInstanceUID=study) for _ in range(5)]
    keep(archive, *made)
    started = updates.start(
        archive, Update((study,), {"00100020": {"vr": "LO", "Value": ["Updated"]}}), DEFAULT_PARTITION
    )
    assert run(archive) == "unavailable"
    assert (len(list(archive.blobs.list())), found(archive)) == (len(made), [])
    small.grow(16)
    set_lease(archive, 0)
    assert run(archive) == "succeeded"
    assert operations.status(archive, started).results["instanceUpdated"] == len(made)
    assert (len(list(archive.blobs.list())), found(archive)) == (2 * len(made), [])


# --- Of PostgreSQL


@pytest.fixture
def cramped(postgresql_server: postgresql.Server) -> Iterator[tuple[str, Disk]]:
    """A database with a disk of its own, where its user may write."""
    with disk(postgresql_server.folder / "small", 24) as made:
        owner = postgresql_server.folder.stat()
        os.chown(made.folder, owner.st_uid, owner.st_gid)
        postgresql_server.execute(f"CREATE TABLESPACE small LOCATION '{made.folder}'")
        try:
            postgresql_server.execute("CREATE DATABASE cramped TEMPLATE template0 TABLESPACE small STRATEGY file_copy")
            yield postgresql_server.url("cramped"), made
        finally:
            with suppress(FileNotFoundError):
                made.relieve()
            postgresql_server.execute("DROP DATABASE IF EXISTS cramped WITH (FORCE)")
            postgresql_server.execute("DROP TABLESPACE small")


def test_a_full_disk_of_the_database_refuses_what_needs_room(tmp_path: Path, cramped: tuple[str, Disk]) -> None:
    index, disk = cramped
    with (
        service.running(tmp_path / "data", index=index) as running,
        httpx2.Client(base_url=running.url, timeout=60) as http,
    ):
        kept = []
        made = [sent(StudyDescription=data.uid()) for _ in range(20)]
        assert store(http, ROOT, *(one.content for one in made)).status_code == 200
        disk.fill(200_000)
        while (answer := store(http, ROOT, *(one.content for one in made))).status_code == 200:
            kept += made
            made = [sent(StudyDescription=data.uid()) for _ in range(20)]
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
        assert "the disk of the database server is full; free some space" in answer.text
        assert http.get(ROOT + made[0].study).status_code == 404  # all of a request, or nothing
        assert http.get(ROOT + kept[-1].instance, headers=STORED).content == kept[-1].content
        assert len(list(truth.found(http, "/instances"))) == files(tmp_path / "data" / "blobs") == len(kept)
        disk.relieve()
        assert store(http, ROOT, *(one.content for one in made)).status_code == 200
        truth.check(http)
        assert not running.mishaps()

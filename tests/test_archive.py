import errno
import os
import stat
import time
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from filmroom.archive import LEFTOVER_AGE, Archive
from filmroom.blobs import Folder, new_keys
from filmroom.dicom.resources import Resource
from filmroom.errors import Unavailable
from filmroom.index.database import Database
from filmroom.protocol.dialects import DICOMWEB
from filmroom.services import store
from filmroom.services.examination import part
from filmroom.settings import Settings
from tests import data
from tests.postgresql import Server


def opened(folder: Path) -> None:
    Archive.open(Settings(data=folder)).close()


def test_a_new_archive_is_made_with_its_folders(tmp_path: Path) -> None:
    opened(tmp_path / "deep" / "data")
    assert {path.name for path in (tmp_path / "deep" / "data").iterdir()} >= {"blobs", "index.sqlite", "spool"}


@pytest.mark.parametrize("name", ["a?b", "a?c", "a#b", "a%20b", "a b", "?#% "])
def test_any_name_of_a_folder_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    for folder in (name, name + "2"):
        opened(tmp_path / folder)
        assert (tmp_path / folder / "index.sqlite").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {name, name + "2"}


def test_a_new_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    opened(tmp_path / "new")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_the_mode_of_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old").chmod(0o750)
    opened(tmp_path / "old")
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o750


@pytest.mark.parametrize(("below", "sentence"), [("", "It is a file"), ("data", "A part of its path is a file")])
def test_a_file_is_no_folder(tmp_path: Path, below: str, sentence: str) -> None:
    (tmp_path / "README.md").touch()
    with pytest.raises(Unavailable, match=sentence):
        opened(tmp_path / "README.md" / below)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [(errno.EACCES, "This user may not write there"), (errno.EIO, "The system says: Input/output error.")],
)
def test_why_a_folder_can_not_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, sentence: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "mkdir", fails)
    with pytest.raises(Unavailable, match=sentence):
        opened(tmp_path / "data")


def test_an_archive_can_be_opened_again(tmp_path: Path) -> None:
    opened(tmp_path)
    opened(tmp_path)


def test_the_cache_of_renderings_knows_how_many_processes_share_it(tmp_path: Path) -> None:
    steps = list[int]()
    for workers in (1, 4):
        with closing(Archive.open(Settings(data=tmp_path, workers=workers))) as archive:
            steps.append(archive.renderings._step)
    assert steps[1] == steps[0] // 4 > 0


def test_two_processes_may_have_it_open(tmp_path: Path) -> None:
    first = Archive.open(Settings(data=tmp_path))
    opened(tmp_path)
    first.close()


def test_what_an_earlier_run_left_in_the_spool_is_removed(tmp_path: Path) -> None:
    opened(tmp_path)
    old, new = tmp_path / "spool" / "old", tmp_path / "spool" / "new"
    folder = tmp_path / "spool" / "folder"
    folder.mkdir()
    for file in (old, new, folder / "file"):
        file.touch()
    long_ago = time.time() - LEFTOVER_AGE - 1
    os.utime(old, (long_ago, long_ago))
    os.utime(folder, (long_ago, long_ago))
    opened(tmp_path)
    assert list((tmp_path / "spool").iterdir()) == [new]


def test_an_index_of_another_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(Unavailable, match="not an index of Filmroom"):
        opened(tmp_path)


def test_an_index_in_postgresql_is_found_again(tmp_path: Path, postgresql_server: Server) -> None:
    with postgresql_server.database("elsewhere") as url:
        for _ in range(2):
            Archive.open(Settings(data=tmp_path, index=SecretStr(url))).close()
        assert {path.name for path in tmp_path.iterdir()} == {"blobs", "rendered", "spool"}
        assert [path.name for path in (tmp_path / "blobs").iterdir()] == ["index-id"]


def test_an_index_that_is_not_that_of_the_files_is_refused(tmp_path: Path, postgresql_server: Server) -> None:
    """The sweep would remove every file."""
    with postgresql_server.database("one") as one, postgresql_server.database("other") as other:
        Archive.open(Settings(data=tmp_path, index=SecretStr(one))).close()
        with pytest.raises(
            Unavailable, match="Its folder blobs does not hold the files of this index: there index-id says"
        ):
            Archive.open(Settings(data=tmp_path, index=SecretStr(other)))
    with pytest.raises(Unavailable, match="Its index is in PostgreSQL: say where, by the setting index"):
        Archive.open(Settings(data=tmp_path))
    assert not (tmp_path / "index.sqlite").exists()


def test_an_empty_folder_is_no_pair_of_an_index_that_holds_something(tmp_path: Path, postgresql_server: Server) -> None:
    """Its disk may not be mounted."""
    with postgresql_server.database("filled") as url:
        archive = Archive.open(Settings(data=tmp_path / "disk", index=SecretStr(url)))
        store.store(archive, DICOMWEB, Resource(), [part(data.file())], replace=False)
        archive.close()
        with pytest.raises(Unavailable, match="Is its disk mounted"):
            Archive.open(Settings(data=tmp_path / "empty", index=SecretStr(url)))
        assert not (tmp_path / "empty" / "blobs" / "index-id").exists()


def test_files_beside_an_index_in_sqlite_may_lie_on_a_disk_that_is_not_mounted(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    Archive.open(settings).close()
    Archive.open(settings).close()  # nothing stored, nothing missed
    archive = Archive.open(settings)
    store.store(archive, DICOMWEB, Resource(), [part(data.file())], replace=False)
    archive.close()
    Archive.open(settings).close()
    (tmp_path / "blobs").rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable, match="mount that"):
        Archive.open(settings)
    Archive.open(settings, checking=True).close()


def test_a_second_empty_folder_is_refused_as_well(tmp_path: Path, postgresql_server: Server) -> None:
    with postgresql_server.database("empty") as url:
        Archive.open(Settings(data=tmp_path / "one", index=SecretStr(url))).close()
        with pytest.raises(Unavailable, match="does not hold the files of this index"):
            Archive.open(Settings(data=tmp_path / "other", index=SecretStr(url)))
        assert not (tmp_path / "other" / "blobs" / "index-id").exists()
        note = tmp_path / "one" / "blobs" / "index-id"
        note.write_text(note.read_text() + "7")  # as if two had begun at the same moment
        with pytest.raises(Unavailable, match="does not hold the files of this index"):
            Archive.open(Settings(data=tmp_path / "one", index=SecretStr(url)))


def test_who_dies_before_the_index_has_taken_the_folder_can_begin_again(
    tmp_path: Path, postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_: Database, folder: int) -> bool:
        raise KeyboardInterrupt

    with postgresql_server.database("begun") as url:
        with monkeypatch.context() as patched:
            patched.setattr(Database, "take", dies)
            with pytest.raises(KeyboardInterrupt):
                Archive.open(Settings(data=tmp_path, index=SecretStr(url)))
        Archive.open(Settings(data=tmp_path, index=SecretStr(url))).close()


def test_of_two_services_that_start_at_once_none_is_refused_if_one_stores_already(
    tmp_path: Path, postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other looks for the note before it is written, and for files when there are some."""
    with postgresql_server.database("twins") as url:
        settings = Settings(data=tmp_path, index=SecretStr(url))
        read_note = Folder.read_note

        def late(folder: Folder, name: str) -> bytes | None:
            found = read_note(folder, name)
            monkeypatch.setattr(Folder, "read_note", read_note)
            with closing(Archive.open(settings)) as first:
                store.store(first, DICOMWEB, Resource(), [part(data.file())], replace=False)
            return found

        monkeypatch.setattr(Folder, "read_note", late)
        Archive.open(settings).close()


def test_an_index_in_sqlite_is_not_said_to_be_a_disk_that_is_not_mounted(tmp_path: Path) -> None:
    opened(tmp_path)
    with pytest.raises(Unavailable, match=r"an index of its own \(index.sqlite\): move that away.*filmroom rebuild"):
        Archive.open(Settings(data=tmp_path, index=SecretStr("postgresql://nobody@127.0.0.1:1/none")))


def test_files_that_do_not_say_whose_they_are_are_no_new_archive(tmp_path: Path, postgresql_server: Server) -> None:
    archive = Archive.open(Settings(data=tmp_path))
    archive.blobs.put(new_keys(1)[0], b"of the index in SQLite")
    archive.close()
    (tmp_path / "index.sqlite").unlink()
    with (
        postgresql_server.database("elsewhere") as url,
        pytest.raises(Unavailable, match="does not hold the files of this index"),
    ):
        Archive.open(Settings(data=tmp_path, index=SecretStr(url)))

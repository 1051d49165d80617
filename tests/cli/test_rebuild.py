"""`filmroom rebuild`, as somebody types it whose database is gone."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from filmroom.archive import Archive
from filmroom.blobs import new_keys
from filmroom.cli.rebuild import LOCK
from filmroom.settings import Settings
from tests import data
from tests.cli.program import Program, read_by_others
from tests.postgresql import Server
from tests.service import DEADLINE, needs_proc, wait_until
from tests.services.test_delete import keep
from tests.services.test_rebuild import answers, emptied
from tests.test_killed import CHILD

MANY = 900  # more than a batch


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", codec_processes=1)


def fill(settings: Settings, count: int = 3) -> list[str]:
    with closing(Archive.open(settings)) as archive:
        keep(archive, *(data.dataset() for _ in range(count)))
    before = answers(settings)
    emptied(settings)
    return before


@pytest.mark.parametrize("processes", [1, 2])
def test_the_index_is_there_again(settings: Settings, run: Program, processes: int) -> None:
    before = fill(settings)
    ran = run("rebuild", "--data", settings.data, "--processes", processes)
    assert (ran.code, ran.out, ran.err) == (
        0,
        "3 files of instances and first versions, 0 of replaced ones, 0 not read.\n",
        "",
    )
    assert answers(settings) == before
    ran = run("rebuild", "--data", settings.data)
    assert (ran.code, "not empty" in ran.err) == (3, True)


def test_the_index_is_nobody_elses_to_read(settings: Settings, run: Program) -> None:
    fill(settings)
    assert run("rebuild", "--data", settings.data, "--processes", 1).code == 0
    assert ((settings.data / "index.sqlite").is_file(), read_by_others(settings.data)) == (True, [])


def test_files_that_can_not_be_read_are_named(settings: Settings, run: Program) -> None:
    [key] = new_keys(1)
    with closing(Archive.open(settings)) as archive:
        archive.blobs.put(key, b"not DICOM")
    emptied(settings)
    ran = run("rebuild", "--data", settings.data, "--quiet", "--processes", 1)
    assert (ran.code, ran.out, ran.err.startswith(f"{key}: It is no DICOM file")) == (1, "", True)


def test_a_folder_without_files(tmp_path: Path, run: Program) -> None:
    ran = run("rebuild", "--data", tmp_path / "nothing")
    assert (ran.code, "--data" in ran.err, (tmp_path / "nothing").exists()) == (3, True, False)
    (tmp_path / "filmroom.toml").write_text("port = -1")
    assert run("rebuild").code == 2


def test_two_at_once_are_one_too_many(settings: Settings, run: Program) -> None:
    fill(settings)
    with (settings.data / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = run("rebuild", "--data", settings.data)
    assert (ran.code, "Another filmroom rebuild" in ran.err) == (3, True)


@needs_proc
def test_killed_it_goes_on_and_until_then_no_service_starts(settings: Settings, run: Program) -> None:
    before = fill(settings, MANY)
    rebuild = ["rebuild", "--data", str(settings.data), "--processes", "1"]
    command = [sys.executable, "-c", CHILD, "filmroom.services.rebuild", "_add", "2", *rebuild]  # in the second batch
    assert subprocess.run(command, timeout=2 * DEADLINE, check=False).returncode == -signal.SIGKILL
    ran = run("serve", "--data", settings.data, "--port", "0")
    assert (ran.code, "only half rebuilt" in ran.err) == (3, True)
    ran = run("rebuild", "--data", settings.data, "--processes", "1")
    assert (ran.code, ran.out.startswith(f"{MANY} files of instances")) == (0, True)
    assert answers(settings) == before


@needs_proc
def test_ctrl_c_while_its_processes_start_is_an_end_like_any_other(settings: Settings, run: Program) -> None:
    before = fill(settings)
    command = [sys.executable, "-m", "filmroom", "rebuild", "--data", str(settings.data), "--processes", "2"]
    while True:
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as first:
            wait_until(lambda: any(b"spawn_main" in line for line in commands(first.pid)) or first.poll() is not None)
            with suppress(ProcessLookupError):
                os.killpg(first.pid, signal.SIGINT)
            assert first.stderr is not None
            said = first.stderr.read()
        if first.returncode != 0:
            break
        emptied(settings)  # it was done before Ctrl-C came
    assert (first.returncode, "Traceback" in said, "it goes on" in said) == (130, False, True)
    ran = run("rebuild", "--data", settings.data, "--processes", "1")
    assert ran.code == 0
    assert answers(settings) == before


def commands(group: int) -> Iterator[bytes]:
    """The command lines of the processes of a group."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(process.name)) == group:
                yield (process / "cmdline").read_bytes()


def test_the_files_belong_to_the_new_index_in_postgresql(
    tmp_path: Path, run: Program, postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgresql_server.database("rebuild_1") as old, postgresql_server.database("rebuild_2") as new:
        settings = Settings.model_validate({"data": tmp_path / "data", "index": old, "codec_processes": 1})
        with closing(Archive.open(settings)) as archive:
            keep(archive, data.dataset())
        before = answers(settings)
        monkeypatch.setenv("FILMROOM_INDEX", new)
        assert run("rebuild", "--data", settings.data, "--processes", 1).code == 0
        again = Settings.model_validate({"data": tmp_path / "data", "index": new, "codec_processes": 1})
        assert answers(again) == before

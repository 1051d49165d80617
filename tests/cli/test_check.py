"""`filmroom check` says what is wrong, and by its exit code whether anything is."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import update

from filmroom.archive import Archive
from filmroom.index import tables
from filmroom.settings import Settings
from tests import data
from tests.cli.program import Program
from tests.services.test_delete import keep


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    settings = Settings(data=tmp_path / "data", codec_processes=1)
    with closing(Archive.open(settings)) as archive:
        keep(archive, data.dataset(), data.dataset())
    return settings.data


def miscount(folder: Path) -> None:
    with closing(Archive.open(Settings(data=folder))) as archive, archive.index.begin() as tx:
        tx.core.execute(update(tables.study).values(instances=7))


def test_what_is_sound(folder: Path, run: Program) -> None:
    ran = run("check", "--data", folder)
    assert (ran.code, ran.out.splitlines()[-1], ran.err) == (0, "All is sound.", "")
    assert run("check", "--data", folder, "--quick", "--quiet").out == ""


def test_problems_are_named_counted_and_mended(folder: Path, run: Program) -> None:
    miscount(folder)
    ran = run("check", "--data", folder)
    assert (ran.code, ran.out.splitlines()[-1]) == (1, "There are problems.")
    assert "wrong counts                         2\n" in ran.out
    assert ran.err.count("wrong counts: /studies/") == 2
    ran = run("check", "--data", folder, "--repair")
    assert (ran.code, ran.out.splitlines()[-1], ran.err.count("(mended)")) == (0, "All was mended.", 2)
    assert run("check", "--data", folder).code == 0


def test_for_programs(folder: Path, run: Program) -> None:
    assert json.loads(run("check", "--data", folder, "--json").out) == {"sound": True, "problems": []}
    miscount(folder)
    found = json.loads(run("check", "--data", folder, "--json").out)
    assert (found["sound"], found["problems"][0]["kind"], found["problems"][0]["repaired"]) == (
        False,
        "wrong counts",
        False,
    )
    assert run("check", "--data", folder, "--json", "--quiet").code == 2


def test_a_folder_without_data(tmp_path: Path, run: Program) -> None:
    assert run("check", "--data", tmp_path / "nothing").code == 3


def test_an_index_that_can_not_be_used(folder: Path, run: Program) -> None:
    (folder / "index.sqlite").write_bytes(b"no database " * 100)
    ran = run("check", "--data", folder)
    assert (ran.code, "could not be ended" in ran.err) == (3, True)

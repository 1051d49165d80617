"""`filmroom migrate` says what is to be done, does it once, and a service runs on what it made."""

from pathlib import Path

import pytest

from filmroom import Client
from filmroom.cli import launch
from tests.cli.program import Program, read_by_others
from tests.index import dump, older


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of an older version."""
    data = tmp_path / "data"
    older.write_files(data / "blobs")
    older.make(f"sqlite:///{data / 'index.sqlite'}")
    return data


def test_check_says_what_is_to_do_and_does_nothing(folder: Path, run: Program) -> None:
    for _ in range(2):
        ran = run("migrate", "--check", "--data", str(folder))
        assert ran.code == 1
        assert ran.out.startswith("To do: 0002 Expiry of Studies")


def test_it_is_done_once(folder: Path, run: Program) -> None:
    ran = run("migrate", "--data", str(folder))
    assert ran.code == 0
    copied, *begun, done = ran.out.splitlines()
    assert copied == f"Copied: the index as it was, to {folder}/index-before-0002.sqlite"
    assert begun[0].startswith("Begun: 0002 Expiry")
    assert done == "Done: the index is ready."
    for options in ((), ("--check",)):
        ran = run("migrate", "--data", str(folder), *options)
        assert (ran.code, ran.out) == (0, "Nothing is to be done.\n")


def test_no_copy_where_none_is_wanted(folder: Path, run: Program) -> None:
    assert run("migrate", "--no-backup", "--data", str(folder)).code == 0
    assert not list(folder.glob("*before*"))


def test_the_copy_is_nobody_elses_to_read(folder: Path, run: Program) -> None:
    for path in folder.glob("index.sqlite*"):
        path.chmod(0o640)
    assert run("migrate", "--data", str(folder)).code == 0
    assert (len(list(folder.glob("*before*"))), read_by_others(folder)) == (1, [])


def test_a_service_refuses_the_old_index_and_serves_the_migrated_one(folder: Path, run: Program) -> None:
    with pytest.raises(launch.Ended, match="run `filmroom migrate` with their settings"), launch.service(folder.parent):
        pass
    assert run("migrate", "--data", str(folder)).code == 0
    with launch.service(folder.parent) as url, Client(f"{url}/v2") as client:
        for study, instances in dump.STUDIES.items():
            found = client.retrieve_study(study)
            assert sorted(one.SOPInstanceUID for one in found) == sorted(instances)
        assert len(client.search_for_instances(search_filters={"ProtocolName": "Knee"})) == 4


def test_where_there_is_nothing_it_says_so(tmp_path: Path, run: Program) -> None:
    ran = run("migrate", "--data", str(tmp_path / "nothing"))
    assert (ran.code, "There is no data in" in ran.err) == (3, True)


def test_an_index_in_postgresql_needs_no_folder(tmp_path: Path, run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMROOM_INDEX", "postgresql://nobody@/none?host=/nowhere")
    ran = run("migrate", "--data", str(tmp_path / "nothing"))
    assert (ran.code, "no database server listens there" in ran.err) == (3, True)


def test_a_bad_setting(run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMROOM_THREADS", "many")
    assert run("migrate").code == 2

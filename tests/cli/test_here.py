"""What commands share that do a long operation by themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from filmroom.archive import Archive
from filmroom.cli import configuration, here
from filmroom.services import imports, partitions
from filmroom.settings import Settings
from tests.cli.program import Program


@pytest.fixture
def archive(settings: Settings) -> Iterator[Archive]:
    opened = configuration.opened(settings)
    yield opened
    opened.close()


def test_of_a_folder_its_path_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ours")
    assert here.url("in 1") == f"{tmp_path.as_uri()}/in%201"
    assert here.url("~/in") == "file:///home/ours/in"
    assert here.url("s3://bucket/in") == "s3://bucket/in"


def test_what_is_no_archive_ends_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(typer.Exit) as ended:
        configuration.opened(Settings(data=tmp_path / "data"))
    assert ended.value.exit_code == 3
    assert capsys.readouterr().err.endswith("can't be used. It is a file; name a folder.\n")


def test_partitions_have_names(archive: Archive) -> None:
    assert here.partition(archive, None) == here.partition(archive, "Microsoft.Default") == 1
    assert here.partition(archive, "clinic") is None
    assert partitions.make(archive, "clinic") == here.partition(archive, "clinic")


@pytest.mark.usefixtures("archive")
def test_all_failures_are_said(
    settings: Settings, run: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here, "_PAGE", 2)
    monkeypatch.setattr(imports, "BATCH", 2)
    (tmp_path / "in").mkdir()
    for name in "abcde":
        (tmp_path / "in" / name).write_bytes(b"\0" * 128 + b"DICM")
    ran = run("import", "in", "--data", settings.data)
    assert (ran.code, [line[:2] for line in ran.err.splitlines()]) == (1, ["a:", "b:", "c:", "d:", "e:"])

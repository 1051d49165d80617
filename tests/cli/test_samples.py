"""`filmroom samples` writes the tutorial's files, or says why it can't."""

from pathlib import Path

from typer.testing import CliRunner

from filmroom.cli.main import filmroom
from filmroom.cli.tutorial import SAMPLES, file


def test_writes_the_three_files(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "here"
    result = CliRunner().invoke(filmroom, ["samples", str(folder)])
    assert result.exit_code == 0
    assert result.stdout.split() == [str(folder / sample.file_name) for sample in SAMPLES]
    assert all((folder / sample.file_name).read_bytes() == file(sample) for sample in SAMPLES)


def test_a_folder_that_cannot_be_written_ends_with_1(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.touch()
    result = CliRunner().invoke(filmroom, ["samples", str(occupied)])
    assert result.exit_code == 1
    assert "can't write to" in result.stderr

"""Which files of a folder are sent, and that whatever is not is counted or named."""

import os
from pathlib import Path
from typing import Any

import pytest

from filmroom.client._folders import PassedOver, dicom_files
from tests import data

FILE = data.file(data.dataset(SOPInstanceUID="1.2.3"))


def _found(folder: Path) -> tuple[list[Any], PassedOver]:
    passed_over = PassedOver()
    return list(dicom_files(folder, passed_over)), passed_over


def test_what_is_not_sent_is_counted(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("not counted by itself")
    (tmp_path / "deep" / "one.dcm").write_bytes(FILE)
    (tmp_path / "readme.txt").write_text("not DICOM")
    (tmp_path / ".hidden").write_bytes(FILE)
    (tmp_path / "DICOMDIR").write_bytes(FILE)
    (tmp_path / "elsewhere").symlink_to(tmp_path / "deep")
    (tmp_path / "file").symlink_to(tmp_path / "deep" / "one.dcm")
    found, passed_over = _found(tmp_path)
    assert found == [tmp_path / "file", tmp_path / "deep" / "one.dcm"]
    assert passed_over == PassedOver(files=3, links=1, folders=1)


def test_a_link_that_leads_nowhere_is_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert _found(tmp_path) == ([tmp_path / "gone"], PassedOver())


@pytest.mark.parametrize("name", ["", "a", "b/c"])
def test_a_folder_that_can_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "b" / "one.dcm").write_bytes(FILE)
    scandir, locked = os.scandir, tmp_path / name

    def guarded(folder: Any) -> Any:
        if Path(folder) == locked:
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    errors = [item for item in _found(tmp_path)[0] if isinstance(item, OSError)]
    assert [(error.filename, error.strerror) for error in errors] == [(str(locked), "Permission denied")]


@pytest.mark.parametrize(
    ("passed_over", "said"),
    [
        (PassedOver(), ""),
        (PassedOver(files=1), "1 file"),
        (PassedOver(files=3, links=1), "3 files and 1 link"),
        (PassedOver(files=1, links=2, folders=2), "1 file, 2 links and 2 hidden folders"),
    ],
)
def test_the_counts_have_words(passed_over: PassedOver, said: str) -> None:
    assert (str(passed_over), bool(passed_over)) == (said, bool(said))

from pathlib import Path

import pytest

from bench import disk, machine

MOUNTS = """/dev/vda / ext4 rw 0 0
tmpfs {0} tmpfs rw 0 0
overlay {0}/merged overlay rw,lowerdir=/,upperdir={0}/upper,workdir={0}/work 0 0
overlay {0}/unseen overlay rw,lowerdir=/,upperdir=/nowhere/upper,workdir=/nowhere/work 0 0
/dev/vdb {0}/disk ext4 rw 0 0
/dev/vdc {0}/another\\040disk ext4 rw 0 0
overlay {0}/disk/merged overlay rw,lowerdir=/,upperdir={0}/the\\040upper,workdir={0}/work 0 0
"""


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is said to be in memory, with others in it."""
    (tmp_path / "mounts").write_text(MOUNTS.format(tmp_path))
    (tmp_path / "upper").mkdir()
    (tmp_path / "the upper").mkdir()
    monkeypatch.setattr(machine, "MOUNTS", tmp_path / "mounts")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "tmpfs"),
        ("merged", "tmpfs"),
        ("unseen", None),
        ("disk", None),
        ("another disk", None),
        ("disk/merged", "tmpfs"),
    ],
)
def test_what_is_in_memory_is_seen_also_below_an_overlay(mounted: Path, name: str, kind: str | None) -> None:
    assert disk.in_memory(mounted / name) == kind


def test_stores_are_refused_in_memory_and_nowhere_else(mounted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disk.kept(mounted / "disk")
    with pytest.raises(SystemExit, match="2"):
        disk.kept(mounted)
    assert "tmpfs" in capsys.readouterr().err

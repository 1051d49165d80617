"""An Orthanc that is unpacked and not installed."""

import subprocess
from pathlib import Path

import pytest

from bench import newer


def test_it_is_started_by_its_own_loader_with_its_own_libraries_and_dictionaries(tmp_path: Path) -> None:
    for name in ("usr/lib/x/ld-linux-x.so.2", "usr/sbin/Orthanc", "usr/share/orthanc/plugins/libOrthancDicomWeb.so"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    program = newer.unpacked(tmp_path)
    assert program.command[:2] == (
        "env",
        f"DCMDICTPATH={tmp_path}/usr/share/dcmtk/dicom.dic:{tmp_path}/usr/share/dcmtk/private.dic",
    )
    assert program.command[2] == f"{tmp_path}/usr/lib/x/ld-linux-x.so.2"
    assert program.command[-1] == f"{tmp_path}/usr/sbin/Orthanc"
    assert program.plugin.is_relative_to(tmp_path)


def test_a_folder_without_one_says_how_to_make_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        newer.unpacked(tmp_path)
    assert "python -m bench.newer sid" in capsys.readouterr().err


def test_packages_are_unpacked_and_nothing_of_them_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "made"
    for name, text in (
        ("DEBIAN/control", "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n"),
        ("DEBIAN/postinst", f"#!/bin/sh\ntouch {tmp_path}/ran\n"),
        ("usr/lib/x.so", ""),
    ):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
    (made / "DEBIAN/postinst").chmod(0o755)
    package = tmp_path / "x.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", str(made), str(package)], check=True, capture_output=True)
    monkeypatch.setattr(newer, "_fetched", lambda *_: [package])
    (tmp_path / "root").mkdir()
    newer.unpack("sid", tmp_path / "root")
    assert (tmp_path / "root/usr/lib/x.so").exists()
    assert not (tmp_path / "ran").exists()
    with pytest.raises(SystemExit, match="2"):
        newer.unpack("sid", tmp_path / "root")


def test_a_suite_that_is_not_there_is_a_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[Path]:
        raise subprocess.CalledProcessError(100, "apt-get")

    monkeypatch.setattr(newer, "_fetched", fail)
    with pytest.raises(SystemExit, match="Has Debian a suite 'sidd'"):
        newer.unpack("sidd", tmp_path / "root")
    assert list(tmp_path.iterdir()) == []

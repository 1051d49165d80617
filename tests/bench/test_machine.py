import re
from pathlib import Path

import pytest

from bench import machine


def test_machine_and_file_system_are_named(tmp_path: Path) -> None:
    assert machine.mounted(Path("/proc/self"))[0] == "proc"
    about = machine.described(tmp_path)
    assert {"CPU", "kernel", "Python", "SQLite", "file system", "disk cache", "nginx"} <= about.keys()
    assert re.match(r"\d+ threads \((\d+|cores unknown)", about["CPU"])
    assert machine.said(about).startswith(about["CPU"])


def test_of_several_mounts_at_one_place_the_last_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mounts := tmp_path / "mounts").write_text(
        "a / ext4 rw 0 0\nb /data\\040disk ext4 ro 0 0\nc /data\\040disk xfs rw,noatime 0 0\nd /data tmpfs rw 0 0\n"
    )
    monkeypatch.setattr(machine, "MOUNTS", mounts)
    assert machine.mounted(Path("/data disk/folder")) == ("xfs", "rw,noatime")
    assert machine.mounted(Path("/else")) == ("ext4", "rw")


def test_what_has_no_disk_has_no_cache_that_is_known() -> None:
    assert machine.write_cache(Path("/proc/self")) == "unknown"


def test_the_command_that_is_kept_names_nothing_of_this_machine() -> None:
    given = ["--filmroom", "--folder", "/data/me", "--json=/me/a.json", "--pid", "7", "--rows", "store-*"]
    given += ["--orthanc-newer", "/me/sid", "--index=postgresql://me@host/x", "http://127.0.0.1:8080/v2"]
    kept = "./scripts/bench --filmroom --rows 'store-*' --orthanc-newer NAME --index=NAME http://127.0.0.1:8080/v2"
    assert machine.command("./scripts/bench", given) == kept

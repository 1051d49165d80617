from pathlib import Path

from bench import machine


def test_machine_and_file_system_are_named(tmp_path: Path) -> None:
    assert "cores" in machine.machine()
    assert machine.file_system(Path("/proc/self")) == "proc"
    assert {"CPU", "kernel", "Python", "SQLite", "file system", "disk cache"} <= machine.described(tmp_path).keys()


def test_what_has_no_disk_has_no_cache_that_is_known() -> None:
    assert machine.write_cache(Path("/proc/self")) == "unknown"

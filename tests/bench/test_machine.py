from pathlib import Path

from bench import machine


def test_machine_and_file_system_are_named(tmp_path: Path) -> None:
    assert "cores" in machine.machine()
    assert machine.file_system(Path("/proc/self")) == "proc"
    assert {"CPU", "kernel", "Python", "SQLite", "file system", "disk cache"} <= machine.described(tmp_path).keys()


def test_what_has_no_disk_has_no_cache_that_is_known() -> None:
    assert machine.write_cache(Path("/proc/self")) == "unknown"


def test_the_command_that_is_kept_names_nothing_of_this_machine() -> None:
    given = ["--filmroom", "--folder", "/data/me", "--json=/me/a.json", "--pid-a", "7", "--rows", "store-*"]
    given += ["--orthanc-newer", "/me/sid", "--index=postgresql://me@host/x", "http://127.0.0.1:8080/v2"]
    kept = "./scripts/bench --filmroom --rows 'store-*' --orthanc-newer NAME --index=NAME http://127.0.0.1:8080/v2"
    assert machine.command("./scripts/bench", given) == kept

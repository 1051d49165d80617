"""Numbers that processes count together: nothing is lost with one that dies, and nothing is left behind."""

import fcntl
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from filmroom import metric_files, metrics
from filmroom.errors import Unavailable

_CONTEXT = multiprocessing.get_context("spawn")


def swept(count: int) -> None:
    metrics.swept_files.inc(count)


def busy(count: int) -> None:
    metrics.threads_busy.set(count)


def stored(count: int) -> None:
    metrics.store_instances.labels("stored", "").inc(count)


def counted(folder: Path, place: str, count: Callable[[int], None], number: int) -> None:
    metrics.share(folder, place)
    assert metric_files.place() == place
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    count(number)


def told(folder: Path, results: "multiprocessing.SimpleQueue[dict[str, float]]") -> None:
    """By a process that has counted nothing itself."""
    metrics.share(folder, "teller")
    results.put({one.name: one.value for metric in metrics.collector().collect() for one in metric.samples})


def ran(function: Callable[..., None], *arguments: object) -> None:
    process = _CONTEXT.Process(target=function, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0


def asked(folder: Path) -> dict[str, float]:
    results = _CONTEXT.SimpleQueue()
    ran(told, folder, results)
    found: dict[str, float] = results.get()
    return found


def test_a_sum_is_of_all_processes_and_of_those_that_died() -> None:
    with metric_files.folder(["web-0", "web-1", "teller"]) as folder:
        for place, count in [("web-0", 1), ("web-1", 2), ("web-0", 4)]:
            ran(counted, folder, place, swept, count)
        ran(counted, folder, "web-1", stored, 3)
        found = asked(folder)
    assert (found["filmroom_swept_files_total"], found["filmroom_store_instances_total"]) == (7, 3)


def test_who_died_has_nothing_under_way() -> None:
    with metric_files.folder(["web-0", "web-1", "teller"]) as folder:
        ran(counted, folder, "web-0", busy, 5)
        ran(counted, folder, "web-1", busy, 2)
        assert asked(folder)["filmroom_threads_busy"] == 7
        metric_files.leave(folder, "web-0")
        assert asked(folder)["filmroom_threads_busy"] == 2


def test_files_are_there_in_full_and_go_with_the_block() -> None:
    with metric_files.folder(["web-0", "operations"]) as folder:
        blocks = [path.stat().st_blocks * 512 >= path.stat().st_size for path in folder.iterdir()]
        assert blocks == [True] * 2 * len(metric_files._BYTES)
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(metric_files, "_IN_MEMORY", str(tmp_path))
    return tmp_path


def test_a_folder_is_in_use_as_long_as_somebody_locks_the_folder_itself(parent: Path) -> None:
    """So have all versions told each other: several may be at work on a machine."""
    used = parent / "filmroom-metrics-used"
    used.mkdir()
    held = os.open(used, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with metric_files.folder(["web-0"]) as made:
        assert used.exists()
        looked = os.open(made, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(looked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(looked)
    os.close(held)


def test_what_a_killed_service_left_is_removed_and_what_is_in_use_is_not(parent: Path) -> None:
    left = parent / "filmroom-metrics-left"
    left.mkdir()
    with metric_files.folder(["web-0"]) as one, metric_files.folder(["web-0"]) as other:
        assert {*parent.iterdir()} == {one, other}


def test_no_room_anywhere_is_told(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_files, "_IN_MEMORY", str(parent / "nowhere"))
    monkeypatch.setattr(metric_files, "_temporary", lambda: [str(parent / "nowhere")])
    with pytest.raises(Unavailable, match="set metrics = false"), metric_files.folder(["web-0"]):
        pass

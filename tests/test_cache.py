"""The cache: bounded, shared, and nothing damaged ever comes out of it."""

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from filmroom.cache import Cache, digest
from filmroom.errors import Unavailable
from tests.service import wait_until

NAME = digest("a")


def never() -> bytes:
    raise AssertionError("it was made again")


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def names(count: int) -> list[str]:
    """Names that lie in one folder."""
    return [f"a{number:031x}" for number in range(count)]


def test_what_was_made_is_not_made_again(tmp_path: Path) -> None:
    assert Cache(tmp_path, 1 << 20).fetch(NAME, lambda: b"image") == b"image"
    assert Cache(tmp_path, 1 << 20).fetch(NAME, never) == b"image"  # as another process would


def test_names_differ_with_all_that_something_is_made_of() -> None:
    assert digest("a", (1,), None) == digest("a", (1,), None)
    assert len({digest("a", 1), digest("a1"), digest("a", "1"), digest("a", 1, None)}) == 4


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 100])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: bytes) -> None:
    cache = Cache(tmp_path, 1 << 20)
    cache.fetch(NAME, lambda: b"image")
    [path] = files(tmp_path)
    path.write_bytes(damage)
    assert cache.fetch(NAME, lambda: b"again") == b"again"
    assert cache.fetch(NAME, never) == b"again"


def test_a_cache_of_no_size_keeps_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 0)
    assert [cache.fetch(NAME, lambda one=one: one) for one in (b"1", b"2")] == [b"1", b"2"]  # type: ignore[misc]
    assert files(tmp_path) == []


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "rendered"
    folder.mkdir(mode=0o700)
    Cache(folder, 1 << 20).fetch(NAME, lambda: b"image")
    assert {path.stat().st_mode & 0o077 for path in folder.rglob("*")} == {0}


def test_nobody_else_can_read_it_where_the_folder_was_removed(tmp_path: Path) -> None:
    Cache(tmp_path / "rendered", 1 << 20).fetch(NAME, lambda: b"image")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "rendered").rglob("*") if path.is_dir()} == {0o700}
    assert (tmp_path / "rendered").stat().st_mode & 0o777 == 0o700


def test_its_size_has_a_limit(tmp_path: Path) -> None:
    limit = 16 << 20  # a share of 1 MiB for each folder
    cache = Cache(tmp_path, limit)
    for name in names(100):
        cache.fetch(name, lambda: bytes(100_000))
    assert 0 < sum(path.stat().st_size for path in files(tmp_path)) <= 1 << 20


@pytest.mark.parametrize("processes", [1, 4, 16])
def test_its_size_has_a_limit_however_many_processes_share_it(tmp_path: Path, processes: int) -> None:
    limit, sizes = 16 << 20, list[int]()  # a share of 1 MiB for each folder
    sharing = itertools.cycle([Cache(tmp_path, limit, processes=processes) for _ in range(processes)])
    for name in names(400):
        next(sharing).fetch(name, lambda: bytes(8_000))
        sizes.append(sum(file.stat().st_size for file in os.scandir(tmp_path / "a")))
    assert (1 << 20) * 3 / 4 < max(sizes) <= 1 << 20


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache, (old, used, *others) = Cache(tmp_path, 16 << 20), names(12)
    for name in (old, used):
        cache.fetch(name, lambda: bytes(100_000))
        os.utime(tmp_path / "a" / name, (1, 1))
    for name in others:
        cache.fetch(name, lambda: bytes(100_000))
        if name == others[4]:
            cache.fetch(used, never)
    assert not (tmp_path / "a" / old).exists()
    assert (tmp_path / "a" / used).exists()


def test_what_is_larger_than_a_share_is_not_kept(tmp_path: Path) -> None:
    assert Cache(tmp_path, 16_000).fetch(NAME, lambda: bytes(2000)) == bytes(2000)
    assert files(tmp_path) == []


def test_what_a_crash_left_half_written_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "a" / "tmp123.part"
    left.parent.mkdir()
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    Cache(tmp_path, 1 << 20).fetch(names(1)[0], lambda: b"image")
    assert [path.name for path in files(tmp_path)] == names(1)


def test_a_folder_that_cannot_be_used_costs_nobody_his_image(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "file", 1 << 20)
    (tmp_path / "file").write_bytes(b"")
    assert cache.fetch(NAME, lambda: b"image") == b"image"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / NAME[0] / NAME).mkdir(parents=True)
    assert Cache(tmp_path, 1 << 20).fetch(NAME, lambda: b"image") == b"image"
    assert files(tmp_path) == []


def test_those_who_ask_at_once_wait_for_one(tmp_path: Path) -> None:
    cache, begun, done = Cache(tmp_path, 0), threading.Event(), threading.Event()
    waits = Waiting(cache)

    def make() -> bytes:
        begun.set()
        done.wait()
        return b"image"

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(cache.fetch, NAME, make)
        begun.wait()
        others = [pool.submit(cache.fetch, NAME, never) for _ in range(3)]
        waits.until(3)
        done.set()
        assert [one.result() for one in (first, *others)] == [b"image"] * 4
    assert cache.fetch(NAME, lambda: b"new") == b"new"


def test_those_who_wait_share_the_error_and_the_next_tries_again(tmp_path: Path) -> None:
    cache, begun, done = Cache(tmp_path, 1 << 20), threading.Event(), threading.Event()
    waits = Waiting(cache)

    def make() -> bytes:
        begun.set()
        done.wait()
        raise ValueError("no image")

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(cache.fetch, NAME, make)]
        begun.wait()
        asked.append(pool.submit(cache.fetch, NAME, never))
        waits.until(1)
        done.set()
        for one in asked:
            with pytest.raises(ValueError, match="no image"):
                one.result()
    assert cache.fetch(NAME, lambda: b"image") == b"image"


def test_what_another_process_has_made_is_had_at_once(tmp_path: Path) -> None:
    cache, begun, done = Cache(tmp_path, 1 << 20, waiting=0), threading.Event(), threading.Event()

    def make() -> bytes:
        begun.set()
        done.wait()
        return b"image"

    with ThreadPoolExecutor(1) as pool:
        pool.submit(cache.fetch, NAME, make)
        begun.wait()
        try:
            Cache(tmp_path, 1 << 20).fetch(NAME, lambda: b"image")
            assert cache.fetch(NAME, never) == b"image"
        finally:
            done.set()


def test_threads_that_others_need_do_not_wait(tmp_path: Path) -> None:
    cache, begun, done = Cache(tmp_path, 0, waiting=1), threading.Event(), threading.Event()
    waits = Waiting(cache)

    def make() -> bytes:
        begun.set()
        done.wait()
        return b"image"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.fetch, NAME, make)
        begun.wait()
        pool.submit(cache.fetch, NAME, never)
        waits.until(1)
        try:
            wait_until(lambda: cache._entrance._places._value == 0)
            with pytest.raises(Unavailable, match="Try again later"):
                cache.fetch(NAME, never)
        finally:
            done.set()
        assert first.result() == b"image"


class Waiting:
    """Counts those who have found out that they must wait, by the lock that they pass on their way."""

    def __init__(self, cache: Cache) -> None:
        self._passed = threading.Semaphore(0)
        self._lock = cache._lock
        cache._lock = self  # type: ignore[assignment]

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        self._passed.release()

    def until(self, count: int) -> None:
        for _ in range(count + 1):  # and the one who makes it
            self._passed.acquire()

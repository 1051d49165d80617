import errno
import json
import math
import multiprocessing.connection
import multiprocessing.forkserver
import multiprocessing.util
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from filmroom.dicom import part10
from filmroom.entrance import under_way
from filmroom.errors import BadFile, NotAcceptable, Unavailable, Unforeseen
from filmroom.pixels.pool import MEMORY, Pool

# A worker imports what it runs by name, so these tests run functions of the standard library.


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(2, timeout=20)
    yield made
    made.close()


@pytest.fixture
def single() -> Iterator[Pool]:
    made = Pool(1, timeout=20)
    yield made
    made.close()


@pytest.fixture
def hasty() -> Iterator[Pool]:
    made = Pool(1, timeout=0.5)
    yield made
    made.close()


def test_runs_in_another_process(pool: Pool) -> None:
    assert pool.run(os.getpid) != os.getpid()


def test_returns_what_the_function_returns(pool: Pool) -> None:
    assert pool.run(math.gcd, 12, 18) == 6
    assert pool.run(int.from_bytes, b"\1\0", byteorder="little") == 1


def test_a_worker_is_used_again(pool: Pool) -> None:
    assert pool.run(os.getpid) == pool.run(os.getpid)


def test_large_values_pass_both_ways(pool: Pool) -> None:
    assert pool.run(bytes.swapcase, b"a" * 3_000_000) == b"A" * 3_000_000


def test_errors_of_filmroom_arrive_as_they_are() -> None:
    with closing(Pool(1, timeout=20)) as pool:
        worker = pool.run(os.getpid)
        with pytest.raises(BadFile, match="not DICOM"):
            pool.run(part10.read, b"nothing")
        assert pool.run(os.getpid) == worker


@pytest.mark.parametrize("failure", [OSError(errno.EAGAIN, "no more processes"), EOFError()])
def test_a_worker_that_cannot_be_started_does_not_cost_a_place(
    hasty: Pool, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(*arguments: object) -> int:
        raise failure

    monkeypatch.setattr(multiprocessing.forkserver, "connect_to_new_process", fail)
    monkeypatch.setattr(multiprocessing.util, "spawnv_passfds", fail)  # where there is no fork server
    for _ in range(2):
        with pytest.raises(Unavailable, match="could be started"):
            hasty.run(os.getpid)


CLEANED = """
import multiprocessing.util, os
from contextlib import closing
from filmroom.pixels.pool import Pool
os.rmdir(multiprocessing.util.get_temp_dir())
with closing(Pool(1, timeout=20)) as pool:
    print(pool.run(abs, -7))
"""


def test_who_cleans_the_folder_for_temporary_files_stops_no_worker() -> None:
    done = subprocess.run([sys.executable, "-c", CLEANED], capture_output=True, timeout=60)
    assert (done.stdout, done.returncode) == (b"7\n", 0)


TRIED = """
from contextlib import closing
from filmroom.errors import Unavailable
from filmroom.pixels.pool import Pool
with closing(Pool(1, timeout=20)) as pool:
    try:
        print(pool.run(abs, -7))
    except Unavailable as error:
        print(error)
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python takes another folder for sockets")
@pytest.mark.parametrize(("length", "said"), [(75, "7\n"), (76, "is too long for sockets: 75 bytes are the most")])
def test_the_path_of_the_folder_for_temporary_files_may_be_as_long_as_is_said(length: int, said: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as parent:
        folder = Path(parent) / ("d" * (length - len(parent) - 1))
        folder.mkdir()
        variables = os.environ | {"TMPDIR": str(folder)}
        done = subprocess.run([sys.executable, "-c", TRIED], env=variables, capture_output=True, text=True, timeout=60)
    assert said in done.stdout


def test_no_worker_is_begun_through_a_folder_of_somebody_else(hasty: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(Unavailable, match="could be started"):
        hasty.run(os.getpid)


def test_a_crash_costs_one_call(pool: Pool) -> None:
    worker = pool.run(os.getpid)
    with pytest.raises(NotAcceptable, match="the worker ended over them"):
        pool.run(os._exit, signal.SIGKILL)
    assert pool.run(os.getpid) != worker


def test_who_was_killed_again_may_have_wanted_memory(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filmroom.pixels.pool._PATIENCE", 60)
    with pytest.raises(Unavailable, match="was killed"):
        pool.run(signal.raise_signal, signal.SIGKILL)


def test_who_ends_with_what_started_it_does_not_do_so_over_the_data(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filmroom.pixels.pool._PATIENCE", 60)
    with pytest.raises(Unavailable, match="was killed"):
        pool.run(os._exit, 255)


def test_what_ends_a_worker_once_costs_nothing(pool: Pool, tmp_path: Path) -> None:
    seen = str(tmp_path / "seen")
    assert pool.run(eval, f"(os := __import__('os')).path.exists({seen!r}) or os.mkdir({seen!r}) or os.abort()") is True


def test_large_arguments_are_read_by_those_who_have_a_worker(single: Pool) -> None:
    with single.place() as place:
        read = b"a" * 10
        assert place.run(bytes.swapcase, read) == b"A" * 10
        assert single._free.empty()
    with pytest.raises(ValueError, match="no such file"), single.place():
        raise ValueError("no such file")
    assert single.run(math.gcd, 12, 18) == 6


def test_an_error_that_nobody_foresaw_is_told_without_values(capfd: pytest.CaptureFixture[str]) -> None:
    with closing(Pool(1, timeout=20)) as pool:
        worker = pool.run(os.getpid)
        with pytest.raises(Unforeseen, match=r"^JSONDecodeError at .*decoder\.py:\d+ in ") as caught:
            pool.run(json.loads, '["Doe^John",')
        with pytest.raises(Unforeseen, match="TypeError"):  # a lock can't be sent back
            pool.run(threading.Lock)
        assert pool.run(os.getpid) == worker
    assert "Doe" not in str(caught.value) + capfd.readouterr().err


def test_a_worker_has_a_limit_of_memory() -> None:
    with closing(Pool(1, timeout=20)) as pool:
        worker = pool.run(os.getpid)
        with pytest.raises(NotAcceptable, match="too much memory"):
            pool.run(bytes, 2 * MEMORY)
        assert pool.run(os.getpid) == worker


def test_what_cannot_be_sent_does_not_cost_a_place(hasty: Pool) -> None:
    for _ in range(2):
        with pytest.raises((AttributeError, pickle.PicklingError), match="pickle"):
            hasty.run(lambda: None)


def test_an_idle_worker_that_died_is_replaced(pool: Pool) -> None:
    workers = {pool.run(os.getpid)}
    for worker in workers:
        [sentinel] = [one.sentinel for one in multiprocessing.active_children() if one.pid == worker]
        os.kill(worker, signal.SIGKILL)
        multiprocessing.connection.wait([sentinel])
    assert pool.run(os.getpid) not in workers


def test_a_call_that_takes_too_long_is_given_up(hasty: Pool) -> None:
    with pytest.raises(Unavailable, match="not done after"):
        hasty.run(time.sleep, 60)


def test_who_waits_too_long_for_a_worker_is_told(hasty: Pool) -> None:
    with ThreadPoolExecutor(6) as threads:  # one is at work, three wait, two find no room
        calls = [threads.submit(hasty.run, time.sleep, 60) for _ in range(6)]
    messages = [str(call.exception()) for call in calls]
    assert any("busy" in message for message in messages)
    assert all("busy" in message or "not done" in message for message in messages)


def test_many_threads_may_call_at_once(pool: Pool) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: pool.run(math.factorial, number), range(100)))
    assert found == [math.factorial(number) for number in range(100)]


def test_crashes_do_not_disturb_the_calls_beside_them(pool: Pool) -> None:
    with ThreadPoolExecutor(4) as threads:
        crashes = [threads.submit(pool.run, os._exit, 1) for _ in range(4)]
        sums = [threads.submit(pool.run, math.factorial, number) for number in range(20)]
    assert all(isinstance(crash.exception(), NotAcceptable) for crash in crashes)
    assert [made.result() for made in sums] == [math.factorial(number) for number in range(20)]


def test_many_calls_are_spread_over_the_workers_and_come_in_order(pool: Pool) -> None:
    assert [done() for done in pool.ahead(math.factorial, ((number,) for number in range(40)))] == [
        math.factorial(number) for number in range(40)
    ]


def test_of_many_calls_a_crash_costs_one() -> None:
    with closing(Pool(2, timeout=20)) as pool:
        calls = list(pool.ahead(eval, [("6 * 7",), ("__import__('os')._exit(1)",), ("1 // 0",), ("6 * 8",)]))
        assert calls[0]() == 42
        with pytest.raises(NotAcceptable, match="the worker ended over them"):
            calls[1]()
        with pytest.raises(Unforeseen, match="ZeroDivisionError"):
            calls[2]()
        assert calls[3]() == 48


def test_who_is_slow_to_take_results_holds_no_worker(single: Pool) -> None:
    results = single.ahead(math.factorial, [(number,) for number in range(9)])
    assert next(results)() == 1
    assert single.run(math.factorial, 5) == 120
    assert [done() for done in results] == [math.factorial(number) for number in range(1, 9)]


def test_who_begins_to_ask_for_many_is_told_that_the_pool_is_busy(hasty: Pool) -> None:
    with ThreadPoolExecutor(6) as threads:
        calls = [threads.submit(next(hasty.ahead(time.sleep, [(60,)]))) for _ in range(6)]
    messages = [str(call.exception()) for call in calls]
    assert all("busy" in message or "not done" in message for message in messages)
    assert any("busy" in message for message in messages)


def test_an_answer_under_way_waits_for_its_turn(single: Pool) -> None:
    with ThreadPoolExecutor(6) as threads:
        calls = [threads.submit(lambda: under_way(single.run, math.gcd, 12, 18)) for _ in range(60)]
    assert [call.result() for call in calls] == [6] * 60


def test_closing_ends_calls_that_wait() -> None:
    pool = Pool(1, timeout=60)
    results = pool.ahead(time.sleep, [(60,), (60,), (60,)])
    first = next(results)
    pool.close()
    with pytest.raises(Unavailable, match="shutting down"):
        first()
    with pytest.raises(Unavailable, match="shutting down"):
        next(results)()


def test_a_closed_pool_runs_nothing() -> None:
    pool = Pool(1, timeout=20)
    worker = pool.run(os.getpid)
    pool.close()
    with pytest.raises(Unavailable, match="shutting down"):
        pool.run(os.getpid)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_closing_ends_calls_under_way() -> None:
    pool = Pool(1, timeout=60)
    worker = pool.run(os.getpid)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(pool.run, time.sleep, 60)
        while not call.running():
            pass
        pool.close()
        with pytest.raises(Unavailable, match="shutting down"):
            call.result()
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_a_worker_ignores_ctrl_c(pool: Pool) -> None:
    assert pool.run(signal.getsignal, signal.SIGINT) == signal.SIG_IGN
    assert signal.SIGINT in pool.run(signal.pthread_sigmask, signal.SIG_BLOCK, ())  # from its birth on
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


SERVICE = """
import sys, threading, time
from filmroom.pixels.pool import Pool
pool = Pool(2, timeout=60)
pool.run(len, "the first worker idles")
pool.run(print, "ready", flush=True)
threading.Thread(target=pool.run, args=(time.sleep, 60)).start()
threading.Thread(target=pool.run, args=(print, "busy"), kwargs={"flush": True}).start()
time.sleep(60)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_the_service(end: signal.Signals) -> None:
    """They hold its standard output, which ends when the last of them is gone: the busy and the idle one."""
    with subprocess.Popen([sys.executable, "-c", SERVICE], stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        assert [service.stdout.readline(), service.stdout.readline()] == ["ready\n", "busy\n"]
        service.send_signal(end)
        assert service.communicate(timeout=60)[0] == ""

import os
import subprocess
import sys

import pytest

from bench import processes
from tests.service import wait_until


def test_a_tree_holds_children() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert {os.getpid(), child.pid} <= set(processes.tree(os.getpid()))
        child.communicate(b"\n")


def test_usage_of_this_process() -> None:
    meter = processes.Meter(os.getpid())
    with meter.watch(memory=True) as usages:
        held = bytes(range(256)) * 100_000
    [usage] = usages
    assert meter.idle is not None
    assert usage.peak is not None
    assert usage.peak > len(held)
    assert usage.peak_shared is not None
    assert usage.cpu is not None
    assert usage.machine_cpu >= 0


def test_a_tree_stands_but_where_it_is_let_go() -> None:
    code = "import subprocess, sys; subprocess.run(['cat'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(b"both have begun\n")
        parent.stdin.flush()
        parent.stdout.readline()

        def states() -> set[str]:
            return {processes._stat(one)[0] for one in processes.tree(parent.pid)}

        with processes.standing([parent.pid]):
            wait_until(lambda: states() == {"T"})
            with processes.going([parent.pid]):
                wait_until(lambda: "T" not in states())
            wait_until(lambda: states() == {"T"})
        assert parent.communicate(b"goes on")[0] == b"goes on"


def test_without_a_process_only_the_machine_is_measured() -> None:
    with processes.Meter(None).watch(memory=True) as usages:
        pass
    assert (usages[0].cpu, usages[0].peak, usages[0].peak_shared) == (None, None, None)


def test_what_others_of_the_same_host_take_from_the_machine_is_time_that_it_is_busy() -> None:
    stat = "cpu  100 0 50 9000 9 1 2 47 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"
    assert processes.busy(stat) == 200 / processes.TICKS


def test_a_process_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        processes.Meter(2**22 + 1)
    assert capsys.readouterr().err == f"There is no process {2**22 + 1}.\n"


def test_the_highest_memory_is_kept_while_a_run_is_looked_at() -> None:
    meter = processes.Meter(os.getpid())
    with meter.looking(), meter.watch(memory=False) as usages:
        pass
    assert usages[0].peak_shared is None
    assert usages[0].highest is not None
    assert meter.look() is not None
    assert meter.highest is not None
    assert usages[0].highest <= meter.highest

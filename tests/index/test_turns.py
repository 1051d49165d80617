import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from filmroom.errors import Unavailable
from filmroom.index import turns
from filmroom.index.turns import Anytime, Turns
from tests.service import DEADLINE

HOLD = """
import sys
from filmroom.index.turns import Turns
with Turns(sys.argv[1]).mine():
    print("mine", flush=True)
    sys.stdin.read()
"""


def _wait_in_line(first: Turns, second: Turns) -> list[str]:
    order = []

    def take() -> None:
        with second.mine():
            order.append("second")

    thread = threading.Thread(target=take)
    with first.mine():
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join()
    return order


def test_threads_take_turns(tmp_path: Path) -> None:
    turns = Turns(str(tmp_path / "index"))
    assert _wait_in_line(turns, turns) == ["first", "second"]
    turns.close()


def test_all_who_open_the_file_take_turns(tmp_path: Path) -> None:
    first, second = Turns(str(tmp_path / "index")), Turns(str(tmp_path / "index"))
    assert _wait_in_line(first, second) == ["first", "second"]
    first.close()
    second.close()


def test_a_turn_ends_with_its_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "index")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"mine\n"
        process.kill()
        turns = Turns(str(tmp_path / "index"))
        with turns.mine():
            assert process.wait(DEADLINE) < 0
        turns.close()


def test_a_turn_ends_with_an_error(tmp_path: Path) -> None:
    turns = Turns(str(tmp_path / "index"))
    for _ in range(2):
        with pytest.raises(KeyError), turns.mine():
            raise KeyError
    turns.close()


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="can't be opened: No such file or directory; look at its folder"):
        Turns(os.fspath(tmp_path / "folder" / "index"))


def test_others_need_no_turns() -> None:
    anytime = Anytime("index")
    with anytime.mine(), anytime.mine():
        anytime.close()


def test_who_waits_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.01)
    queue = Turns(str(tmp_path / "index"))
    with queue.mine(), ThreadPoolExecutor(1) as other, pytest.raises(Unavailable, match="writing for too long"):
        other.submit(lambda: queue.mine().__enter__()).result()
    queue.close()

"""The command line of the benchmarks: what it refuses, and that an end by a signal leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench import __main__ as program

ROOT = Path(__file__).parents[2]
BENCH = [sys.executable, "-u", "-m", "bench"]


@pytest.mark.parametrize("arguments", [["a", "b"], ["http://127.0.0.1:1/"] * 3 + ["--orthanc"]])
def test_what_can_not_be_measured_is_refused_before_anything_is_printed(arguments: list[str]) -> None:
    ran = subprocess.run([*BENCH, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.count("\n") == 1


def test_an_end_by_sigterm_ends_the_servers_and_removes_the_folder(tmp_path: Path) -> None:
    options = ["--filmroom", "--workers", "1", "--rows", "search-100-1", "--folder", str(tmp_path)]
    with subprocess.Popen([*BENCH, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        while not run.stdout.readline().startswith(b"A: "):
            assert run.poll() is None
        [child] = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        run.send_signal(signal.SIGTERM)
    assert (run.returncode, list(tmp_path.iterdir())) == (143, [])
    with pytest.raises(ProcessLookupError):
        os.kill(int(child), 0)


@pytest.mark.parametrize("rounds", ["0", "-1", "many"])
def test_no_rounds_are_no_measurement(
    rounds: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--rounds", rounds])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 2
    assert "--rounds" in capsys.readouterr().err

"""What the commands do alike."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import authentication, commands, growth, million, mixed, start
from bench.rows import ROWS

ROOT = Path(__file__).parents[2]
STARTS = """
import sys, time
from pathlib import Path
from bench import commands, servers

def main():
    with servers.folder_in(Path(sys.argv[1])) as folder:
        with servers.launched(["sleep", "600"], folder / "log") as process:
            print(process.pid, flush=True)
            time.sleep(600)

commands.run(main)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_end_by_a_signal_is_said_and_leaves_nothing_however_often_it_comes(
    number: signal.Signals, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", STARTS, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        child = int(run.stdout.readline())
        run.send_signal(number)
        assert run.stderr is not None
        assert run.stderr.readline() == "Ending what was started, and removing what was written …\n"
        run.send_signal(number)
        _, said = run.communicate()
    assert (run.returncode, said, list(tmp_path.iterdir())) == (128 + number, f"Ended by {number.name}.\n", [])
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_who_asked_not_to_be_hung_up_goes_on(tmp_path: Path) -> None:
    code = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{STARTS}"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        run.stdout.readline()
        run.send_signal(signal.SIGHUP)
        run.send_signal(signal.SIGTERM)
    assert run.returncode == 128 + signal.SIGTERM


def test_every_command_is_run_so() -> None:
    texts = {path.stem: path.read_text() for path in (ROOT / "bench").glob("*.py")}
    run = {name: text for name, text in texts.items() if 'if __name__ == "__main__":' in text}
    del run["sender"]  # which the bench itself starts and ends
    assert len(run) > 9
    assert [name for name, text in run.items() if "    commands.run(main)\n" not in text] == []


@pytest.mark.parametrize("main", [growth.main, mixed.main, start.main])
def test_a_run_that_could_not_be_written_is_refused(
    main: Callable[[list[str]], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--json", str(tmp_path / "nowhere" / "run.json")])
    assert ended.value.code == commands.WRONG
    assert f"argument --json: there is no folder {tmp_path / 'nowhere'}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_seconds_are_above_zero(text: str) -> None:
    assert commands.seconds("0.5") == 0.5
    with pytest.raises(argparse.ArgumentTypeError):
        commands.seconds(text)


@pytest.mark.parametrize("arguments", [[], ["http://127.0.0.1:1", "--quick"], ["--filmroom", "--rounds", "1"]])
def test_compare_wants_two(arguments: list[str]) -> None:
    ran = subprocess.run([ROOT / "bench/compare", *arguments], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.split()[:4]) == (2, ["Usage:", "bench/compare", "BASE_A", "BASE_B,"])


def test_a_file_is_written_anew_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "old.json").touch()
    assert [commands.new_file(str(tmp_path / name)).exists() for name in ("old.json", "new.json")] == [True, False]
    with pytest.raises(argparse.ArgumentTypeError):
        commands.new_file(str(tmp_path))


@pytest.mark.parametrize(
    ("main", "right", "name"),
    [
        (authentication.main, "frame-*", "store-mr-4"),
        (growth.main, "frame-*", "store-mr-4"),
        (million.main, "week", "tag-date"),
    ],
)
def test_each_pattern_names_a_row(
    main: Callable[[list[str]], int], right: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--rows", right, "--rows", name[1:]])
    assert ended.value.code == commands.WRONG
    assert capsys.readouterr() == ("", f"no row is called '{name[1:]}'; did you mean {name}? (--list)\n")


def test_what_is_near_no_row_is_refused_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        growth.main(["--rows", "?!"])
    assert capsys.readouterr().err == "no row is called '?!' (--list)\n"


def test_rows_that_are_chosen_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        growth.main(["--list", "--rows", "frame-1*"])
    assert ended.value.code == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["frame-1", "frame-16"]


def test_all_rows_are_listed_where_only_some_are_usual(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        authentication.main(["--list"])
    assert len(capsys.readouterr().out.splitlines()) == len(ROWS)

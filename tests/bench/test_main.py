"""The command line of the benchmarks: what it refuses, and that an end by a signal leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench import __main__ as program
from bench import document, tables
from bench.servers import Setup, filmroom

ROOT = Path(__file__).parents[2]
BENCH = [sys.executable, "-m", "bench"]  # each line is in the pipe once it is printed


@pytest.mark.parametrize(
    "arguments",
    [["a", "b"], ["http://127.0.0.1:1/"] * 3 + ["--orthanc"], ["--filmroom", "--pid", "1"], ["http://127.0.0.1:1/"]],
)
def test_what_can_not_be_measured_is_refused_before_anything_is_printed(arguments: list[str]) -> None:
    ran = subprocess.run([*BENCH, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
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


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--rounds", value) for value in ("0", "-1", "many")),
        ("--workers", "0"),
        ("--index", "oracle"),
        ("--blobs", "cepf"),
    ],
)
def test_what_an_option_can_not_be_is_refused(
    option: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", option, value])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 2
    assert f"argument {option}: it is " in capsys.readouterr().err


def test_two_servers_by_their_urls_are_measured_in_turn_with_what_they_cost_and_the_probe_beside(
    tmp_path: Path,
) -> None:
    found = tmp_path / "found.json"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with filmroom(tmp_path / "a", Setup(1)) as a, filmroom(tmp_path / "b", Setup(1)) as b:
        options = ["--pid", str(a.pid), "--pid", str(b.pid), "--quick", "--rounds", "2", "--rows", "store-mr-4"]
        given = [str(ROOT / "bench/compare"), a.url, b.url, *options, "--folder", str(tmp_path), "--json", str(found)]
        ran = subprocess.run(given, cwd=tmp_path, capture_output=True, text=True, check=False)
    run = json.loads(found.read_text())
    row, memory = run["rows"]
    assert ["A", "B"] in map(str.split, ran.stderr.splitlines())
    assert all(side["figure"] > 20 for side in memory["servers"])
    assert (memory["group"], memory["most"]) == ("Whole run", None)  # of one row nothing follows for all
    assert [len(side["rounds"]) for side in row["servers"]] == [len(row["limit"]["rounds"])] * 2 == [2, 2]
    assert all(side["cpu_ms"] > 0 and side["peak_mb"] > 20 for side in row["servers"])
    assert tables.ratio(row) is not None
    assert tables.share(row) is not None
    assert run["command"] == f"./scripts/bench {a.url} {b.url} --quick --rounds 2 --rows store-mr-4"
    assert tables.table(run) in ran.stdout
    assert ran.returncode == tables.status(run) != tables.FAILED
    assert row["title"] in document.text("one", document.trimmed(run))

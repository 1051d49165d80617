"""The program lists its commands, loads the one that is named, and nothing that this one does not need."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from filmroom import __version__
from filmroom.cli.main import COMMANDS, filmroom


def _python(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


def test_help_lists_every_command_with_its_sentence() -> None:
    help_text = CliRunner().invoke(filmroom, ["--help"]).stdout
    assert all(sentence in help_text for _, sentence in COMMANDS.values())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_and_gives_an_example(command: str) -> None:
    result = CliRunner().invoke(filmroom, [command, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert f"filmroom {command}" in result.stdout


def test_without_a_command_the_help_is_shown() -> None:
    result = CliRunner().invoke(filmroom, [])
    assert (result.exit_code, "Commands" in result.output) == (2, True)


def test_a_mistyped_command_is_a_usage_error_with_a_hint() -> None:
    result = CliRunner().invoke(filmroom, ["serch"])
    assert result.exit_code == 2
    assert "search" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("sweep --delay x", "it must be a number"),
        ("serve --port x", "it must be a whole number"),
        ("store . --parallel 99", "it must be at most 32"),
        ("store . --parallel 0", "it must be at least 1"),
    ],
)
def test_what_is_wrong_with_an_option_is_said_in_plain_words(arguments: str, said: str) -> None:
    result = CliRunner().invoke(filmroom, arguments.split())
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Input should be" not in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_defaults_are_shown_without_parentheses(command: str) -> None:
    assert "[default: (" not in CliRunner().invoke(filmroom, [command, "--help"]).stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("arguments", ["--version", "--help", "samples samples"])
def test_output_that_can_not_be_written_is_one_line(arguments: str, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "filmroom", *arguments.split()]
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False)
    assert (ran.returncode, ran.stderr) == (1, "filmroom: the output can't be written: No space left on device\n")


def test_version() -> None:
    assert CliRunner().invoke(filmroom, ["--version"]).stdout == f"filmroom {__version__}\n"


def test_the_package_runs_as_a_program(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["filmroom", "--version"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module("filmroom", run_name="__main__")
    assert capsys.readouterr().out == f"filmroom {__version__}\n"


def test_worker_processes_that_import_the_program_do_not_run_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert "main" in runpy.run_module("filmroom.__main__", run_name="__mp_main__")
    assert capsys.readouterr().out == ""


def test_a_command_loads_nothing_of_the_server() -> None:
    program = "import sys; from filmroom.cli.main import load; load('search'); print(*sys.modules)"
    loaded = set(_python(program).split())
    assert not {"starlette", "uvicorn", "sqlalchemy", "filmroom.archive", "filmroom.settings"} & loaded


def test_the_list_loads_no_command() -> None:
    program = "import sys; import filmroom.cli.main; print(*sys.modules)"
    assert not {"pydicom", "httpx2", "numpy"} & set(_python(program).split())

"""The program lists its commands, loads the one that is named, and nothing that this one does not need."""

import runpy
import subprocess
import sys

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

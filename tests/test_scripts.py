"""The scripts run where they are called, and say at the end what failed."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The scripts, in a clone whose environment only says what it was called with."""
    programs = tmp_path / "clone" / ".venv" / "bin"
    programs.mkdir(parents=True)
    shutil.copytree(ROOT / "scripts", tmp_path / "clone" / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / "clone")
    (tmp_path / "clone" / "tests" / "servers").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "servers" / "package-lock.json", tmp_path / "clone" / "tests" / "servers")
    for name in ("python", "filmroom", "ruff", "mypy"):
        _program(programs / name, f'[ {name} = python ] || echo {name} "$@" in "$PWD"')
    for name in ("npm", "apt-get"):  # what they would install is none of the clone's
        _program(programs / name, ":")
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return tmp_path / "clone"


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _run(script: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([script, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def test_serve_runs_in_the_folder_of_its_caller(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "else where").mkdir()
    ran = _run(clone / "scripts" / "serve", "--data", "here", cwd=tmp_path / "else where")
    assert ran.stdout == f"filmroom serve --data here in {tmp_path / 'else where'}\n"


def test_serve_can_be_called_by_a_relative_path(clone: Path) -> None:
    ran = _run(Path("./scripts/serve"), cwd=clone)
    assert ran.stdout == f"filmroom serve in {clone}\n"


def test_check_goes_on_after_a_failure_and_fails_at_the_end(clone: Path) -> None:
    assert _run(clone / "scripts" / "check", cwd=clone).returncode == 0
    _program(clone / ".venv" / "bin" / "ruff", 'echo ruff "$@"; exit 1')
    ran = _run(clone / "scripts" / "check", cwd=clone)
    assert (ran.returncode, len(ran.stdout.splitlines())) == (1, 3)

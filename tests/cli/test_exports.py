"""`filmroom export` copies what is stored, in this process."""

from pathlib import Path

import pytest

from tests import data
from tests.cli.program import Program
from tests.cli.test_imports import folder as folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


@pytest.fixture
def stored(tmp_path: Path, folder: str, run: Program) -> str:
    """The UID of a Study that is stored, beside another."""
    made = data.dataset()
    (tmp_path / "in").mkdir()
    for name, one in (("a", made), ("b", data.dataset())):
        (tmp_path / "in" / name).write_bytes(data.file(one))
    assert run("import", str(tmp_path / "in"), "--data", folder).code == 0
    return str(made.StudyInstanceUID)


def test_everything_and_what_is_named(folder: str, stored: str, out: Path, run: Program) -> None:
    ran = run("export", str(out), "--data", folder)
    assert (ran.code, ran.out.startswith(f"2 copied: {out.as_uri()}/"), ran.err) == (0, True, "")
    assert len(list(out.glob("*/results/*/*/*.dcm"))) == 2
    assert run("export", str(out), stored, "--data", folder).out.startswith("1 copied")


def test_what_is_copied_is_as_the_user_has_files(folder: str, stored: str, out: Path, run: Program) -> None:
    assert run("export", str(out), stored, "--data", folder).code == 0
    assert [path.stat().st_mode & 0o777 for path in out.glob("*/results/*/*/*.dcm")] == [0o644]


def test_what_is_not_there_is_said(folder: str, stored: str, out: Path, run: Program) -> None:
    ran = run("export", str(out), "1.2.3", f"{stored}/1.2", "--data", folder)
    assert (ran.code, ran.out.startswith("0 copied, 2 were not")) == (1, True)
    assert ran.err.splitlines()[0] == "/studies/1.2.3: The specified study cannot be found."
    assert run("export", str(out / "no"), "--data", folder).code == 3


@pytest.mark.parametrize("text", ["abc", "1/2/3/4", ""])
def test_what_names_nothing_is_refused(folder: str, out: Path, run: Program, text: str) -> None:
    ran = run("export", str(out), text, "--data", folder)
    assert (ran.code, "STUDY/SERIES" in ran.err) == (2, True)


def test_deidentified(folder: str, stored: str, out: Path, run: Program) -> None:
    ran = run("export", str(out), stored, "--deidentified", "basic", "--data", folder)
    assert (ran.code, ran.out.startswith("1 copied")) == (0, True)
    [path] = out.glob("*/results/*/*/*.dcm")
    assert stored not in str(path)
    ran = run("export", str(out), "--deidentified", "strict", "--data", folder)
    assert (ran.code, "no profile of de-identification 'strict'" in ran.err) == (3, True)

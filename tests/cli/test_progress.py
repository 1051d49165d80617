"""The bar is for people at a terminal, and for nobody else."""

import io
from contextlib import redirect_stderr

import pytest

from filmroom.cli.progress import bar, counter
from filmroom.client import Progress


class Terminal(io.StringIO):
    """Standard error as a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return Terminal()


def test_a_bar_says_how_many_instances_and_bytes(terminal: Terminal) -> None:
    with redirect_stderr(terminal), bar("Storing", quiet=False) as move:
        assert move is not None
        move(Progress(2, 3, 5_000_000, 10_000_000))
    assert "Storing 2 of 3" in terminal.getvalue()
    assert "5.0/10.0 MB" in terminal.getvalue()


def test_a_bar_of_unknown_length_counts(terminal: Terminal) -> None:
    with redirect_stderr(terminal), bar("Retrieving", quiet=False) as move:
        assert move is not None
        move(Progress(2, None, 5_000_000, None))
    assert "Retrieving 2" in terminal.getvalue()


def test_a_counter_leaves_nothing_behind(terminal: Terminal) -> None:
    with redirect_stderr(terminal), counter("found", quiet=False) as say:
        say(100)
    assert terminal.getvalue() == "found: 100\r\x1b[K"


def test_no_bar_when_quiet(terminal: Terminal) -> None:
    with redirect_stderr(terminal), bar("Storing", quiet=True) as move:
        assert move is None
    assert terminal.getvalue() == ""


def test_no_bar_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("Storing", quiet=False) as move, counter("found", quiet=False) as say:
        assert move is None
        say(100)
    assert capsys.readouterr().err == ""

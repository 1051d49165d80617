"""Runs the program in this process."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from filmroom.cli.main import filmroom


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended, and what it printed."""

    code: object
    out: str
    err: str

    @property
    def said(self) -> str:
        """Standard error as one line, without the frame that a usage error has."""
        return " ".join(self.err.replace("│", " ").split())


class Program:
    """`filmroom` as a function of its arguments."""

    def __init__(self, printed: pytest.CaptureFixture[str]) -> None:
        self._printed = printed

    def __call__(self, *arguments: object) -> Ran:
        before = os.umask(0o022)  # the usual one; a process that ends takes its own with it
        try:
            with pytest.raises(SystemExit) as ended:
                filmroom([str(argument) for argument in arguments], prog_name="filmroom")
        finally:
            os.umask(before)
        out, err = self._printed.readouterr()
        return Ran(ended.value.code, out, err)


def read_by_others(folder: Path) -> list[str]:
    """The files of a folder that every user of the machine may read."""
    return [path.name for path in folder.iterdir() if path.is_file() and path.stat().st_mode & 0o007]

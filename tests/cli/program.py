"""Runs the program in this process."""

from dataclasses import dataclass

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
        with pytest.raises(SystemExit) as ended:
            filmroom([str(argument) for argument in arguments], prog_name="filmroom")
        out, err = self._printed.readouterr()
        return Ran(ended.value.code, out, err)

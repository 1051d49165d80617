"""What the commands do alike: how they end, and what they refuse before anything is measured."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import NoReturn

WRONG = 2  # the status of a wrong command line, as argparse has it
_BY_SIGNAL = 128  # what shells add to the number of the signal that ended a program


def run(main: Callable[[], int | None]) -> NoReturn:
    """Run a command as this process: Ctrl-C and `kill` end what it has started, and cost a line."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _end)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # into a pipe or a file, too, where progress stands between
    try:
        sys.exit(main())
    except SystemExit as end:
        if end.code in {_BY_SIGNAL + signal.SIGINT, _BY_SIGNAL + signal.SIGTERM}:
            print(f"Ended by {signal.Signals(end.code - _BY_SIGNAL).name}.", file=sys.stderr)
        raise


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(_BY_SIGNAL + number)


def new_file(text: str) -> Path:
    """A file that can be written at the end: nobody shall measure for an hour, and lose it."""
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} can't be written")
    return path

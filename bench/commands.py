"""What the commands do alike: how they end, and what they refuse before anything is measured."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from fnmatch import filter as matching
from io import TextIOWrapper
from math import inf
from pathlib import Path
from types import FrameType
from typing import NoReturn, Protocol, TypeVar

WRONG = 2  # the status of a wrong command line, as argparse has it
_BY_SIGNAL = 128  # what shells add to the number of the signal that ended a program
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Named(Protocol):
    """What rows of all kinds have."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...


Row = TypeVar("Row", bound=Named)


def run(main: Callable[[], int | None]) -> NoReturn:
    """Run a command as this process: Ctrl-C, `kill` and a closed terminal end what it has started, and cost a line."""
    for each in _ENDS:
        if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN:  # as nohup asks
            signal.signal(each, _end)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # into a pipe or a file, too, where progress stands between
    try:
        sys.exit(main())
    except SystemExit as end:
        if end.code in {_BY_SIGNAL + each for each in _ENDS}:
            with suppress(OSError):
                print(f"Ended by {signal.Signals(end.code - _BY_SIGNAL).name}.", file=sys.stderr)
        raise


def _end(number: int, _: FrameType | None) -> NoReturn:
    for each in _ENDS:  # who is impatient leaves nothing behind
        signal.signal(each, signal.SIG_IGN)
    with suppress(OSError):  # the terminal has gone. Not by print: that may be what was interrupted
        os.write(2, "Ending what was started, and removing what was written …\n".encode())
    raise SystemExit(_BY_SIGNAL + number)


def refuse(sentence: str) -> NoReturn:
    """End as a wrong command line does."""
    print(sentence, file=sys.stderr)
    raise SystemExit(WRONG)


def choosing(parser: argparse.ArgumentParser, *usual: str) -> None:
    """The options by which rows are chosen."""
    parser.add_argument(
        "--rows",
        action="append",
        metavar="PATTERN",
        help=f"a name, or several by *; may be repeated; {' '.join(usual)} unless said",
    )
    parser.add_argument("--list", action="store_true", help="list the rows and end")
    parser.set_defaults(usual=usual)


def chosen(given: argparse.Namespace, rows: Sequence[Row]) -> list[Row]:
    """The rows that the options name. A pattern that names none was meant to name some."""
    names, patterns = [row.name for row in rows], given.rows or ("*" if given.list else given.usual)
    for pattern in patterns:
        if not matching(names, pattern):
            near = "".join(f"; did you mean {name}?" for name in get_close_matches(pattern, names, 1))
            refuse(f"no row is called {pattern!r}{near} (--list)")
    found = [row for row in rows if any(matching([row.name], pattern) for pattern in patterns)]
    if given.list:
        print("\n".join(f"{row.name:22} {row.title}" for row in found))
        raise SystemExit(0)
    return found


def count(text: str) -> int:
    """A number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("it is a number from 1")
    return int(text)


def seconds(text: str) -> float:
    """A time above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < inf:
        raise argparse.ArgumentTypeError("it is a number of seconds above 0")
    return value


def new_file(text: str) -> Path:
    """A file that can be written at the end: nobody shall measure for an hour, and lose it."""
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} can't be written")
    return path

"""What the commands do alike: how they end, and what they refuse before anything is measured."""

import signal
import sys
from collections.abc import Callable
from io import TextIOWrapper
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

"""Ctrl-C reaches every process of a terminal. Children are ended by the one that started them, not by it."""

import signal
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def withheld(signals: Collection[signal.Signals] = (signal.SIGINT,)) -> Iterator[None]:
    """A process or a thread that is started in the block, by this thread, is born without Ctrl-C, or these signals.

    It can only ignore the signal once Python and what it imports have loaded; until then a Ctrl-C would end it with a
    traceback. A mask is inherited, unlike a handler. What comes meanwhile is handled after the block, unless a thread
    was born with the signal: that would take it, and the handler run in the main one at once.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # starting a process would start it, and unblock them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

"""Whether a command was asked to end."""

import os
import signal

from filmroom.cli.stopping import Stopping, by_interrupt


def test_a_signal_asks_for_the_end() -> None:
    stopping = Stopping()
    assert not stopping()
    stopping.note(signal.SIGTERM, None)
    assert (stopping(60.0), stopping(), stopping.by) == (True, True, signal.SIGTERM)
    stopping.close()


def test_so_does_the_end_of_what_is_watched() -> None:
    reading, writing = os.pipe()
    stopping = Stopping(reading)
    assert not stopping()
    os.close(writing)
    assert (stopping(60.0), stopping.by) == (True, None)
    stopping.close()
    os.close(reading)


def test_ctrl_c_asks_as_long_as_the_block_lasts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with by_interrupt() as stopping:
        signal.raise_signal(signal.SIGINT)
        assert stopping()
    assert signal.getsignal(signal.SIGINT) is before

"""Messages between two processes: objects through a pipe, and the large bytes in them through a file in memory.

A pipe takes some tens of kilobytes at a time, and to read from one Python allocates anew what is left each time: ten
megabytes there and back took 90 ms. Through the file each side copies them once (decision 14).
"""

import os
import pickle
import socket
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any, cast

LARGE = 1 << 16  # bytes from which on a value goes through the file
KEPT = 32 << 20  # bytes of the file that are kept for the next message


def aside(data: bytes) -> bytes:
    """The same bytes, which are to go through the file if they are large. Who receives them gets bytes."""
    return cast("bytes", pickle.PickleBuffer(data)) if len(data) >= LARGE else data


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was not looked into yet."""

    pickled: bytes
    buffers: Sequence[bytes]

    def loads(self) -> Any:
        """The object. Imports what it names."""
        return ForkingPickler.loads(self.pickled, buffers=self.buffers)


class Channel:
    """One end. The other is in another process, and they speak in turn. OSError or EOFError if the other is gone."""

    def __init__(self, pipe: Connection, file: int | None = None) -> None:
        self._pipe, self._file = pipe, _file_in_memory() if file is None else file
        self._close_file = weakref.finalize(self, os.close, self._file)  # once, and with the channel at the latest

    def offer(self) -> None:
        """Give the file to the process at the other end of the pipe, whenever it takes it."""
        # Not by `send_handle` of multiprocessing: from Python 3.14 on that waits until the file is taken.
        with _socket(self._pipe) as sending:
            socket.send_fds(sending, [b"f"], [self._file])

    @classmethod
    def taken(cls, pipe: Connection) -> "Channel":
        """The end that is given the file."""
        with _socket(pipe) as receiving:
            _, files, *_ = socket.recv_fds(receiving, 1, 1)
        if not files:  # for there is no other end
            raise EOFError
        return cls(pipe, files[0])

    def send(self, message: object) -> None:
        """Send an object; what can't be pickled leaves the channel as it was."""
        buffers: list[pickle.PickleBuffer] = []
        pickled = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
        lengths, position = [], 0
        for buffer in buffers:
            with buffer.raw() as view:
                _write(self._file, view, position)
                lengths.append(view.nbytes)
                position += view.nbytes
        self._pipe.send((pickled, lengths))

    def poll(self, timeout: float) -> bool:
        """Whether a message comes within `timeout` seconds, or the other end is gone."""
        return self._pipe.poll(timeout)

    def receive(self) -> Received:
        """The next message, as it came."""
        pickled, lengths = self._pipe.recv()
        buffers, position = [], 0
        for length in lengths:
            buffers.append(_read(self._file, position, length))
            position += length
        if position > KEPT:
            os.ftruncate(self._file, 0)
        return Received(pickled, buffers)

    def close(self) -> None:
        """Let go of pipe and file."""
        self._pipe.close()
        self._close_file()


def _socket(pipe: Connection) -> socket.socket:
    """What the pipe is, by another descriptor."""
    return socket.fromfd(pipe.fileno(), socket.AF_UNIX, socket.SOCK_STREAM)


def _file_in_memory() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("filmroom")
    with tempfile.TemporaryFile() as file:  # without a name, and mostly in memory
        return os.dup(file.fileno())


def _write(file: int, view: memoryview, position: int) -> None:
    done = 0
    while done < view.nbytes:  # one call writes 2 GiB at most
        done += os.pwrite(file, view[done:], position + done)


def _read(file: int, position: int, length: int) -> bytes:
    taken = os.pread(file, length, position)
    if len(taken) == length:
        return taken
    parts = [taken]
    while (left := length - sum(map(len, parts))) and parts[-1]:
        parts.append(os.pread(file, left, position + length - left))
    return b"".join(parts)

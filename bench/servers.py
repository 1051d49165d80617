"""Servers that a run starts on a free loopback port with a temporary folder, and ends."""

import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STARTING, ENDING = 60, 20  # seconds
NEAR = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy does not reach the loopback


@dataclass(frozen=True, slots=True)
class Server:
    """A server to be measured."""

    name: str
    url: str
    pid: int | None


@contextmanager
def filmroom(folder: Path, workers: int) -> Iterator[Server]:
    """Filmroom with its embedded index, from the environment that runs the benchmarks."""
    port = free_port()
    command = Path(sys.executable).with_name("filmroom")
    arguments = f"serve --host 127.0.0.1 --port {port} --workers {workers} --data".split()
    root = f"http://127.0.0.1:{port}"
    with started(
        [str(command), *arguments, str(folder / "filmroom")], folder / "filmroom.log", f"{root}/health/check"
    ) as pid:
        name = f"Filmroom {importlib.metadata.version('filmroom')}, {workers} workers"
        yield Server(name, f"{root}/dicomweb", pid)


@contextmanager
def started(command: Sequence[str], log: Path, health: str) -> Iterator[int]:
    """Start a program in its own process group, wait until `health` answers, give its id, end the group."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        _wait(process, log, health)
        yield process.pid
    finally:
        _end(process)


@contextmanager
def folder_in(parent: Path | None) -> Iterator[Path]:
    """A temporary folder for what the servers store."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as name:
        yield Path(name)


def free_port() -> int:
    """A port of the loopback interface that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], log: Path, health: str) -> None:
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with NEAR.open(health, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise SystemExit(f"{process.args!r} did not start within {STARTING} s. Its log ends:\n{tail}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(ENDING)
    except subprocess.TimeoutExpired:
        print(f"{process.args!r} does not end by itself.", file=sys.stderr)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()

"""Servers that a run starts on a free loopback port with a temporary folder, and ends."""

import importlib.metadata
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

from bench.commands import refuse
from filmroom.settings import Settings

STARTED = "filmroom-bench"  # a bucket of a store that the run has started; its prefix says which
STARTING, ENDING = 60, 20  # seconds
# What a measured service has of this process's environment. PYTHONPATH: what is measured is what is imported here.
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH")
OF_INDEX = ("PG",)  # the beginnings of what it has beside for an index, and for a bucket, that are named to it
OF_BLOBS = ("FILMROOM_BLOBS_OPTIONS", "AWS_", "AZURE_", "GOOGLE_", "SSL_CERT_")
NEAR = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy does not reach the loopback


@dataclass(frozen=True, slots=True)
class Server:
    """A server to be measured."""

    name: str
    url: str
    pid: int | None
    beside: tuple[int, ...] = ()  # further processes of it
    also: tuple[str, ...] = ()  # base URLs of further services that hold the same
    fields: tuple[str, ...] = ()  # of the head of each request
    ours: bool = False  # started by the run, which may let it stand


@dataclass(frozen=True, slots=True)
class Setup:
    """How Filmroom is started: web workers of each service, services, and where index and files are."""

    workers: int | None  # None: as many as the service has by itself
    services: int = 1
    index: str | None = None  # a URL; None: SQLite in the data folder
    blobs: str | None = None  # a URL; None: the data folder
    beside: tuple[int, ...] = ()  # processes of index and blob store
    options: tuple[str, ...] = ()  # further ones of `filmroom serve`

    @property
    def name(self) -> str:
        services = f"{self.services} services of " if self.services > 1 else ""
        index = "PostgreSQL" if self.index else "SQLite"
        blobs = "folder"
        if self.blobs:
            scheme, _, rest = self.blobs.partition("://")
            blobs = rest.removeprefix(f"{STARTED}/") if rest.startswith(f"{STARTED}/") else scheme
        workers = self.workers or Settings.model_fields["workers"].get_default(call_default_factory=True)
        return f"Filmroom {version()}, {services}{workers} workers, {index}, {blobs}"

    def command(self, data: Path, port: int) -> list[str]:
        """What starts one service."""
        program = str(Path(sys.executable).with_name("filmroom"))
        arguments = f"serve --host 127.0.0.1 --port {port}".split()
        workers = ["--workers", str(self.workers)] if self.workers else []
        index = ["--index", self.index] if self.index else []
        blobs = ["--blobs", self.blobs] if self.blobs else []
        return [program, *arguments, *workers, "--data", str(data), *index, *blobs, *self.options]

    def environment(self) -> dict[str, str]:
        """Nothing that configures Filmroom, but for what this setup names."""
        further = (OF_INDEX if self.index else ()) + (OF_BLOBS if self.blobs else ())
        return {key: value for key, value in os.environ.items() if key in ENVIRONMENT or key.startswith(further)}


def version() -> str:
    """Filmroom's version, and of a checkout the commit, and whether there are changes beside it."""
    number = importlib.metadata.version("filmroom")
    found = importlib.util.find_spec("filmroom")
    source = Path(found.origin).parent if found and found.origin else None
    # Installed below a checkout, as in an environment of its own, it is none of its files.
    if source is None or _git(source, "ls-files", "--error-unmatch", "__init__.py") is None:
        return number
    changed = ", changed" if _git(source, "status", "--porcelain", ".") else ""
    return f"{number} ({_git(source, 'rev-parse', '--short=10', 'HEAD')}{changed})"


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        ran = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return None if ran.returncode else ran.stdout.strip()


@contextmanager
def filmroom(folder: Path, setup: Setup) -> Iterator[Server]:
    """Filmroom from the environment that runs the benchmarks."""
    with ExitStack() as stack:
        pids, urls = [], []
        for number in range(setup.services):
            port = free_port()
            root = f"http://127.0.0.1:{port}"
            command = setup.command(folder / "filmroom", port)  # one folder, as far as it is used
            log = folder / f"filmroom{number}.log"
            process = stack.enter_context(served(command, log, setup))
            _wait(process, log, f"{root}/health/check")
            pids.append(process.pid)
            urls.append(f"{root}/dicomweb")
        yield Server(setup.name, urls[0], pids[0], (*pids[1:], *setup.beside), tuple(urls[1:]), ours=True)


@contextmanager
def started(command: Sequence[str], log: Path, health: str) -> Iterator[int]:
    """Start a program, wait until `health` answers, give its id, end it."""
    with launched(command, log) as process:
        _wait(process, log, health)
        yield process.pid


@contextmanager
def served(command: Sequence[str], log: Path, setup: Setup) -> Iterator[subprocess.Popen[bytes]]:
    """Start a Filmroom of that setup: in an empty folder, so that no configuration lies there, and end it."""
    with tempfile.TemporaryDirectory() as empty, launched(command, log, empty, setup.environment()) as process:
        yield process


@contextmanager
def launched(
    command: Sequence[str], log: Path, folder: str | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program in its own process group, and end the group."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, cwd=folder, env=environment
        )
    try:
        yield process
    finally:
        _end(process)


@contextmanager
def folder_in(parent: Path | None) -> Iterator[Path]:
    """A temporary folder for what the servers store."""
    if parent is not None and not parent.is_dir():
        refuse(f"There is no folder {parent}.")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as name:
        yield Path(name)


@contextmanager
def kept_in(folder: Path | None) -> Iterator[Path]:
    """A folder for what another run finds again, which is made; without one it is as temporary as the rest."""
    if folder is None:
        with folder_in(None) as made:
            yield made
        return
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        refuse(f"The folder {folder} can't be made: {error.strerror}.")
    yield folder


def free_port() -> int:
    """A port of the loopback interface, below those that the system gives out: nobody gets it before it is used."""
    while True:
        with socket.socket() as one, suppress(OSError):
            port = SystemRandom().randrange(10_000, 32_000)
            one.bind(("127.0.0.1", port))
            return port


def _wait(process: subprocess.Popen[bytes], log: Path, health: str) -> None:
    deadline = time.monotonic() + STARTING
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with NEAR.open(health, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise not_started(process, log)


def not_started(process: subprocess.Popen[bytes], log: Path) -> SystemExit:
    """Why a program that was started does not answer, and the end of what it said."""
    ended = process.poll()
    how = f"did not start within {STARTING} s" if ended is None else f"ended at once (exit {ended})"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    return SystemExit(f"{process.args!r} {how}. Its log ends:\n{tail}")


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

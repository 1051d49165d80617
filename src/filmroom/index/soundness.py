"""What a database says of itself that the service relies on: its version, its clock, and whether commits last."""

import time
from dataclasses import dataclass

from filmroom.index.transaction import Transaction

# Statement → what it must say, and what it is for. Others lose commits, or the index, at a loss of power.
_DURABLE = {
    "sqlite": {
        "PRAGMA journal_mode": ({"wal"}, "the write-ahead log, which network file systems can't hold"),
        "PRAGMA synchronous": ({"2", "3"}, "commits that are synced"),
    },
    "postgresql": {
        "SHOW fsync": ({"on"}, "fsync = on"),
        "SHOW full_page_writes": ({"on"}, "full_page_writes = on"),
    },
}
_VERSION = {"sqlite": "SELECT sqlite_version()", "postgresql": "SHOW server_version"}
_CLOCK = {"postgresql": "SELECT extract(epoch FROM clock_timestamp())"}  # SQLite has ours


@dataclass(frozen=True, slots=True)
class Said:
    """What the database says."""

    name: str
    version: str
    missing: list[str]  # of what makes commits last
    ahead: float  # seconds by which its clock is ahead of ours


def ask(tx: Transaction) -> Said:
    """Ask it."""
    name = tx.dialect.name
    missing = [
        what
        for statement, (right, what) in _DURABLE[name].items()
        if str(tx.core.exec_driver_sql(statement).scalar()).lower() not in right
    ]
    before = time.time()
    clock = tx.core.exec_driver_sql(_CLOCK[name]).scalar() if name in _CLOCK else None
    ahead = float(clock) - (before + time.time()) / 2 if clock is not None else 0.0
    return Said(name, str(tx.core.exec_driver_sql(_VERSION[name]).scalar()).split()[0], missing, ahead)

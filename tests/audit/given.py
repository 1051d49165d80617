"""Trails for the tests of the audit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from filmroom.audit import trail, verify
from filmroom.audit.trail import Trail
from filmroom.audit.verify import Report

MOMENT = 1767323040.0  # 2026-01-02T03:04:00Z


def open_trail(folder: Path, **options: Any) -> Trail:
    """A trail in a folder, with its key beside it."""
    return Trail(folder / "audit", folder / "audit-key", **options)


def written(folder: Path, count: int = 5, **options: Any) -> Path:
    """A folder in which a trail of so many lines was written by one process that has ended; gives the one file."""
    made = open_trail(folder, **options)
    made.append([fact(number) for number in range(1, count + 1)])
    made.close()
    return files(folder)[-1]


def fact(number: int, **facts: Any) -> dict[str, Any]:
    """What one line says."""
    return {"time": MOMENT + number % 60, "action": "retrieve", "who": "someone", **facts}


def files(folder: Path) -> list[Path]:
    return trail.files(folder / "audit")


def lines(folder: Path) -> list[dict[str, Any]]:
    """All that stands in a trail."""
    return [orjson.loads(line) for path in files(folder) for line in path.read_bytes().splitlines()]


def check(folder: Path) -> Report:
    return verify.check(folder / "audit", folder / "audit-key")


def rewrite(path: Path, changed: Sequence[bytes]) -> None:
    path.write_bytes(b"".join(changed))

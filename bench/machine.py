"""The machine and the programs that figures are of: without them they mean nothing."""

import os
import platform
import re
import shlex
import sqlite3
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_OWN = ("--folder", "--json", "--pid")  # options that say nothing to others


def machine() -> str:
    """The machine, in a line."""
    return f"{_cpu()}, {_memory()}, {_kernel()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"


def described(folder: Path) -> dict[str, str]:
    """The machine that stores in `folder`, item by item, and what Filmroom and the clients run on."""
    return {
        "CPU": _cpu(),
        "memory": _memory(),
        "file system": file_system(folder),
        "disk cache": write_cache(folder),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "kernel": _kernel(),
        "Python": platform.python_version() + _optimized(),
        "SQLite": sqlite3.sqlite_version,
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def stamped(program: str, about: Mapping[str, str]) -> dict[str, Any]:
    """What stands in the JSON of each measurement beside its figures: when, by which command, on what."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "command": command(program, sys.argv[1:]),
        "machine": dict(about),
    }


def command(program: str, arguments: Sequence[str]) -> str:
    """What was called, without what is this machine's own: folders, files, processes, and names in URLs."""
    kept, value = [], False
    for one in arguments:
        own = value or one.startswith(_OWN)
        value = not value and own and "=" not in one  # of an option that is left out
        if not own:
            kept.append(re.sub(r"^(--[\w-]+=)?(/.*|(?!http:)\w+://.*)", r"\1NAME", one))
    return f"{program} {shlex.join(kept)}".strip()


def file_system(folder: Path) -> str:
    """The type of the file system a folder is on; on tmpfs nothing is durable and storing is too fast."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    fitting = [(len(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(fitting, default=(0, "an unknown file system"))[1]


def write_cache(folder: Path) -> str:
    """What the kernel knows of the disk's cache: where it writes back, a sync waits for its flush."""
    number = folder.stat().st_dev
    device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    for place in (device, device.resolve().parent):  # of a partition the disk's is in the folder above
        if (file := place / "queue/write_cache").exists():
            return file.read_text().strip()
    return "unknown"


def _cpu() -> str:
    return f"{os.cpu_count()} cores, {_first('/proc/cpuinfo', 'model name')}"


def _memory() -> str:
    return f"{int(_first('/proc/meminfo', 'MemTotal').split()[0]) / 1e6:.0f} GB"


def _kernel() -> str:
    return f"{platform.system()} {platform.release()}"


def _optimized() -> str:
    """One that was built without takes up to half as long again (docs/benchmarks.md)."""
    built = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
    return ", optimized" if built else ", built without optimizations"


def _first(path: str, key: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return "0 unknown"

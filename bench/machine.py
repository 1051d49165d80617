"""The machine and the programs that figures are of: without them they mean nothing."""

import os
import platform
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_OWN = ("--folder", "--json", "--pid")  # options that say nothing to others
_UNNAMED = {"CPU", "system"}  # whose values say what they are
MOUNTS = Path("/proc/mounts")
_ESCAPED = re.compile(r"\\([0-7]{3})")  # a blank in /proc/mounts, as \040
_MODEL = ("model name", "Hardware", "cpu model", "uarch")  # x86; ARM, MIPS, RISC-V, where they say it


def described(folder: Path) -> dict[str, str]:
    """The machine that stores in `folder`, item by item, and what Filmroom and the clients run on."""
    kind, options = mounted(folder)
    return {
        "CPU": _cpu(),
        "memory": _memory(),
        "file system": f"{kind} ({options})",
        "disk cache": write_cache(folder),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": _python(),
        "SQLite": sqlite3.sqlite_version,
        "nginx": _nginx(),
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def said(about: Mapping[str, str]) -> str:
    """The same in a line."""
    return ", ".join(value if what in _UNNAMED else f"{what} {value}" for what, value in about.items())


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


def mounted(folder: Path) -> tuple[str, str]:
    """The type of the file system a folder is on, and its options; on tmpfs nothing is durable.

    Of several that are mounted at one place the last is seen.
    """
    found, longest = ("an unknown file system", ""), -1
    for line in MOUNTS.read_text().splitlines():
        place, kind, options = (_ESCAPED.sub(lambda code: chr(int(code[1], 8)), one) for one in line.split()[1:4])
        if folder.resolve().is_relative_to(place) and len(place) >= longest:
            found, longest = (kind, options), len(place)
    return found


def write_cache(folder: Path) -> str:
    """What the kernel knows of the disk's cache: where it writes back, a sync waits for its flush."""
    number = folder.stat().st_dev
    device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    for place in (device, device.resolve().parent):  # of a partition the disk's is in the folder above
        if (file := place / "queue/write_cache").exists():
            return file.read_text().strip()
    return "unknown"


def _cpu() -> str:
    """A virtual machine sees the threads that it was given; which of them share a core it may not be told."""
    info = Path("/proc/cpuinfo").read_text()
    model = next(filter(None, (_first(info, key) for key in _MODEL)), platform.machine())
    siblings = {file.read_text().strip() for file in _topology()}
    cores = f"{len(siblings)} cores" if siblings else "cores unknown"
    virtual = ", a virtual machine" if re.search(r"^flags\b.*\bhypervisor\b", info, re.MULTILINE) else ""
    return f"{os.cpu_count()} threads ({cores}) of {model}{virtual}"


def _topology() -> list[Path]:
    return list(Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology/thread_siblings_list"))


def _memory() -> str:
    return f"{int(_first(Path('/proc/meminfo').read_text(), 'MemTotal').split()[0]) * 1024 / 1e9:.1f} GB"


def _python() -> str:
    """Which it is, and what is certain of how it was built: one that isn't optimized takes half as long again.

    A distributor may optimize it by other means than this option, as Debian does.
    """
    optimized = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
    by = "configured with --enable-optimizations" if optimized else "configured without --enable-optimizations"
    if sys.base_prefix == "/usr":
        by = "the distributor's"
    return f"{platform.python_version()} ({by}, built {platform.python_build()[1]})"


def _nginx() -> str:
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        return "none"
    ran = subprocess.run([program, "-v"], capture_output=True, text=True, check=False)
    return ran.stderr.strip().rpartition("/")[2]


def _first(text: str, key: str) -> str:
    """The value of the first line that begins so, or nothing."""
    for line in text.splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return ""

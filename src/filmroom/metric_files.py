"""Where numbers lie that several processes count together: files in memory, one set for each place of a process.

The workers of a service are processes of their own, and a scrape meets any of them. So each counts in files of its own,
which who is scraped adds up. A place, such as "web-0", is that of one worker and of those that replace it: each goes on
where the dead one was, and no counter ever goes back.

The files are made in full by who starts the workers: a page of a file that is only promised kills, when the memory is
used up, whoever touches it. They are not in the data folder, for a disk that stands still would hold up who counts.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from prometheus_client import values
from prometheus_client.multiprocess import MultiProcessCollector

from filmroom.errors import Unavailable

_IN_MEMORY = "/dev/shm"  # noqa: S108 - of Linux; elsewhere the folder for temporary files must do
_PREFIX = "filmroom-metrics-"
_BYTES = {"histogram": 1 << 20, "counter": 1 << 17, "gauge_livesum": 1 << 15, "gauge_livemax": 1 << 15}
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # by which the library knows the folder

_folder: Path | None = None  # that this process shares; None: it counts for itself alone
_place = "web-0"


@contextmanager
def folder(places: Sequence[str]) -> Iterator[Path]:
    """A folder with files for these places, as long as the block lasts. What killed services left is removed."""
    with ExitStack() as stack:
        yield _made(stack, places)


@contextmanager
def joining(shared: Path, place: str) -> Iterator[None]:
    """From the block on this process has a place: numbers that are made in it lie in the files of that.

    If somebody has removed the folder it works all the same. What it counts nobody is told.
    """
    global _folder, _place
    _folder, _place = shared, place
    if not shared.is_dir():
        yield
        return
    os.environ[_VARIABLE] = str(shared)
    yield
    del os.environ[_VARIABLE]  # not for the processes that this one starts


def value_class() -> Callable[..., Any]:
    """What holds a number in this process."""
    return values.MultiProcessValue(place) if _folder is not None and _folder.is_dir() else values.MutexValue


def collector() -> MultiProcessCollector | None:
    """The numbers of all processes, if this one shares them. Unavailable if their folder is gone."""
    if _folder is None:
        return None
    if not _folder.is_dir():
        raise Unavailable(
            f"There are no metrics: somebody has removed {_folder}. Restart the service to have them again."
        )
    return MultiProcessCollector(None, str(_folder))


def place() -> str:
    """The place of this process."""
    return _place


def leave(shared: Path, place: str) -> None:
    """The process of a place has ended: what it had under way, it has no more. What it counted stays."""
    for path in shared.glob(f"gauge_*_{place}.db"):
        with suppress(OSError), path.open("r+b") as file:
            file.write(bytes(8))  # how much of it is used (prometheus_client/mmap_dict.py)


def _made(stack: ExitStack, places: Sequence[str]) -> Path:
    for parent in (_IN_MEMORY, *_temporary()):
        with suppress(OSError), ExitStack() as undone:
            _remove_left(Path(parent))
            made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            undone.callback(shutil.rmtree, made, ignore_errors=True)
            undone.callback(os.close, _held(made))  # for as long as this process lives
            for place in places:
                for kind, size in _BYTES.items():
                    (made / f"{kind}_{place}.db").write_bytes(bytes(size))
            stack.push(undone.pop_all())
            return made
    wanted = sum(_BYTES.values()) * len(places) >> 20
    raise Unavailable(
        f"There is no room for {wanted} MB of metrics in {_IN_MEMORY}, nor in the folder for temporary files; "
        "make room, or set metrics = false."
    )


def _temporary() -> list[str]:
    with suppress(FileNotFoundError):
        return [tempfile.gettempdir()]
    return []


def _held(made: Path) -> int:
    """A descriptor that says that a folder is in use."""
    held = os.open(made, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise
    return held


def _remove_left(parent: Path) -> None:
    """Remove the folders of services that were killed: nobody holds them."""
    for left in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it is another user's, or in use
            held = _held(left)
            shutil.rmtree(left)
            os.close(held)

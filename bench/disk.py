"""Is a folder on something that keeps its files? In memory a sync costs nothing, and "durable" means nothing."""

from pathlib import Path

from bench import machine
from bench.commands import refuse

IN_MEMORY = {"tmpfs", "ramfs"}


def kept(folder: Path) -> None:
    """Refuse to store where nothing outlives a loss of power."""
    if kind := in_memory(folder):
        refuse(f"{folder} is on {kind}: nothing is durable there, and no store can be measured. See --folder.")


def in_memory(folder: Path) -> str | None:
    """The file system's type if it is in memory, also below an overlay, as far as one can see."""
    kind, options = machine.mounted(folder)
    if kind == "overlay":
        upper = next((Path(one[9:]) for one in options.split(",") if one.startswith("upperdir=")), None)
        return in_memory(upper) if upper and upper.exists() else None  # in a container it can't be seen
    return kind if kind in IN_MEMORY else None

"""Is a folder on something that keeps its files? In memory a sync costs nothing, and "durable" means nothing."""

from pathlib import Path

IN_MEMORY = {"tmpfs", "ramfs"}
MOUNTS = Path("/proc/mounts")


def kept(folder: Path) -> None:
    """Refuse to store where nothing outlives a loss of power."""
    if kind := in_memory(folder):
        raise SystemExit(
            f"{folder} is on {kind}: nothing is durable there, and no store can be measured. See --folder."
        )


def in_memory(folder: Path) -> str | None:
    """The file system's type if it is in memory, also below an overlay, as far as one can see."""
    mounts = [line.split() for line in MOUNTS.read_text().splitlines()]
    over = [(len(mount[1]), place) for place, mount in enumerate(mounts) if folder.resolve().is_relative_to(mount[1])]
    if not over:
        return None
    _, _, kind, options, *_ = mounts[max(over)[1]]  # the deepest, and of several at one place the last
    if kind == "overlay":
        upper = next((Path(one[9:]) for one in options.split(",") if one.startswith("upperdir=")), None)
        return in_memory(upper) if upper and upper.exists() else None  # in a container it can't be seen
    return kind if kind in IN_MEMORY else None

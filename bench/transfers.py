"""Import from a folder and export to one: instances and bytes a second.

    python -m bench.transfers [--index postgresql] [--blobs ceph] [--folder DIR]

It makes files, imports them with several numbers of threads, imports them again, and exports all.
"""

import time
from contextlib import closing
from pathlib import Path

from bench import archives, commands
from filmroom.archive import Archive
from filmroom.dicom.resources import Resource
from filmroom.services import crew, exports, imports, operations
from filmroom.services.operations import State, Worker
from tests import data

SIZES = (("10 KB", 64, 2000), ("530 KB", 512, 400))  # name, rows and columns of 16 bits, files
THREADS = (1, 8)


def laid(folder: Path, side: int, count: int) -> int:
    """Files of Studies of a hundred Instances, in a folder for each; gives their bytes."""
    size = 0
    study = series = ""
    pixels = bytes(side * side * 2)
    for number in range(count):
        if number % 100 == 0:
            study, series = data.uid(), data.uid()
            (folder / study).mkdir(parents=True)
        made = data.image(rows=side, columns=side, pixels=pixels, StudyInstanceUID=study, SeriesInstanceUID=series)
        content = data.file(made)
        (folder / study / f"{number}.dcm").write_bytes(content)
        size += len(content)
    return size


def took(archive: Archive, name: str, arguments: dict[str, object]) -> tuple[float, float]:
    """Seconds that an operation takes, of the clock and of the processors."""
    began, used = time.perf_counter(), time.process_time()
    worker = Worker(archive, "bench")
    begun = worker.begin(name, arguments)
    worker.run(begun)
    assert operations.status(archive, begun.id).state is State.SUCCEEDED
    return time.perf_counter() - began, time.process_time() - used


def tell(what: str, times: tuple[float, float], count: int, size: int) -> None:
    """A line of the report."""
    seconds, used = times
    each = 1000 * used / count
    print(f"{what:<28} {count / seconds:6.0f} /s {size / seconds / 1e6:6.1f} MB/s {each:5.2f} ms CPU each")


def main() -> None:
    """Measure, and print a line for each."""
    parser = archives.options("bench.transfers", "Measure imports from a folder and exports to one.")
    with archives.making(parser.parse_args()) as (folder, make):
        for name, side, count in SIZES:
            source, out = folder / f"in-{side}", folder / f"out-{side}"
            size = laid(source, side, count)
            out.mkdir()
            for threads in THREADS:
                crew.THREADS = threads
                with closing(Archive.open(make(f"data-{side}-{threads}"))) as archive:
                    given = imports.arguments(archive, source.as_uri(), 1 << 30)
                    tell(f"import, {name}, {threads} threads", took(archive, imports.IMPORT, given), count, size)
                    if threads == THREADS[-1]:
                        tell(f"import again, {name}", took(archive, imports.IMPORT, given), count, size)
                    everything = exports.arguments(archive, out.as_uri(), {}, [Resource()])
                    tell(f"export, {name}, {threads} threads", took(archive, exports.EXPORT, everything), count, size)


if __name__ == "__main__":
    commands.run(main)

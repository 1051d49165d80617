"""How long a check and a rebuild take: on an archive of small files, and on one of CT images.

    python -m bench.upkeep [--instances 4000] [--images 400] [--index postgresql] [--blobs ceph] [--folder DIR]

What is rebuilt is compared with what there was by the number of Instances; the tests compare every answer.
"""

import os
import time
from collections.abc import Callable
from contextlib import closing

from bench import archives, bulk, commands
from bench.data import KB_530, Instance, new_run
from bench.population import studies
from filmroom.archive import Archive
from filmroom.cli.readers import readers
from filmroom.dicom.resources import Resource
from filmroom.protocol.dialects import DICOMWEB
from filmroom.services import check, rebuild, store
from filmroom.services.check import Asked
from filmroom.services.examination import part
from filmroom.services.operations import Function, Worker
from filmroom.settings import Settings

PER_REQUEST = 50


def main() -> None:
    """Make both archives, and print a line for each that is measured."""
    parser = archives.options("bench.upkeep", "Measure check and rebuild.")
    parser.add_argument("--instances", type=int, default=4000, help="small files")
    parser.add_argument("--images", type=int, default=400, help="images of 530 KB")
    given = parser.parse_args()
    with archives.making(given) as (_, make):
        small, images = make("small"), make("images")
        with closing(Archive.open(small)) as archive:
            bulk.fill(archive, small.data, studies(given.instances), given.instances)
        with closing(Archive.open(images)) as archive:
            _images(archive, given.images)
        for settings in (small, images):
            _measure(settings, make)


def _images(archive: Archive, count: int) -> None:
    run = new_run()
    files = [b"".join(Instance(KB_530, run, 0, 0, number).pieces()) for number in range(count)]
    for start in range(0, count, PER_REQUEST):
        parts = list(map(part, files[start : start + PER_REQUEST]))
        store.store(archive, DICOMWEB, Resource(), parts, replace=False)


def _measure(settings: Settings, make: archives.Make) -> None:
    with closing(Archive.open(settings)) as archive:
        keys = [key for key, _ in archive.blobs.list()]
        size = sum(map(archive.blobs.size, keys))
        for asked, name in ((Asked(quick=True), "check --quick"), (Asked(), "check")):
            _say(settings, name, len(keys), size, lambda asked=asked: list(check.check(archive, asked)))  # type: ignore[misc]
    for processes in sorted({1, os.cpu_count() or 1}):
        emptied = _without_index(settings, make, processes)
        _say(settings, f"rebuild, {processes} processes", len(keys), size, lambda: _rebuild(emptied, processes))  # noqa: B023


def _without_index(settings: Settings, make: archives.Make, processes: int) -> Settings:
    """The settings of the same files, with an index that holds nothing."""
    for path in settings.data.glob("index.sqlite*"):
        path.unlink()
    return settings.model_copy(update={"index": make(f"{settings.data.name}-{processes}").index})


def _rebuild(settings: Settings, processes: int) -> None:
    with closing(Archive.open(settings, rebuilding=True)) as archive:
        rebuild.begin(archive)
        with readers(settings, archive, processes) as read:
            run = Function(lambda task: rebuild.rebuild(task, read))
            ran = Worker(archive, "bench", {rebuild.REBUILD: run}).run_next()
        assert ran is not None
        assert ran.outcome == "succeeded", ran


def _say(settings: Settings, name: str, files: int, size: int, work: Callable[[], object]) -> None:
    begin = time.monotonic()
    found = work()
    seconds = time.monotonic() - begin
    assert not found, found
    print(f"{settings.data.name:8}{name:24}{files / seconds:10.0f} instances/s{size / seconds / 1e6:10.1f} MB/s")


if __name__ == "__main__":
    commands.run(main)

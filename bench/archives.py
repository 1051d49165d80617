"""New archives, of the kind that the options of a benchmark of services ask for."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import machine
from bench.buckets import KINDS, bucket
from bench.postgresql import OPTIONS
from bench.servers import folder_in
from filmroom.settings import Settings
from tests import postgresql

Make = Callable[[str], Settings]  # the settings of a new archive, by a name of its own


def options(program: str, description: str) -> argparse.ArgumentParser:
    """What all of these benchmarks ask."""
    parser = argparse.ArgumentParser(program, description=description)
    parser.add_argument("--index", choices=("sqlite", "postgresql"), default="sqlite", help="which is started")
    parser.add_argument("--blobs", choices=KINDS, help="a bucket of an S3 that is started, in place of a folder")
    parser.add_argument("--folder", type=Path, help="where everything is stored; on a real disk")
    return parser


@contextmanager
def making(given: argparse.Namespace) -> Iterator[tuple[Path, Make]]:
    """A folder, and what makes archives beside it; all is gone with the block. Says what is measured."""
    with ExitStack() as stack:
        folder = stack.enter_context(folder_in(given.folder))
        blobs = stack.enter_context(bucket(given.blobs, given.folder)) if given.blobs else None
        server = None
        if given.index == "postgresql":
            server = stack.enter_context(postgresql.running(given.folder, OPTIONS))

        def make(name: str) -> Settings:
            wanted = {"data": folder / name, "codec_processes": 1}
            if server is not None:
                wanted["index"] = stack.enter_context(server.database(name.replace("-", "_")))
            if blobs is not None:
                wanted["blobs"] = f"{blobs}/{name}"
            return Settings.model_validate(wanted)

        stores = f"index {given.index}, files in {given.blobs or 'a folder'}"
        print(f"{machine.said(machine.described(folder))}, {stores}")
        yield folder, make

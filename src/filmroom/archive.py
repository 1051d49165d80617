"""The archive: the index, the blob store, the codec pool and the spool folder that the services work on."""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from filmroom.blobs import BlobStore, Folder
from filmroom.dicom import part10, transfer_syntax
from filmroom.errors import Unavailable
from filmroom.index.database import Database
from filmroom.index.group_commit import GroupCommit
from filmroom.index.instances import StoredInstance
from filmroom.pixels.pool import Pool
from filmroom.settings import Settings

LEFTOVER_AGE = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Archive:
    """What a service needs. One per process; threads share it."""

    index: Database
    additions: GroupCommit
    blobs: BlobStore
    pool: Pool
    spool: Path

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the archive under `settings.data`, making it when it is new."""
        spool = settings.data / "spool"
        try:
            spool.mkdir(parents=True, exist_ok=True)
            clear_spool(spool)
        except OSError as error:
            raise Unavailable(f"The data folder can't be used: {error.strerror}; look at its permissions.") from error
        blobs = Folder(settings.data / "blobs")
        index = Database(f"sqlite:///{(settings.data / 'index.sqlite').absolute()}", connections=settings.threads)
        return cls(
            index=index,
            additions=GroupCommit(index),
            blobs=blobs,
            pool=Pool(settings.codec_processes, settings.codec_timeout),
            spool=spool,
        )

    def read(self, stored: StoredInstance, ranges: Iterable[tuple[int, int]]) -> Iterator[bytes]:
        """Ranges (offset, length) of a stored data set, each read when it is taken.

        Offsets count in the inflated data set if it is stored deflated (PS3.5 §A.5).
        """
        if transfer_syntax.find(stored.transfer_syntax).deflated:
            buffer = part10.read(self.blobs.get(stored.key)).buffer
            return (bytes(buffer[offset : offset + length]) for offset, length in ranges)
        return (self.blobs.get_ranges(stored.key, [wanted])[0] for wanted in ranges)

    def close(self) -> None:
        """Let go of connections and worker processes."""
        self.pool.close()
        self.blobs.close()
        self.index.close()


def clear_spool(folder: Path) -> None:
    """Remove what requests of an earlier run left half received. A day's grace is for a service still running."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process clears it, too
            if time.time() - path.stat().st_mtime > LEFTOVER_AGE:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

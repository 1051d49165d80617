"""The archive: the index, the blob store, the codec pool and the spool folder that the services work on."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from filmroom.blobs import BlobStore, Folder
from filmroom.index.database import Database
from filmroom.index.group_commit import GroupCommit
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
        spool.mkdir(parents=True, exist_ok=True)
        clear_spool(spool)
        index = Database(f"sqlite:///{(settings.data / 'index.sqlite').absolute()}")
        return cls(
            index=index,
            additions=GroupCommit(index),
            blobs=Folder(settings.data / "blobs"),
            pool=Pool(settings.codec_processes, settings.codec_timeout),
            spool=spool,
        )

    def close(self) -> None:
        """Let go of connections and worker processes."""
        self.pool.close()
        self.index.close()


def clear_spool(folder: Path) -> None:
    """Remove what requests of an earlier run left half received. A day's grace is for a service still running."""
    for file in folder.glob("*"):
        if time.time() - file.stat().st_mtime > LEFTOVER_AGE:
            file.unlink(missing_ok=True)

"""The archive that services work on: index, blob store, codec pool, spool folder, and the cache of rendered images."""

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from pydantic import SecretStr
from sqlalchemy import URL

from filmroom import metrics
from filmroom.audit.sender import Sender, reporter
from filmroom.audit.syslog import Receiver
from filmroom.audit.trail import Trail
from filmroom.audit.writer import Audit
from filmroom.blobs import BlobStore, Folder, Metered, made_at, open_store
from filmroom.cache import Cache
from filmroom.dicom import part10, transfer_syntax
from filmroom.dicom.deidentification import Deidentification, Known, Option
from filmroom.entrance import Alone
from filmroom.errors import BadFile, Lost, Unavailable
from filmroom.index import instances, operations, patients, watermarks
from filmroom.index.database import Database
from filmroom.index.group_commit import GroupCommit
from filmroom.index.instances import StoredInstance
from filmroom.pixels.pool import Pool
from filmroom.profiles import BASIC, Profile
from filmroom.settings import Settings

INDEX = "index.sqlite"
BLOBS = "blobs"
AUDIT, AUDIT_KEY = "audit", "audit-key"
INDEX_ID = "index-id"  # the note that names the index elsewhere that the files belong to
LEFTOVER_AGE = 24 * 3600.0  # seconds, of what lies in the spool folder
ORPHAN_AGE = 24 * 3600.0  # and of files: one has no row until its store commits, however long it waits for that
CLOCKS = 60.0  # seconds by which those of several machines may differ
PRIVATE = 0o700  # of the data folder: it holds what is known of patients

_PAIR = re.compile(b"([0-9]{1,19}) ([0-9]{1,19})")  # what the note of a blob store says: whose it is, and which it is
_REASONS = {
    errno.EEXIST: "It is a file; name a folder.",
    errno.ENOTDIR: "A part of its path is a file; name a folder.",
    errno.ENOENT: "It can't be made at that place; name a folder on a disk.",
    errno.EACCES: "This user may not write there; change the permissions of the folder, or name another.",
    errno.EPERM: "This user may not write there; change the permissions of the folder, or name another.",
    errno.EROFS: "That disk can only be read; name a folder on another.",
    errno.ENOSPC: "The disk is full; free some space.",
    errno.ENAMETOOLONG: "Its name is too long; name another.",
    errno.ELOOP: "Its path leads round in a ring of links; name another.",
}


@dataclass(frozen=True, slots=True)
class Archive:
    """What a service needs. One per process; threads share it."""

    index: Database
    additions: GroupCommit
    blobs: BlobStore
    pool: Pool
    spool: Path
    renderings: Cache
    inflating: Alone
    # Options of places of exports and imports, by their URLs
    buckets: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    audit: Audit = field(default_factory=Audit, repr=False)  # by itself it writes nothing
    partitions: dict[str, int] = field(default_factory=dict)  # keys of data partitions by name, as they are found
    profiles: Mapping[str, Deidentification] = field(default_factory=dict, repr=False)  # by their names
    pseudonyms: Known = field(default_factory=Known, repr=False)

    @classmethod
    def open(cls, settings: Settings, *, rebuilding: bool = False, checking: bool = False) -> Self:
        """Open the archive under `settings.data`, making it when it is new.

        `rebuilding` is for who fills the index from the files, and opens also what is half filled; `checking`
        for who tells which files are lost, and opens also what has none.
        """
        spool, renderings = settings.data / "spool", settings.data / "rendered"
        try:
            settings.data.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            spool.mkdir(exist_ok=True)
            renderings.mkdir(mode=PRIVATE, exist_ok=True)
            clear_spool(spool)
        except OSError as error:
            raise Unavailable(_REASONS.get(error.errno or 0, f"The system says: {error.strerror}.")) from error
        with ExitStack() as undone:
            blobs = _blobs(settings)
            undone.callback(blobs.close)
            index = _index(settings, blobs, rebuilding, checking)
            undone.pop_all()
        return cls(
            index=index,
            additions=GroupCommit(index, blobs.settle),
            blobs=blobs,
            pool=Pool(
                settings.codec_processes,
                settings.codec_timeout,
                waited=metrics.codec_wait_seconds.observe,
                worked=metrics.codec_call_seconds.observe,
            ),
            spool=spool,
            renderings=Cache(
                renderings, settings.rendered_cache, max(settings.threads // 4, 1), processes=settings.workers
            ),
            inflating=Alone(settings.threads // 4),
            buckets={url: _plain(options) for url, options in settings.places_options.items()},
            profiles=_profiles(settings, index.secret),
            audit=Audit(trail(settings), partial(_patients, index), settings.audit_required),
        )

    def read(self, stored: StoredInstance, ranges: Iterable[tuple[int, int]]) -> Iterator[bytes]:
        """Ranges (offset, length) of a stored data set, each read when it is taken.

        Offsets count in the inflated data set if it is stored deflated (PS3.5 §A.5); then the first take reads all.
        """
        if transfer_syntax.find(stored.transfer_syntax).deflated:
            return self._inflated(stored, ranges)
        return self._batched(stored.key, ranges)

    def _batched(self, key: str, ranges: Iterable[tuple[int, int]]) -> Iterator[bytes]:
        """A call for as many ranges as the blob store likes to read at once."""
        batch: list[tuple[int, int]] = []
        size = 0
        for offset, length in ranges:
            if batch and size + length > self.blobs.batch:
                yield from self.blobs.get_ranges(key, batch)
                batch, size = [], 0
            batch.append((offset, length))
            size += length
        if batch:
            yield from self.blobs.get_ranges(key, batch)

    def _inflated(self, stored: StoredInstance, ranges: Iterable[tuple[int, int]]) -> Iterator[bytes]:
        wanted = list(ranges)
        with self.inflating, reading():
            buffer = part10.read(self.blobs.get(stored.key)).buffer
            # Each once, however often it is asked for: of a small file the buffer is large.
            taken = {(offset, length): bytes(buffer[offset : offset + length]) for offset, length in set(wanted)}
            del buffer
        yield from (taken[one] for one in wanted)

    def take_back(self, keys: Collection[str]) -> None:
        """Delete files that have no row; a commit that failed may have come through. What is left, the sweep takes."""
        if not keys:
            return
        with suppress(Unavailable):
            with self.index.read() as tx:
                nameless = instances.nameless(tx, keys)
            self.blobs.delete(nameless)

    def close(self) -> None:
        """Let go of connections and worker processes."""
        self.audit.close()
        self.pool.close()
        self.blobs.close()
        self.index.close()


@contextmanager
def reading() -> Iterator[None]:
    """What goes wrong with a file that was stored is no mistake of who asks for it."""
    try:
        with spooling():
            yield
    except BadFile as error:
        raise Lost("The file of a stored Instance is damaged; restore it from a backup.") from error


@contextmanager
def spooling() -> Iterator[None]:
    """What goes wrong with the spool folder."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"The spool folder can't be used: {error.strerror}.") from error


def trail(settings: Settings) -> Trail | None:
    """The audit trail, unless the settings want none."""
    if not settings.audit:
        return None
    folder, key = audit_places(settings)
    return Trail(folder, key, settings.audit_file_size, settings.audit_retention)


def audit_sender(settings: Settings) -> AbstractContextManager[object]:
    """Sends the audit trail to the syslog receiver of the settings, if there is one, as long as the block lasts."""
    if not settings.audit or settings.audit_syslog is None:
        return nullcontext()
    receiver = Receiver(settings.audit_syslog, settings.audit_syslog_ca, settings.audit_syslog_cert)
    return Sender(audit_places(settings)[0], receiver, reporter(settings.audit_site))


def audit_places(settings: Settings) -> tuple[Path, Path]:
    """The folder of the audit trail, and the file with the key of its seals."""
    return settings.audit_folder or settings.data / AUDIT, settings.audit_key or settings.data / AUDIT_KEY


def _patients(index: Database, studies: Iterable[tuple[int, str]]) -> Mapping[tuple[int, str], str]:
    with index.read() as tx:
        return patients.identifiers(tx, studies)


def is_archive(settings: Settings) -> bool:
    """Whether there is an archive; one elsewhere is asked when it is opened."""
    if settings.index and settings.blobs:
        return True
    notes = [settings.data / INDEX] if settings.blobs else [settings.data / INDEX, settings.data / BLOBS / INDEX_ID]
    return any(map(os.path.isfile, notes))  # False as well where one may not look


def _blobs(settings: Settings) -> BlobStore:
    if settings.blobs is None:
        return Metered(Folder(settings.data / BLOBS), "folder")
    kind = "folder" if settings.blobs.startswith("file:") else "bucket"
    return Metered(open_store(settings.blobs, _plain(settings.blobs_options)), kind)


def _plain(options: Mapping[str, SecretStr]) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in options.items()}


def _profiles(settings: Settings, secret: bytes) -> dict[str, Deidentification]:
    """The profiles of de-identification. Who gives a profile no key has one that the index knows, and nobody else."""
    made = {}
    for name, profile in {BASIC: Profile(), **settings.deidentification}.items():
        options = map(Option, profile.options)
        if profile.key is None:
            made[name] = Deidentification.of(options, secret, name)
        else:  # the same pseudonyms in other archives, and under other names
            made[name] = Deidentification.of(options, profile.key.get_secret_value().encode())
    return made


def index_url(settings: Settings) -> str | URL:
    """Where the index is."""
    if settings.index:
        return settings.index.get_secret_value()
    path = (settings.data / INDEX).absolute()
    return URL.create("sqlite", database=str(path))  # as text, a "?" in the path would begin options


def _index(settings: Settings, blobs: BlobStore, rebuilding: bool, checking: bool) -> Database:
    """The index of the files. Never another one: its sweep would remove them, for it names none of them."""
    if settings.index is None and settings.blobs is None and blobs.read_note(INDEX_ID) is not None:
        raise Unavailable("Its index is in PostgreSQL: say where, by the setting index.")
    if settings.index is not None and settings.blobs is None and os.path.exists(settings.data / INDEX):
        raise Unavailable(
            f"It has an index of its own ({INDEX}): move that away, with -wal and -shm if they are there, "
            "and run `filmroom rebuild`, which makes the one in PostgreSQL from the files."
        )
    index = Database(index_url(settings), connections=settings.threads)
    with ExitStack() as undone:
        undone.callback(index.close)
        if not rebuilding:
            _check_filled(index, blobs)
            if settings.index or settings.blobs:
                _check_pair(settings, index, blobs)
            elif not checking:
                _check_mounted(index, blobs)
        undone.pop_all()
    return index


def _check_filled(index: Database, blobs: BlobStore) -> None:
    """An index that was lost is made anew by whoever opens it. It must not take the files for left ones, and sweep."""
    with index.read() as tx:
        rebuilt = operations.fetch_latest(tx, operations.REBUILD)
        made = watermarks.empty_since(tx) if rebuilt is None else None
    if rebuilt is not None and rebuilt.state is not operations.State.SUCCEEDED:
        raise Unavailable("Its index is only half rebuilt: run `filmroom rebuild` to its end.")
    if made is not None and any(made_at(key) < made - CLOCKS for key, _ in blobs.list()):
        raise Unavailable(
            "Its index is empty, but there are files older than the index: restore the index from a backup, "
            "or run `filmroom rebuild`, which makes it from the files."
        )


def _check_mounted(index: Database, blobs: BlobStore) -> None:
    """The folder of the files may lie on a disk of its own. What is stored below its mount, the mount would hide."""
    with index.read() as tx:
        stored = watermarks.largest(tx)
    if stored and not any(True for _ in blobs.list()):
        raise Unavailable(
            f"Its index has instances, but the folder {BLOBS} has no file: if it lies on a disk of its own, "
            "mount that; if the files are lost, `filmroom check` says which, and a backup may have them."
        )


def _check_pair(settings: Settings, index: Database, blobs: BlobStore) -> None:
    """Only what is new on both sides becomes a pair: the folder may be one where a disk is not mounted.

    The blob store says first whose it is, then the index takes it: whoever dies between the two can begin again.
    """
    identity, taken = index.pair()
    found = blobs.read_note(INDEX_ID)
    if found is None:
        if not taken and not any(True for _ in blobs.list()):
            # Of several at once the first stays, and each reads which one that is.
            blobs.write_note(INDEX_ID, f"{identity} {1 + secrets.randbits(62)}".encode(), once=True)
        found = blobs.read_note(INDEX_ID)  # another may have made the pair since, and have stored already
    said = _PAIR.fullmatch((found or b"").strip())
    if said is None or int(said[1]) != identity or not index.take(int(said[2])):
        right = "{} {}".format(*index.pair())
        where = f"Its folder {BLOBS}" if settings.blobs is None else settings.blobs
        says = "is missing" if found is None else f"says {_shown(found)}"
        raise Unavailable(
            f"{where} does not hold the files of this index: there {INDEX_ID} {says}, and has to say {right}. "
            f"{'Is its disk mounted?' if settings.blobs is None else 'Is it the right bucket and prefix?'}"
        )


def _shown(note: bytes) -> str:
    """What a note says, as far as it is worth reading."""
    return note[:50].decode("ascii", "replace").strip() or "nothing"


def take_over(settings: Settings, archive: Archive) -> None:
    """Have the files belong to this index, whichever they belonged to: it was made of them."""
    if settings.index or settings.blobs:
        identity, taken = archive.index.pair()
        number = taken or 1 + secrets.randbits(62)
        archive.blobs.write_note(INDEX_ID, f"{identity} {number}".encode())
        archive.index.take(number)


def clear_spool(folder: Path) -> None:
    """Remove what requests of an earlier run left half received. A day's grace is for a service still running."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process clears it, too
            if time.time() - path.stat().st_mtime > LEFTOVER_AGE:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

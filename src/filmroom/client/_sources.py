"""What can be stored (files, folders, bytes, file objects, Datasets) as streams of PS3.10 bytes, and bodies of them."""

import copy
import io
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import anyio
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_partial
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from filmroom.client._folders import PassedOver, dicom_files, is_regular
from filmroom.client._parts import UNREADABLE
from filmroom.dicom import beginning
from filmroom.protocol import multipart

Instance = Dataset | bytes | bytearray | memoryview | str | os.PathLike[str] | IO[bytes]
Instances = Instance | Iterable[Instance]

CHUNK = 1 << 20  # bytes read and sent at once
SOP_INSTANCE_UID = 0x00080018
HEAD = 4096  # enough for the File Meta Information of nearly every file

_PART_HEADERS = {"Content-Type": "application/dicom"}
# The Transfer Syntax of a Dataset that has no File Meta Information, by (implicit VR, little endian).
_SYNTAXES = {
    (True, True): ImplicitVRLittleEndian,
    (False, True): ExplicitVRLittleEndian,
    (False, False): ExplicitVRBigEndian,
}


class Changed(OSError):
    """A file has another length than when its store began."""


@dataclass(frozen=True, slots=True)
class Source:
    """One Instance to be stored.

    number  its position in what was given, files of folders counted
    path    the file it comes from, if any
    size    its length in bytes; None when only reading tells
    again   it can be read more than once
    uid     its SOP Instance UID by the File Meta Information; None when that can't be read beforehand
    read    yields its bytes
    """

    number: int
    path: Path | None
    size: int | None
    again: bool
    uid: str | None
    read: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something given that can't be sent, and why."""

    number: int
    path: Path | None
    reason: str
    missing: bool = False


def each(given: Instances, passed_over: PassedOver) -> Iterator[Instance | OSError]:
    """What was given, one by one; folders as the DICOM files under them, an OSError where one can't be read."""
    single = isinstance(given, Dataset | bytes | bytearray | memoryview | str | os.PathLike) or hasattr(given, "read")
    for item in [given] if single else given:  # type: ignore[union-attr]
        if isinstance(item, str | os.PathLike) and os.path.isdir(item):
            yield from dicom_files(Path(item), passed_over)
        else:
            yield item  # type: ignore[misc]


def totals(given: Instances, passed_over: PassedOver) -> tuple[Iterable[Instance | OSError], int | None, int | None]:
    """What was given, how many Instances and how many bytes. A generator is not run ahead, so for it both are None."""
    if isinstance(given, Iterator) and not hasattr(given, "read"):
        return each(given, passed_over), None, None
    items = list(each(given, passed_over))
    sizes = [_size(item) for item in items]
    known = [size for size in sizes if size is not None]
    return items, len(items), sum(known) if len(known) == len(sizes) else None


def _size(item: Instance | OSError) -> int | None:
    if isinstance(item, str | os.PathLike):
        path = Path(item)
        return path.stat().st_size if os.path.isfile(path) else None
    return memoryview(item).nbytes if isinstance(item, bytes | bytearray | memoryview) else None


def source(number: int, item: Instance | OSError) -> Source | Unreadable:
    """`item` made ready to be sent. A Dataset is encoded here. An OSError is that of a folder."""
    if isinstance(item, OSError):
        folder = Path(item.filename)
        return Unreadable(number, folder, f"the folder can't be read: {item.strerror}")
    path = Path(item) if isinstance(item, str | os.PathLike) else None
    try:
        if path is not None:
            return _of_file(number, path)
        if isinstance(item, Dataset):
            return _of_bytes(number, encode(item))
        if isinstance(item, bytes | bytearray | memoryview):
            return _of_bytes(number, item)
    except (OSError, *UNREADABLE) as error:
        return Unreadable(number, path, _why(error, path), isinstance(error, FileNotFoundError))
    if hasattr(item, "read"):
        return _of_file_object(number, item)  # type: ignore[arg-type]
    raise TypeError(
        f"What can be stored is a path, bytes, a binary file object or a Dataset, not {type(item).__name__}."
    )


def _why(error: Exception, path: Path | None) -> str:
    """The reason alone; the path stands beside it."""
    said = error.strerror or error if isinstance(error, OSError) else error
    return f"it can't be {'encoded' if path is None else 'read'}: {str(said).rstrip('.')}"


def _of_file(number: int, path: Path) -> Source | Unreadable:
    if not is_regular(path):
        return Unreadable(number, path, "it is not a regular file")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        uid = _instance_uid(file.read(HEAD))

    def read() -> Iterator[bytes]:
        with path.open("rb") as file:
            yield from _chunks(file, size)

    return Source(number, path, size, True, uid, read)


def _of_bytes(number: int, content: bytes | bytearray | memoryview) -> Source:
    view = memoryview(content).cast("B")

    def read() -> Iterator[bytes]:
        for start in range(0, len(view), CHUNK):
            yield bytes(view[start : start + CHUNK])

    return Source(number, None, len(view), True, _instance_uid(bytes(view[:HEAD])), read)


def _of_file_object(number: int, file: IO[bytes]) -> Source:
    """From where it stands to its end. One that can't go back is sent with chunked transfer coding, once."""
    if not file.seekable():
        return Source(number, None, None, False, None, lambda: _chunks(file, None))
    start = file.tell()
    size = file.seek(0, io.SEEK_END) - start
    file.seek(start)
    uid = _instance_uid(file.read(HEAD))
    file.seek(start)

    def read() -> Iterator[bytes]:
        file.seek(start)
        yield from _chunks(file, size)

    return Source(number, None, size, True, uid, read)


def _chunks(file: IO[bytes], size: int | None) -> Iterator[bytes]:
    """All of `file` from where it stands; it must have `size` bytes, for that was announced."""
    count = 0
    while chunk := file.read(CHUNK):
        count += len(chunk)
        if size is not None and count > size:
            break
        yield chunk
    if size is not None and count != size:
        raise Changed("A file changed its length while it was being stored.")


def _instance_uid(head: bytes) -> str | None:
    """By the File Meta Information, or by a data set without one."""
    bare = head[128:132] != b"DICM" and beginning.is_data_set(head)
    try:
        found = read_partial(io.BytesIO(head), stop_when=lambda tag, *_: not bare or tag > SOP_INSTANCE_UID, force=bare)
        uid = found.file_meta.get("MediaStorageSOPInstanceUID") or found.get("SOPInstanceUID")
    except UNREADABLE:
        return None
    return str(uid or "").strip(" \0") or None


def encode(dataset: Dataset) -> bytes:
    """The PS3.10 bytes of a Dataset. File Meta Information that is missing is made from the data set."""
    meta = FileMetaDataset()
    meta.update(getattr(dataset, "file_meta", {}))
    if "TransferSyntaxUID" not in meta:
        encoding: Any = dataset.original_encoding
        meta.TransferSyntaxUID = _SYNTAXES.get(encoding, ExplicitVRLittleEndian)
    syntax = meta.TransferSyntaxUID
    copied = copy.copy(dataset)
    copied.file_meta = meta
    target = io.BytesIO()
    if syntax.is_private:
        dcmwrite(target, copied, enforce_file_format=True)
    else:
        dcmwrite(
            target,
            copied,
            enforce_file_format=True,
            implicit_vr=syntax.is_implicit_VR,
            little_endian=syntax.is_little_endian,
        )
    return target.getvalue()


class Body:
    """A multipart body of Instances (PS3.18 §8.6.1.2). Each iteration reads the sources anew.

    `sent` is told how many bytes of Instances went out, and when an iteration begins anew, how many less they are now.
    """

    def __init__(self, sources: Sequence[Source], sent: Callable[[int], None]) -> None:
        self._sources = sources
        self._boundary = multipart.new_boundary()
        self._head = multipart.part_head(self._boundary, _PART_HEADERS)
        self._tail = multipart.part_tail()
        self._sent = sent
        self._counted = 0
        self.reading: Source | None = None  # the one that is being sent

    @property
    def repeatable(self) -> bool:
        """It can be sent more than once."""
        return all(source.again for source in self._sources)

    @property
    def headers(self) -> dict[str, str]:
        """Content-Type, and Content-Length when every length is known."""
        content_type = f'multipart/related; type="application/dicom"; boundary={self._boundary}'
        sizes = [source.size for source in self._sources]
        frame = len(self._head) + len(self._tail)
        length = sum(frame + (size or 0) for size in sizes) + len(multipart.closing(self._boundary))
        return {"content-type": content_type} | ({} if None in sizes else {"content-length": str(length)})

    def __iter__(self) -> Iterator[bytes]:
        if self._counted:
            self._sent(-self._counted)
            self._counted = 0
        for source in self._sources:
            self.reading = source
            yield self._head
            for chunk in source.read():
                yield chunk
                self._counted += len(chunk)
                self._sent(len(chunk))
            yield self._tail
        yield multipart.closing(self._boundary)


class AsyncBody:
    """A Body for an asynchronous client: files are read in worker threads."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = iter(self._body)
        while (chunk := await anyio.to_thread.run_sync(next, chunks, None)) is not None:
            yield chunk

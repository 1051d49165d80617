"""A streamed answer cut into its parts, each spooled (memory first, then disk) and handed out when it is whole."""

import contextlib
import io
import mmap
import os
import re
import struct
import sys
import tempfile
import uuid
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import httpx2
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.tag import Tag

from filmroom.client._options import OnProgress, Progress
from filmroom.client.exceptions import BadResponse
from filmroom.dicom import beginning, part10
from filmroom.errors import BadFile, Error
from filmroom.protocol import media_types, multipart

IN_MEMORY = 4 << 20  # bytes of a part that stay in memory
DEFERRED = 1 << 20  # values of a spooled Instance above this size are read when they are asked for

_IDENTIFIERS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
SERIES_INSTANCE_UID = 0x0020000E  # the last of them
_UNSAFE = re.compile(r"[^0-9A-Za-z.-]")

# What pydicom raises on bytes that are not what they claim to be; it has no common class for them.
UNREADABLE = (
    InvalidDicomError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


class Content(bytes):
    """The bytes of a Frame, a bulk value or a rendered image, and what they are.

    media_type       "image/jp2"
    transfer_syntax  UID as the service named it; None when it named none
    location         URL of just this content (Content-Location); None when the service gave none
    """

    media_type: str
    transfer_syntax: str | None
    location: str | None

    def __new__(cls, content: bytes, content_type: str, location: str | None = None) -> Self:
        """`content` of the type that a Content-Type header gives."""
        made = super().__new__(cls, content)
        parsed = media_types.parse(content_type)
        made.media_type = parsed.type
        made.transfer_syntax = parsed.parameters.get("transfer-syntax")
        made.location = location
        return made


class Spool(tempfile.SpooledTemporaryFile[bytes]):
    """Bytes that are kept in memory, and on disk when they are many. Closed with its last reference.

    A Dataset whose large values are still on disk is such a reference; its copies share it.
    """

    def __init__(self) -> None:
        super().__init__(max_size=IN_MEMORY)

    @property
    def name(self) -> None:
        """None: the file has no name by which anybody could open it."""
        return None

    def __repr__(self) -> str:
        where = self.tell()
        size = self.seek(0, io.SEEK_END)
        self.seek(where)
        return f"<{type(self).__name__}: {size:,} bytes>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __del__(self) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Part:
    """A whole part: its headers (names in lower case) and its content, to be read from the beginning."""

    headers: dict[str, str]
    file: IO[bytes]
    is_range: bool = False  # it holds the range that was asked for (206), not everything

    @property
    def content_type(self) -> str:
        """Its Content-Type; empty when it has none."""
        return self.headers.get("content-type", "")


class Splitter:
    """Cuts one answer into parts as its bytes arrive. An answer that is not multipart is one part.

    `open_file` makes the file that a part is written to; `expected` is how many parts there must be. Leaving the
    `with` lets go of a part that did not become whole.
    """

    def __init__(
        self,
        headers: httpx2.Headers,
        open_file: Callable[[], IO[bytes]],
        expected: int | None = None,
        progress: OnProgress | None = None,
        *,
        is_range: bool = False,
    ) -> None:
        self._is_range = is_range
        self._headers = {name.lower(): value for name, value in headers.items()}
        self._open_file = open_file
        self._expected = expected
        self._progress = progress
        self._total = _total(headers)
        self._file: IO[bytes] | None = None
        self._part_headers = self._headers
        self._decoder: multipart.Decoder | None = None
        self._bytes = self._parts = 0
        content_type = self._headers.get("content-type", "")
        if media_types.parse(content_type).type.startswith("multipart/"):
            with _as_bad_response():
                self._decoder = multipart.Decoder(multipart.boundary_of(content_type), most_parts=sys.maxsize)

    def feed(self, chunk: bytes) -> Iterator[Part]:
        """The parts that `chunk` completes."""
        self._bytes += len(chunk)
        if self._decoder is None:
            self._write(chunk)
        else:
            with _as_bad_response():
                events = self._decoder.feed(chunk)
            for event in events:
                if isinstance(event, multipart.Headers):
                    self._part_headers = dict(event.fields)
                    self._file = self._open_file()
                elif isinstance(event, multipart.Data):
                    self._write(event.content)
                else:
                    yield self._finish()
        self._report()

    def close(self) -> Iterator[Part]:
        """The last part of an answer that is not multipart. Says so when the answer is not whole."""
        if self._decoder is not None:
            with _as_bad_response():
                self._decoder.close()
        elif self._bytes:
            yield self._finish()
            self._report()
        if self._expected not in {None, self._parts}:
            raise BadResponse(f"The answer has {self._parts} parts; {self._expected} were asked for.")

    def _write(self, content: bytes | memoryview) -> None:
        if self._file is None:
            self._file = self._open_file()
        self._file.write(content)

    def _finish(self) -> Part:
        file = self._file or self._open_file()
        self._file = None
        self._parts += 1
        file.seek(0)
        return Part(self._part_headers, file, self._is_range)

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(Progress(self._parts, None, self._bytes, self._total))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            try:
                self._file.close()  # which may fail too when the disk is full
            finally:
                remove(self._file)


def _total(headers: httpx2.Headers) -> int | None:
    """The length of the answer; compressed ones have a length that is not the one that is counted."""
    length = headers.get("content-length", "")
    return int(length) if length.isdigit() and "content-encoding" not in headers else None


@contextlib.contextmanager
def _as_bad_response() -> Iterator[None]:
    """What `protocol` says of a request that can't be understood is here true of an answer."""
    try:
        yield
    except Error as error:
        raise BadResponse(f"The multipart answer can't be read: {error}") from error


def content(part: Part) -> Content:
    """The bytes of a part."""
    with part.file as file:
        return Content(file.read(), part.content_type, part.headers.get("content-location"))


def cut(part: Part, byte_range: tuple[int] | tuple[int, int]) -> Content:
    """A range of the bytes of a part. Not every service cuts: RFC 9110 §14.2 lets it send everything."""
    if part.is_range:
        return content(part)
    first, last = byte_range[0], byte_range[1] if len(byte_range) > 1 else None
    with part.file as file:
        file.seek(first)
        return Content(file.read(-1 if last is None else last - first + 1), part.content_type)


def spooled(part: Part) -> IO[bytes]:
    """The file of a part, as it is."""
    return part.file


def instance(part: Part) -> FileDataset:
    """The Instance of a part. Of one that is spooled on disk, large values are read when they are first asked for."""
    file = part.file
    on_disk = file.seek(0, io.SEEK_END) > IN_MEMORY
    file.seek(0)
    made = _read(file, defer_size=DEFERRED if on_disk else None)
    if not on_disk:
        made.buffer = None
        file.close()
    return made


def _read(file: IO[bytes], **options: Any) -> FileDataset:
    """PS3.10, or the data set alone, which some services send."""
    bare = beginning.is_data_set(file.read(4))
    file.seek(0)
    try:
        made = dcmread(file, force=bare, **options)
    except UNREADABLE as error:
        raise _unreadable() from error
    if bare and not made:
        raise BadResponse("A part of the answer is neither a PS3.10 file nor a data set.")
    return made


def _names(file: IO[bytes]) -> Dataset:
    """The UIDs of an Instance. pydicom would inflate all of a deflated one for them, which may be gigabytes."""
    try:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            head = part10.read_head(mapped)
            if head.deflated:
                deflated = mapped[head.end : head.end + part10.ALWAYS_INFLATED]
                return _names_inflated(zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, part10.ALWAYS_INFLATED))
    except (BadFile, *UNREADABLE) as error:
        raise _unreadable() from error
    return _read(file, specific_tags=list(_IDENTIFIERS), stop_before_pixels=True)


def _names_inflated(data_set: bytes) -> Dataset:
    return read_dataset(
        io.BytesIO(data_set),
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, *_: tag > SERIES_INSTANCE_UID,
        specific_tags=[Tag(identifier) for identifier in _IDENTIFIERS],
    )


def _unreadable() -> BadResponse:
    return BadResponse("A part of the answer is not a readable PS3.10 file.")


def in_folder(folder: Path) -> IO[bytes]:
    """A new file under a name of its own in `folder`, for a part that will be kept."""
    return open(folder / f".{uuid.uuid4().hex}.part", "x+b")  # closed by who keeps or removes it


def remove(file: IO[bytes]) -> None:
    """Remove a file of `in_folder` that is not kept. A `Spool` has no name and goes by itself."""
    if isinstance(file.name, str):
        Path(file.name).unlink(missing_ok=True)


class File:
    """Keeps the only part as one file. It has its name only when it is whole; one that was there is replaced."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def open(self) -> IO[bytes]:
        """A file beside it for what comes."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return in_folder(self._path.parent)

    def keep(self, part: Part) -> Path:
        """Give the file its name."""
        try:
            part.file.close()
            os.replace(part.file.name, self._path)
        except OSError:
            remove(part.file)
            raise
        return self._path


class Folder:
    """Keeps parts as `study/series/instance.dcm` under one folder. What an earlier download left there is replaced.

    Names come from the service, so only what is harmless in a file name is taken over.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        self._taken: dict[Path, int] = {}  # to how many parts wanted the name

    def open(self) -> IO[bytes]:
        """A file for the next part."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return in_folder(self._folder)

    def keep(self, part: Part) -> Path:
        """Give the part its name, and say which."""
        with contextlib.ExitStack() as failed:
            failed.callback(remove, part.file)
            with part.file as file:
                names = _names(file)
            path = self._free(names)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(part.file.name, path)
            failed.pop_all()
        return path

    def _free(self, names: Dataset) -> Path:
        """A path that no other part of this download has."""
        study, series, name = (safe_name(str(names.get(identifier, ""))) for identifier in _IDENTIFIERS)
        wanted = path = self._folder / study / series / f"{name}.dcm"
        while path in self._taken:
            self._taken[wanted] += 1
            path = wanted.with_name(f"{name}-{self._taken[wanted]}.dcm")
        self._taken[path] = 1
        return path


def safe_name(uid: str) -> str:
    """`uid` as the name of a file: no separators, no leading dots, no more than 64 characters, never empty."""
    return _UNSAFE.sub("_", uid.strip(" \0")).lstrip(".")[:64] or "unknown"

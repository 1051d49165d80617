"""The body of a store request, received as a stream: its parts in memory while small, else spooled to disk.

PS3.18 §10.5.1 and §8.7.1. Nothing here knows DICOM; what a part holds is for the service to say.
"""

import hashlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

from starlette.requests import Request

from filmroom.archive import spooling
from filmroom.dicom.wording import Wording
from filmroom.durable import write_all
from filmroom.errors import BadRequest, TooLarge, UnsupportedMediaType
from filmroom.protocol import media_types, multipart
from filmroom.server.lanes import Lane
from filmroom.services.examination import Part

DICOM = "application/dicom"
_PART_TYPES = frozenset({DICOM, "application/octet-stream"})  # where lenient: some senders don't say what bytes are
WRITE = 1 << 20  # bytes written to disk in one hop


@dataclass(slots=True)
class Receiver:
    """The parts of one request. Use `with`: what was spooled and not moved into the archive is removed at the end."""

    work: Lane
    spool: Path
    memory: int  # bytes that this request may still hold in memory
    limit: int  # largest part in bytes
    parts: list[Part] = field(default_factory=list)
    _files: list[Path] = field(default_factory=list)
    _waiting: bytearray = field(default_factory=bytearray)
    _length: int = 0
    _file: BinaryIO | None = None
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        for path in self._files:
            path.unlink(missing_ok=True)

    async def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes of the current part."""
        self._length += len(data)
        if self._length > self.limit:
            raise TooLarge(f"The request exceeded the allowed limit of {self.limit} bytes.")
        self._waiting += data
        if len(self._waiting) >= WRITE and (self._file is not None or self._length > self.memory):
            await self.work.run(self._spool)

    async def end(self) -> None:
        """The current part is complete."""
        if self._file is None and self._length <= self.memory:
            self.memory -= self._length
            self.parts.append(Part(self._waiting, self._length))
        else:
            await self.work.run(self._finish)
        self._waiting, self._length = bytearray(), 0

    def _spool(self) -> None:
        with spooling():
            if self._file is None:
                path = self.spool / uuid.uuid4().hex
                self._file = path.open("xb", buffering=0)
                self._files.append(path)
                self._digest = hashlib.sha256()
            write_all(self._file.fileno(), self._waiting)
        self._digest.update(self._waiting)
        self._waiting = bytearray()

    def _finish(self) -> None:
        self._spool()
        assert self._file is not None
        self._file.close()
        self.parts.append(Part(self._files[-1], self._length, self._digest.digest()))
        self._file = None


async def receive(request: Request, receiver: Receiver, *, lenient: bool, said: Wording) -> None:
    """Read the whole body into `receiver.parts`. `lenient` accepts other ways to put the type of a part, or none."""
    _check_encoding(request.headers.getlist("content-encoding"))
    content_type = request.headers.get("content-type", "")
    media_type = media_types.parse(content_type)
    if media_type.type == DICOM and (lenient or not media_type.parameters):
        await _single(request.stream(), receiver)
    elif media_type.type == "multipart/related":
        await _multipart(request.stream(), content_type, media_type, receiver, lenient, said)
    else:
        raise UnsupportedMediaType(said.content_type.format(content_type=content_type))


def _check_encoding(codings: list[str]) -> None:
    given = {coding.strip().lower() for line in codings for coding in line.split(",")} - {"", "identity"}
    if given:
        raise UnsupportedMediaType(
            f"The header Content-Encoding '{', '.join(codings)}' is not supported: "
            "send the body uncompressed and without this header."
        )


async def _single(stream: AsyncIterator[bytes], receiver: Receiver) -> None:
    async for chunk in stream:
        await receiver.write(chunk)
    await receiver.end()


async def _multipart(
    stream: AsyncIterator[bytes],
    content_type: str,
    media_type: media_types.MediaType,
    receiver: Receiver,
    lenient: bool,
    said: Wording,
) -> None:
    if "start" in media_type.parameters:
        raise BadRequest("The start parameter in multipart/related request is not supported.")
    decoder = multipart.Decoder(multipart.boundary_of(content_type))
    default = media_type.parameters.get("type", "")
    async for chunk in stream:
        for event in decoder.feed(chunk):
            match event:
                case multipart.Headers(fields):
                    kind = fields.get("content-type", default if lenient or not receiver.parts else "")
                    _check_type(kind, lenient, said)
                case multipart.Data(data):
                    await receiver.write(data)
                case multipart.End():
                    await receiver.end()
    decoder.close()


def _check_type(content_type: str, lenient: bool, said: Wording) -> None:
    known = media_types.parse(content_type).type in _PART_TYPES if lenient else content_type.strip().lower() == DICOM
    if not known:
        raise UnsupportedMediaType(said.content_type.format(content_type=content_type))

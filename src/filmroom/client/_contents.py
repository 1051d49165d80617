"""Files, Frames, Pixel Data and bulk values as bytes, and ranges of these, for both clients (PS3.18 §10.4)."""

import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar, Unpack

from filmroom.client import _parts, _saved
from filmroom.client._messages import INSTANCES, Request, Stream, accept
from filmroom.client._options import ContentOptions, MediaOptions, MediaTypes, RequestOptions
from filmroom.client._parts import Content, Part
from filmroom.client._saved import ContentFile
from filmroom.client._service import Service, encoded, frames_path, path, path_within

T = TypeVar("T")
Range = tuple[int] | tuple[int, int]

OCTETS = ("application/octet-stream",)


class Contents:
    """Methods of the synchronous client."""

    _service: Service

    if TYPE_CHECKING:  # the client has them

        def _stream(self, stream: Stream[T]) -> Generator[T, None, None]: ...

        def _only(self, stream: Stream[T]) -> T: ...

    def retrieve_instance_bytes(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        **options: Unpack[ContentOptions],
    ) -> Content:
        """The file of an Instance, unread, or with `byte_range=` a part of it. Keywords: `ContentOptions`."""
        resource = path(study_instance_uid, series_instance_uid, sop_instance_uid)
        return self._only(_only_content(self._service, resource, INSTANCES, **options))

    def iter_instance_frames(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        frame_numbers: Sequence[int],
        **options: Unpack[ContentOptions],
    ) -> Generator[Content, None, None]:
        """Frames (numbers from 1) in the order asked for, one by one while they arrive. Keywords: `ContentOptions`.

        Each is bytes, with `.media_type` and `.transfer_syntax` beside. A `byte_range=` is one of a single Frame.
        """
        uids = study_instance_uid, series_instance_uid, sop_instance_uid
        return self._stream(_frames(self._service, *uids, frame_numbers, **options))

    def retrieve_instance_frames(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        frame_numbers: Sequence[int],
        **options: Unpack[ContentOptions],
    ) -> list[Content]:
        """Frames (numbers from 1) in the order asked for: see `iter_instance_frames`. Keywords: `ContentOptions`."""
        uids = study_instance_uid, series_instance_uid, sop_instance_uid
        return list(self.iter_instance_frames(*uids, frame_numbers, **options))

    def iter_pixeldata(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        **options: Unpack[ContentOptions],
    ) -> Generator[Content, None, None]:
        """All Frames and videos of a Study, Series or Instance, one by one while they arrive.

        Each is bytes, with `.media_type`, `.transfer_syntax` and, if the service says of what it is, `.location`
        beside. A `byte_range=` is one of an Instance with one Frame or a video. Keywords: `ContentOptions`.
        """
        uids = study_instance_uid, series_instance_uid, sop_instance_uid
        return self._stream(_pixeldata(self._service, *uids, **options))

    def retrieve_pixeldata(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        **options: Unpack[ContentOptions],
    ) -> list[Content]:
        """All Frames and videos, at once in memory: see `iter_pixeldata`. Keywords: `ContentOptions`."""
        return list(self.iter_pixeldata(study_instance_uid, series_instance_uid, sop_instance_uid, **options))

    def iter_bulkdata(self, url: str, **options: Unpack[ContentOptions]) -> Generator[Content, None, None]:
        """The values at a BulkDataURI of Metadata, one by one while they arrive. Keywords: `ContentOptions`."""
        return self._stream(_bulkdata(self._service, url, **options))

    def retrieve_bulkdata(self, url: str, **options: Unpack[ContentOptions]) -> list[Content]:
        """The values at a BulkDataURI of Metadata, usually one. Keywords: `ContentOptions`."""
        return list(self.iter_bulkdata(url, **options))

    def iter_bulkdata_files(
        self, url: str, *, folder: str | os.PathLike[str], **options: Unpack[ContentOptions]
    ) -> Generator[ContentFile, None, None]:
        """The values at a BulkDataURI, each written to a file in `folder` while it arrives; none is in memory whole.

        A file has a name of its own (`.path`), by which it is removed when the next one is asked for: whoever wants it
        gives it another name before. Keywords: `ContentOptions`.
        """
        with contextlib.closing(self._stream(_bulkdata_files(self._service, url, folder, **options))) as files:
            for file in files:
                try:
                    yield file
                finally:
                    file.remove()

    def iter_all_bulkdata(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        **options: Unpack[MediaOptions],
    ) -> Generator[Content, None, None]:
        """All bulk values of a Study, Series or Instance, one by one while they arrive.

        Each is bytes; its `.location` is the BulkDataURI that Metadata has for it. Keywords: `MediaOptions`.
        """
        resource = path_within(study_instance_uid, series_instance_uid, sop_instance_uid)
        return self._stream(_contents(self._service, f"{resource}/bulkdata", **options))

    def retrieve_all_bulkdata(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        **options: Unpack[MediaOptions],
    ) -> list[Content]:
        """All bulk values, at once in memory: see `iter_all_bulkdata`. Keywords: `MediaOptions`."""
        return list(self.iter_all_bulkdata(study_instance_uid, series_instance_uid, sop_instance_uid, **options))


class AsyncContents:
    """Methods of the asynchronous client, which are those of `Contents`."""

    _service: Service

    if TYPE_CHECKING:  # the client has them

        def _stream(self, stream: Stream[T]) -> AsyncGenerator[T, None]: ...

        async def _only(self, stream: Stream[T]) -> T: ...

    async def retrieve_instance_bytes(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        **options: Unpack[ContentOptions],
    ) -> Content:
        resource = path(study_instance_uid, series_instance_uid, sop_instance_uid)
        return await self._only(_only_content(self._service, resource, INSTANCES, **options))

    def iter_instance_frames(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        frame_numbers: Sequence[int],
        **options: Unpack[ContentOptions],
    ) -> AsyncGenerator[Content, None]:
        uids = study_instance_uid, series_instance_uid, sop_instance_uid
        return self._stream(_frames(self._service, *uids, frame_numbers, **options))

    async def retrieve_instance_frames(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        frame_numbers: Sequence[int],
        **options: Unpack[ContentOptions],
    ) -> list[Content]:
        uids = study_instance_uid, series_instance_uid, sop_instance_uid
        return [frame async for frame in self.iter_instance_frames(*uids, frame_numbers, **options)]

    def iter_pixeldata(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        **options: Unpack[ContentOptions],
    ) -> AsyncGenerator[Content, None]:
        uids = study_instance_uid, series_instance_uid, sop_instance_uid
        return self._stream(_pixeldata(self._service, *uids, **options))

    async def retrieve_pixeldata(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        **options: Unpack[ContentOptions],
    ) -> list[Content]:
        uids = study_instance_uid, series_instance_uid, sop_instance_uid
        return [content async for content in self.iter_pixeldata(*uids, **options)]

    def iter_bulkdata(self, url: str, **options: Unpack[ContentOptions]) -> AsyncGenerator[Content, None]:
        return self._stream(_bulkdata(self._service, url, **options))

    async def retrieve_bulkdata(self, url: str, **options: Unpack[ContentOptions]) -> list[Content]:
        return [value async for value in self.iter_bulkdata(url, **options)]

    async def iter_bulkdata_files(
        self, url: str, *, folder: str | os.PathLike[str], **options: Unpack[ContentOptions]
    ) -> AsyncGenerator[ContentFile, None]:
        async with contextlib.aclosing(self._stream(_bulkdata_files(self._service, url, folder, **options))) as files:
            async for file in files:
                try:
                    yield file
                finally:
                    file.remove()

    def iter_all_bulkdata(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        **options: Unpack[MediaOptions],
    ) -> AsyncGenerator[Content, None]:
        resource = path_within(study_instance_uid, series_instance_uid, sop_instance_uid)
        return self._stream(_contents(self._service, f"{resource}/bulkdata", **options))

    async def retrieve_all_bulkdata(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        **options: Unpack[MediaOptions],
    ) -> list[Content]:
        uids = study_instance_uid, series_instance_uid, sop_instance_uid
        return [value async for value in self.iter_all_bulkdata(*uids, **options)]


def _contents(
    service: Service,
    resource: str,
    expected: int | None = None,
    *,
    media_types: MediaTypes | None = None,
    transfer_syntax: str | None = "*",
    **where: Unpack[RequestOptions],
) -> Stream[Content]:
    """All contents of a resource, in the parts of a multipart message."""
    headers = {"accept": accept(media_types, OCTETS, transfer_syntax)}
    return Stream(Request("GET", service.url(resource, (), **where), headers), _parts.content, expected=expected)


def _only_content(
    service: Service,
    resource: str,
    default: Sequence[str] = OCTETS,
    *,
    media_types: MediaTypes | None = None,
    transfer_syntax: str | None = "*",
    byte_range: Range | None = None,
    **where: Unpack[RequestOptions],
) -> Stream[Content]:
    """The content of a resource, or a range of it: that of a multipart message would be one of the message."""
    headers, finish = _ranged(byte_range)
    headers["accept"] = accept(media_types, default, transfer_syntax, one_part=True)
    return Stream(Request("GET", service.url(resource, (), **where), headers), finish, expected=1)


def _frames(
    service: Service,
    study: str,
    series: str,
    instance: str,
    numbers: Sequence[int],
    *,
    byte_range: Range | None = None,
    **options: Unpack[MediaOptions],
) -> Stream[Content]:
    """Frames in the order of `numbers`."""
    resource = frames_path(study, series, instance, numbers)
    if byte_range is None:
        return _contents(service, resource, len(numbers), **options)
    if len(numbers) > 1:
        raise ValueError("A range of bytes is one of a single Frame.")
    return _only_content(service, resource, byte_range=byte_range, **options)


def _pixeldata(
    service: Service,
    study: str,
    series: str | None,
    instance: str | None,
    *,
    byte_range: Range | None = None,
    **options: Unpack[MediaOptions],
) -> Stream[Content]:
    """All Frames of a resource."""
    resource = path_within(study, series, instance) + "/pixeldata"
    if byte_range is None:
        return _contents(service, resource, **options)
    if instance is None:
        raise ValueError("A range of bytes is one of the Pixel Data of an Instance.")
    return _only_content(service, resource, byte_range=byte_range, **options)


def _bulkdata(
    service: Service,
    url: str,
    *,
    media_types: MediaTypes | None = None,
    transfer_syntax: str | None = "*",
    byte_range: Range | None = None,
    **where: Unpack[RequestOptions],
) -> Stream[Content]:
    """The bulk value at `url`, which comes from Metadata and is taken as it is; `partition` means nothing here."""
    headers, finish = _ranged(byte_range)
    headers["accept"] = accept(media_types, OCTETS, transfer_syntax)
    more = encoded((where.get("additional_params") or {}).items())
    url = service.resolve(url) + (f"{'&' if '?' in url else '?'}{more}" if more else "")
    return Stream(Request("GET", url, headers), finish)


def _bulkdata_files(
    service: Service, url: str, folder: str | os.PathLike[str], **options: Unpack[ContentOptions]
) -> Stream[ContentFile]:
    """The same, to be written to files."""
    finish = partial(_saved.saved, byte_range=options.get("byte_range"))
    return Stream(_bulkdata(service, url, **options).request, finish, _saved.open_in(folder))


def _ranged(byte_range: Range | None) -> tuple[dict[str, str], Callable[[Part], Content]]:
    """Headers that ask for a range of bytes (RFC 9110 §14), and what makes it of the answer."""
    if byte_range is None:
        return {}, _parts.content
    if byte_range[0] < 0 or byte_range[-1] < byte_range[0]:
        raise ValueError("A range of bytes is its first and its last one, counted from 0.")
    asked = f"bytes={byte_range[0]}-{byte_range[1] if len(byte_range) > 1 else ''}"
    # A range of what is compressed could not be read.
    return {"range": asked, "accept-encoding": "identity"}, partial(_parts.cut, byte_range=byte_range)

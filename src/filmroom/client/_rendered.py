"""Rendered images and thumbnails, of both clients (PS3.18 §10.4.1.1.3, §10.4.1.1.4)."""

from collections.abc import AsyncGenerator, Generator, Sequence
from typing import TYPE_CHECKING, TypeVar, Unpack

from filmroom.client import _messages
from filmroom.client._messages import Stream
from filmroom.client._options import MediaTypes, RenderedOptions
from filmroom.client._parts import Content
from filmroom.client._service import Service, frames_path, path, path_within

T = TypeVar("T")


class Rendered:
    """Methods of the synchronous client."""

    _service: Service

    if TYPE_CHECKING:  # the client has them

        def _stream(self, stream: Stream[T]) -> Generator[T, None, None]: ...

        def _only(self, stream: Stream[T]) -> T: ...

    def iter_rendered(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        frame_numbers: Sequence[int] | None = None,
        **options: Unpack[RenderedOptions],
    ) -> Generator[Content, None, None]:
        """Images for people of a Study, a Series, an Instance or Frames, one by one while they arrive.

        Each is bytes, with `.media_type` beside. Of a Study or a Series there is one of each Instance of which one
        of `media_types` can be made, by the numbers of Series and Instances: images, and with `text/html` or
        `application/pdf` among them reports and documents. Keywords: `RenderedOptions`.
        """
        resource = _resource(study_instance_uid, series_instance_uid, sop_instance_uid, frame_numbers)
        return self._stream(_messages.rendered(self._service, resource, several=True, **options))

    def retrieve_study_rendered(self, study_instance_uid: str, **options: Unpack[RenderedOptions]) -> list[Content]:
        """An image of each Instance of a Study: see `iter_rendered`. Keywords: `RenderedOptions`."""
        return list(self.iter_rendered(study_instance_uid, **options))

    def retrieve_series_rendered(
        self, study_instance_uid: str, series_instance_uid: str, **options: Unpack[RenderedOptions]
    ) -> list[Content]:
        """An image of each Instance of a Series: see `iter_rendered`. Keywords: `RenderedOptions`."""
        return list(self.iter_rendered(study_instance_uid, series_instance_uid, **options))

    def retrieve_instance_rendered(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        **options: Unpack[RenderedOptions],
    ) -> Content:
        """An Instance as an image for people, JPEG by default. Keywords: `RenderedOptions`."""
        resource = path(study_instance_uid, series_instance_uid, sop_instance_uid)
        return self._only(_messages.rendered(self._service, resource, **options))

    def retrieve_instance_frames_rendered(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        frame_numbers: Sequence[int],
        **options: Unpack[RenderedOptions],
    ) -> Content:
        """A Frame as an image for people. Keywords: `RenderedOptions`.

        Several are one image where one file holds them, as with `media_types=["image/gif"]`; each as an image they
        are what `iter_rendered` gives.
        """
        uids = study_instance_uid, series_instance_uid, sop_instance_uid
        resource = _in_one(uids, frame_numbers, options.get("media_types"))
        return self._only(_messages.rendered(self._service, resource, **options))

    def retrieve_study_thumbnail(self, study_instance_uid: str, **options: Unpack[RenderedOptions]) -> Content:
        """A small image that stands for a Study. Keywords: `RenderedOptions`."""
        return self._only(_messages.thumbnail(self._service, path(study_instance_uid), **options))

    def retrieve_series_thumbnail(
        self, study_instance_uid: str, series_instance_uid: str, **options: Unpack[RenderedOptions]
    ) -> Content:
        """A small image that stands for a Series. Keywords: `RenderedOptions`."""
        resource = path(study_instance_uid, series_instance_uid)
        return self._only(_messages.thumbnail(self._service, resource, **options))

    def retrieve_instance_thumbnail(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        **options: Unpack[RenderedOptions],
    ) -> Content:
        """A small image of an Instance. Keywords: `RenderedOptions`."""
        resource = path(study_instance_uid, series_instance_uid, sop_instance_uid)
        return self._only(_messages.thumbnail(self._service, resource, **options))

    def retrieve_instance_frames_thumbnail(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        frame_numbers: Sequence[int],
        **options: Unpack[RenderedOptions],
    ) -> Content:
        """A small image of a Frame, which is the only one in `frame_numbers`. Keywords: `RenderedOptions`."""
        resource = _of_one((study_instance_uid, series_instance_uid, sop_instance_uid), frame_numbers)
        return self._only(_messages.thumbnail(self._service, resource, **options))


class AsyncRendered:
    """Methods of the asynchronous client, which are those of `Rendered`."""

    _service: Service

    if TYPE_CHECKING:  # the client has them

        def _stream(self, stream: Stream[T]) -> AsyncGenerator[T, None]: ...

        async def _only(self, stream: Stream[T]) -> T: ...

    def iter_rendered(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        frame_numbers: Sequence[int] | None = None,
        **options: Unpack[RenderedOptions],
    ) -> AsyncGenerator[Content, None]:
        resource = _resource(study_instance_uid, series_instance_uid, sop_instance_uid, frame_numbers)
        return self._stream(_messages.rendered(self._service, resource, several=True, **options))

    async def retrieve_study_rendered(
        self, study_instance_uid: str, **options: Unpack[RenderedOptions]
    ) -> list[Content]:
        return [image async for image in self.iter_rendered(study_instance_uid, **options)]

    async def retrieve_series_rendered(
        self, study_instance_uid: str, series_instance_uid: str, **options: Unpack[RenderedOptions]
    ) -> list[Content]:
        return [image async for image in self.iter_rendered(study_instance_uid, series_instance_uid, **options)]

    async def retrieve_instance_rendered(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        **options: Unpack[RenderedOptions],
    ) -> Content:
        resource = path(study_instance_uid, series_instance_uid, sop_instance_uid)
        return await self._only(_messages.rendered(self._service, resource, **options))

    async def retrieve_instance_frames_rendered(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        frame_numbers: Sequence[int],
        **options: Unpack[RenderedOptions],
    ) -> Content:
        uids = study_instance_uid, series_instance_uid, sop_instance_uid
        resource = _in_one(uids, frame_numbers, options.get("media_types"))
        return await self._only(_messages.rendered(self._service, resource, **options))

    async def retrieve_study_thumbnail(self, study_instance_uid: str, **options: Unpack[RenderedOptions]) -> Content:
        return await self._only(_messages.thumbnail(self._service, path(study_instance_uid), **options))

    async def retrieve_series_thumbnail(
        self, study_instance_uid: str, series_instance_uid: str, **options: Unpack[RenderedOptions]
    ) -> Content:
        resource = path(study_instance_uid, series_instance_uid)
        return await self._only(_messages.thumbnail(self._service, resource, **options))

    async def retrieve_instance_thumbnail(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        **options: Unpack[RenderedOptions],
    ) -> Content:
        resource = path(study_instance_uid, series_instance_uid, sop_instance_uid)
        return await self._only(_messages.thumbnail(self._service, resource, **options))

    async def retrieve_instance_frames_thumbnail(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        frame_numbers: Sequence[int],
        **options: Unpack[RenderedOptions],
    ) -> Content:
        resource = _of_one((study_instance_uid, series_instance_uid, sop_instance_uid), frame_numbers)
        return await self._only(_messages.thumbnail(self._service, resource, **options))


def _resource(study: str, series: str | None, instance: str | None, numbers: Sequence[int] | None) -> str:
    if numbers is None:
        return path_within(study, series, instance)
    if series is None or instance is None:
        raise ValueError("Frames are named with their Study, Series and Instance.")
    return frames_path(study, series, instance, numbers)


_MOVING = frozenset({"image/gif", "image/webp", "video/mp4"})


def _in_one(uids: tuple[str, str, str], numbers: Sequence[int], media_types: MediaTypes | None) -> str:
    """The path of Frames that are to be one image."""
    listed = {entry if isinstance(entry, str) else entry[0] for entry in media_types or _messages.JPEG}
    if len(numbers) > 1 and (still := {one for one in listed if one.lower() not in _MOVING}):
        raise ValueError(
            f"What is of {' or '.join(sorted(still))} may be an image of one Frame: ask for an image/gif of several, "
            "or for an image of each with iter_rendered()."
        )
    return frames_path(*uids, numbers)


def _of_one(uids: tuple[str, str, str], numbers: Sequence[int]) -> str:
    """The path of the Frame that a thumbnail is of."""
    if len(numbers) > 1:
        raise ValueError("A thumbnail is of one Frame: name one number.")
    return frames_path(*uids, numbers)

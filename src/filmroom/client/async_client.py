"""The asynchronous client of a DICOMweb service: `Client` with `await`, for asyncio."""

import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import IO, Any, Self, TypeVar, Unpack

import anyio
import httpx2
from pydicom.dataset import Dataset

from filmroom.client import _link, _messages, _parts, _redirects
from filmroom.client._answers import Answer, Datasets, Metadata
from filmroom.client._auth import Credentials, Token
from filmroom.client._changes import AsyncChanges
from filmroom.client._contents import AsyncContents
from filmroom.client._found import AsyncFound, Searches
from filmroom.client._keywords import checked
from filmroom.client._messages import Request, Stream, Transaction
from filmroom.client._moved import Moved
from filmroom.client._operations import AsyncOperations
from filmroom.client._options import (
    DownloadOptions,
    MetadataOptions,
    RequestOptions,
    RetrieveOptions,
    SearchOptions,
    StoreOptions,
    ZipOptions,
)
from filmroom.client._partitions import AsyncPartitions
from filmroom.client._query_tags import AsyncQueryTags
from filmroom.client._rendered import AsyncRendered
from filmroom.client._rest import Rest
from filmroom.client._retry import Retry
from filmroom.client._search import Search
from filmroom.client._service import path, path_within
from filmroom.client._sources import Instances
from filmroom.client._store import Upload
from filmroom.client._store_result import StoreResult
from filmroom.client._transfers import AsyncTransfers
from filmroom.client._updates import AsyncUpdates
from filmroom.client.client import Client
from filmroom.client.exceptions import ClientError

T = TypeVar("T")


@checked
class AsyncClient(
    Moved,
    Searches[AsyncFound],
    AsyncContents,
    AsyncRendered,
    AsyncChanges,
    AsyncOperations,
    AsyncQueryTags,
    AsyncTransfers,
    AsyncUpdates,
    AsyncPartitions,
):
    """`Client` for asyncio: the same methods and keywords, to be awaited; `iter_…`, `change_feed`
    and the `search_…` by keywords are for `async for`.

        async with AsyncClient("http://127.0.0.1:8080/v2") as client:
            async for instance in client.iter_study(uid):
                ...

    `token` may also be a function that returns an awaitable, and `http` is an httpx2.AsyncClient. Whoever leaves an
    `async for` early should close its generator (`contextlib.aclosing`), to free its connection.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Credentials | None = None,
        token: Token | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: _link.Limits = _link.TIMEOUT,
        retries: int | Retry = 3,
        partition: str | None = None,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._link = _link.Link.make(url, partition, headers, auth, token, timeout, retries)
        self._service = self._link.service
        self._http = httpx2.AsyncClient(verify=_link.tls(), follow_redirects=True) if http is None else http
        self._owned = http is None

    async def aclose(self) -> None:
        if self._owned:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    # Search

    def _finds(self, search: Search) -> AsyncFound:
        return AsyncFound(self._run, search)

    async def search_for_studies(self, **options: Unpack[SearchOptions]) -> Datasets:
        return await self._run(_messages.search(self._service, "/studies", **options))

    async def search_for_series(
        self, study_instance_uid: str | None = None, **options: Unpack[SearchOptions]
    ) -> Datasets:
        return await self._run(_messages.search(self._service, "/series", study_instance_uid, **options))

    async def search_for_instances(
        self,
        study_instance_uid: str | None = None,
        series_instance_uid: str | None = None,
        **options: Unpack[SearchOptions],
    ) -> Datasets:
        return await self._run(
            _messages.search(self._service, "/instances", study_instance_uid, series_instance_uid, **options)
        )

    async def capabilities(self) -> dict[str, Any]:
        return await self._run(_messages.capabilities(self._service))

    async def query(self, path_and_query: str, *, partition: str | None = None) -> Datasets:
        return await self._run(_messages.query(self._service, path_and_query, partition=partition))

    # Metadata

    async def retrieve_study_metadata(self, study_instance_uid: str, **options: Unpack[MetadataOptions]) -> Datasets:
        return await self._run(_messages.metadata(self._service, path(study_instance_uid), **options))

    async def retrieve_series_metadata(
        self, study_instance_uid: str, series_instance_uid: str, **options: Unpack[MetadataOptions]
    ) -> Datasets:
        return await self._run(
            _messages.metadata(self._service, path(study_instance_uid, series_instance_uid), **options)
        )

    async def retrieve_instance_metadata(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        **options: Unpack[MetadataOptions],
    ) -> Metadata:
        resource = path(study_instance_uid, series_instance_uid, sop_instance_uid)
        return await self._run(_messages.instance_metadata(self._service, resource, **options))

    # Instances

    def iter_study(self, study_instance_uid: str, **options: Unpack[RetrieveOptions]) -> AsyncGenerator[Dataset, None]:
        return self._stream(_messages.instances(self._service, path(study_instance_uid), _parts.instance, **options))

    def iter_series(
        self, study_instance_uid: str, series_instance_uid: str, **options: Unpack[RetrieveOptions]
    ) -> AsyncGenerator[Dataset, None]:
        resource = path(study_instance_uid, series_instance_uid)
        return self._stream(_messages.instances(self._service, resource, _parts.instance, **options))

    def iter_files(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        **options: Unpack[RetrieveOptions],
    ) -> AsyncGenerator[IO[bytes], None]:
        resource = path_within(study_instance_uid, series_instance_uid, sop_instance_uid)
        one = sop_instance_uid is not None
        return self._stream(_messages.instances(self._service, resource, _parts.spooled, one_part=one, **options))

    async def retrieve_study(self, study_instance_uid: str, **options: Unpack[RetrieveOptions]) -> list[Dataset]:
        return [item async for item in self.iter_study(study_instance_uid, **options)]

    async def retrieve_series(
        self, study_instance_uid: str, series_instance_uid: str, **options: Unpack[RetrieveOptions]
    ) -> list[Dataset]:
        return [item async for item in self.iter_series(study_instance_uid, series_instance_uid, **options)]

    async def retrieve_instance(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        **options: Unpack[RetrieveOptions],
    ) -> Dataset:
        resource = path(study_instance_uid, series_instance_uid, sop_instance_uid)
        return await self._only(_messages.instances(self._service, resource, _parts.instance, expected=1, **options))

    async def download(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        *,
        folder: str | os.PathLike[str],
        **options: Unpack[DownloadOptions],
    ) -> list[Path]:
        uids = study_instance_uid, series_instance_uid, sop_instance_uid
        return [path async for path in self.iter_download(*uids, folder=folder, **options)]

    def iter_download(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        *,
        folder: str | os.PathLike[str],
        **options: Unpack[DownloadOptions],
    ) -> AsyncGenerator[Path, None]:
        resource = path_within(study_instance_uid, series_instance_uid, sop_instance_uid)
        one = sop_instance_uid is not None
        return self._stream(_messages.download(self._service, resource, folder, one_part=one, **options))

    async def download_zip(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        *,
        path: str | os.PathLike[str],
        **options: Unpack[ZipOptions],
    ) -> Path:
        resource = path_within(study_instance_uid, series_instance_uid, sop_instance_uid)
        return await self._only(_messages.download_zip(self._service, resource, path, **options))

    # Store and delete

    async def store_instances(
        self, datasets: Instances, study_instance_uid: str | None = None, **options: Unpack[StoreOptions]
    ) -> StoreResult:
        upload = Upload(self._service, datasets, study_instance_uid, **options)
        with upload:
            try:
                async with anyio.create_task_group() as workers:
                    for _ in range(upload.parallel):
                        workers.start_soon(self._upload, upload)
            except ExceptionGroup as group:  # raised as the synchronous client raises it
                raise group.exceptions[0] from None
        with self._link.translated():
            return upload.result()

    async def delete_study(self, study_instance_uid: str, **options: Unpack[RequestOptions]) -> None:
        await self._run(_messages.delete(self._service, path(study_instance_uid), **options))

    async def delete_series(
        self, study_instance_uid: str, series_instance_uid: str, **options: Unpack[RequestOptions]
    ) -> None:
        await self._run(_messages.delete(self._service, path(study_instance_uid, series_instance_uid), **options))

    async def delete_instance(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        **options: Unpack[RequestOptions],
    ) -> None:
        resource = path(study_instance_uid, series_instance_uid, sop_instance_uid)
        await self._run(_messages.delete(self._service, resource, **options))

    # Carrying

    async def _run(self, transaction: Transaction[T]) -> T:
        """Carry the requests of a transaction out and their answers back."""
        request = next(transaction)
        while True:
            try:
                answer: Answer | Exception = await self._fetch(request)
            except (ClientError, OSError) as failure:
                answer = failure
            try:
                with self._link.translated():
                    request = transaction.throw(answer) if isinstance(answer, Exception) else transaction.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result

    async def _upload(self, upload: Upload) -> None:
        """Run transactions until none is left. Taking the next one reads files and encodes Datasets."""
        transactions = upload.transactions()
        while (transaction := await anyio.to_thread.run_sync(next, transactions, None)) is not None:
            await self._run(transaction)

    async def _stream(self, stream: Stream[T]) -> AsyncGenerator[T, None]:
        """What `stream` makes of each part of its answer. A thread reads and renames files."""
        with self._link.translated():
            async with (
                self._open(stream.request) as response,
                contextlib.aclosing(self._chunks(stream.request, response)) as chunks,
            ):
                with stream.splitter(response) as splitter:
                    async for chunk in chunks:
                        for part in splitter.feed(chunk):
                            yield await anyio.to_thread.run_sync(stream.finish, part)
                    for part in splitter.close():
                        yield await anyio.to_thread.run_sync(stream.finish, part)

    async def _chunks(self, request: Request, response: httpx2.Response) -> AsyncGenerator[bytes, None]:
        """The bytes of an answer. Where it breaks off, the rest is asked for if the service can send that."""
        rest = Rest(self._link, request, response)
        try:
            while True:
                try:
                    async for chunk in response.aiter_bytes(self._chunk_size):
                        rest.count(chunk)
                        yield chunk
                    return
                except httpx2.TransportError as failure:
                    broken = failure
                    await anyio.sleep(rest.after_failure(failure))
                await response.aclose()
                response, _ = await self._send(rest.request, stream=True)
                if not rest.begins(response):
                    raise broken
        finally:
            await response.aclose()

    async def _only(self, stream: Stream[T]) -> T:
        [only] = [item async for item in self._stream(stream)]
        return only

    @contextlib.asynccontextmanager
    async def _open(self, request: Request) -> AsyncIterator[httpx2.Response]:
        response, _ = await self._send(request, stream=True)
        try:
            if not response.is_success:
                with self._link.translated():
                    await response.aread()
            _link.check(response)
            yield response
        finally:
            await response.aclose()

    async def _fetch(self, request: Request) -> Answer:
        response, repeated = await self._send(request, stream=False)
        return _link.whole(response, repeated)

    async def _send(self, request: Request, *, stream: bool) -> tuple[httpx2.Response, bool]:
        """An answer, and whether an earlier try may have reached the service. Tries again as `Retry` says."""
        attempts = self._link.attempts(request)
        with self._link.translated():
            while True:
                try:
                    response = await _redirects.send_async(self._http, self._link, request, stream)
                except httpx2.TransportError as failure:
                    wait = attempts.after_failure(failure)
                else:
                    if (again := attempts.after_answer(response)) is None:
                        return response, attempts.repeated
                    wait = again
                    await response.aclose()
                await anyio.sleep(wait)


def _take_over_docstrings() -> None:
    """A method is described once, in Client."""
    for name in dir(Client):
        own = getattr(AsyncClient, name, None)
        if own is not None and not own.__doc__ and not name.startswith("_"):
            own.__doc__ = getattr(Client, name).__doc__


_take_over_docstrings()

"""The synchronous client of a DICOMweb service."""

import os
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import IO, Any, Self, Unpack

import httpx2
from pydicom.dataset import Dataset

from filmroom.client import _link, _messages, _parts
from filmroom.client._answers import Datasets, Metadata
from filmroom.client._auth import Credentials, Token
from filmroom.client._carrier import Carrier
from filmroom.client._changes import Changes
from filmroom.client._contents import Contents
from filmroom.client._found import Found, Searches
from filmroom.client._keywords import checked
from filmroom.client._operations import Operations
from filmroom.client._options import (
    DownloadOptions,
    MetadataOptions,
    RequestOptions,
    RetrieveOptions,
    SearchOptions,
    StoreOptions,
    ZipOptions,
)
from filmroom.client._partitions import Partitions
from filmroom.client._query_tags import QueryTags
from filmroom.client._rendered import Rendered
from filmroom.client._retry import Retry
from filmroom.client._search import Search
from filmroom.client._service import path, path_within
from filmroom.client._sources import Instances
from filmroom.client._store import Upload
from filmroom.client._store_result import StoreResult
from filmroom.client._transfers import Transfers
from filmroom.client._updates import Updates


@checked
class Client(
    Carrier, Searches[Found], Contents, Rendered, Changes, Operations, QueryTags, Transfers, Updates, Partitions
):
    """A client of one DICOMweb service (PS3.18), of any make. Threads may share it.

        with Client("http://127.0.0.1:8080/v2") as client:
            for study in client.search_studies(PatientID="4711"):
                client.download(study.StudyInstanceUID, folder="images")

    Names of methods and keywords are those of PyPI's dicomweb-client, where it has them. Data sets are pydicom
    Datasets. UIDs are percent-encoded, not checked. Every method raises `ClientError`s: see
    `filmroom.client.exceptions`. ValueError means that the call itself makes no sense, and that nothing was sent.

    url        the service's base URL, with its path: "https://host/dicomweb", "http://127.0.0.1:8080/v2"
    auth       any authentication of httpx2: ("user", "password"), httpx2.DigestAuth(…), httpx2.NetRCAuth()
    token      bearer token, or a function that is asked for it before each request
    headers    headers for every request
    timeout    seconds for connecting, and for each read and write; an httpx2.Timeout; None is no limit.
               The default is 60, and 10 for connecting.
    retries    how often a request that failed is sent again, or a `Retry`; see there what is sent again
    partition  data partition, as the Azure service and Filmroom have them
    http       an httpx2.Client to send with, for proxies, certificates, HTTP/2, …; closing it stays with you.
               A bulk value on another host than the service's gets neither credentials nor `headers`, and so do
               requests that are redirected there.
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
        http: httpx2.Client | None = None,
    ) -> None:
        self._link = _link.Link.make(url, partition, headers, auth, token, timeout, retries)
        self._service = self._link.service
        self._http = httpx2.Client(verify=_link.tls(), follow_redirects=True) if http is None else http
        self._owned = http is None

    def close(self) -> None:
        """Close the connections."""
        if self._owned:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Search; by keywords: `Searches`

    def _finds(self, search: Search) -> Found:
        return Found(self._run, search)

    def search_for_studies(self, **options: Unpack[SearchOptions]) -> Datasets:
        """Studies that match (PS3.18 §10.6). Keywords: `SearchOptions`."""
        return self._run(_messages.search(self._service, "/studies", **options))

    def search_for_series(self, study_instance_uid: str | None = None, **options: Unpack[SearchOptions]) -> Datasets:
        """Series that match, of one Study or of all. Keywords: `SearchOptions`."""
        return self._run(_messages.search(self._service, "/series", study_instance_uid, **options))

    def search_for_instances(
        self,
        study_instance_uid: str | None = None,
        series_instance_uid: str | None = None,
        **options: Unpack[SearchOptions],
    ) -> Datasets:
        """Instances that match, of one Series, of one Study or of all. Keywords: `SearchOptions`."""
        return self._run(
            _messages.search(self._service, "/instances", study_instance_uid, series_instance_uid, **options)
        )

    def capabilities(self) -> dict[str, Any]:
        """What the service says that it can do (PS3.18 §8.9): the WADL document in JSON, as Filmroom sends it."""
        return self._run(_messages.capabilities(self._service))

    def query(self, path_and_query: str, *, partition: str | None = None) -> Datasets:
        """Search with path and query as they are: `query("/studies?PatientName=Doe&limit=10")`."""
        return self._run(_messages.query(self._service, path_and_query, partition=partition))

    # Metadata

    def retrieve_study_metadata(self, study_instance_uid: str, **options: Unpack[MetadataOptions]) -> Datasets:
        """The Metadata of all Instances of a Study (PS3.18 §10.4). Keywords: `MetadataOptions`."""
        return self._run(_messages.metadata(self._service, path(study_instance_uid), **options))

    def retrieve_series_metadata(
        self, study_instance_uid: str, series_instance_uid: str, **options: Unpack[MetadataOptions]
    ) -> Datasets:
        """The Metadata of all Instances of a Series. Keywords: `MetadataOptions`."""
        return self._run(_messages.metadata(self._service, path(study_instance_uid, series_instance_uid), **options))

    def retrieve_instance_metadata(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        **options: Unpack[MetadataOptions],
    ) -> Metadata:
        """The Metadata of an Instance. Keywords: `MetadataOptions`."""
        resource = path(study_instance_uid, series_instance_uid, sop_instance_uid)
        return self._run(_messages.instance_metadata(self._service, resource, **options))

    # Instances

    def iter_study(self, study_instance_uid: str, **options: Unpack[RetrieveOptions]) -> Generator[Dataset, None, None]:
        """The Instances of a Study, one by one while they arrive (PS3.18 §10.4). Keywords: `RetrieveOptions`.

        Only one is in memory at a time, and of one above 4 MiB the large values stay on disk until they are asked
        for. Whoever does not read to the end should close the generator, to free its connection.
        """
        return self._stream(_messages.instances(self._service, path(study_instance_uid), _parts.instance, **options))

    def iter_series(
        self, study_instance_uid: str, series_instance_uid: str, **options: Unpack[RetrieveOptions]
    ) -> Generator[Dataset, None, None]:
        """The Instances of a Series, one by one while they arrive: see `iter_study`. Keywords: `RetrieveOptions`."""
        resource = path(study_instance_uid, series_instance_uid)
        return self._stream(_messages.instances(self._service, resource, _parts.instance, **options))

    def iter_files(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        **options: Unpack[RetrieveOptions],
    ) -> Generator[IO[bytes], None, None]:
        """The Instances of a Study, Series or Instance as binary PS3.10 files, unread. Keywords: `RetrieveOptions`.

        A file is in memory up to 4 MiB and on disk above. It goes with the last reference to it.
        """
        resource = path_within(study_instance_uid, series_instance_uid, sop_instance_uid)
        one = sop_instance_uid is not None
        return self._stream(_messages.instances(self._service, resource, _parts.spooled, one_part=one, **options))

    def retrieve_study(self, study_instance_uid: str, **options: Unpack[RetrieveOptions]) -> list[Dataset]:
        """All Instances of a Study, at once in memory: see `iter_study`. Keywords: `RetrieveOptions`."""
        return list(self.iter_study(study_instance_uid, **options))

    def retrieve_series(
        self, study_instance_uid: str, series_instance_uid: str, **options: Unpack[RetrieveOptions]
    ) -> list[Dataset]:
        """All Instances of a Series, at once in memory: see `iter_series`. Keywords: `RetrieveOptions`."""
        return list(self.iter_series(study_instance_uid, series_instance_uid, **options))

    def retrieve_instance(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        **options: Unpack[RetrieveOptions],
    ) -> Dataset:
        """One Instance. Keywords: `RetrieveOptions`."""
        resource = path(study_instance_uid, series_instance_uid, sop_instance_uid)
        return self._only(_messages.instances(self._service, resource, _parts.instance, expected=1, **options))

    def download(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        *,
        folder: str | os.PathLike[str],
        **options: Unpack[DownloadOptions],
    ) -> list[Path]:
        """Save the Instances of a Study, Series or Instance as `folder/study/series/instance.dcm`; the paths.

        Bytes go from the connection to disk as they come. A file has its name only when it is whole; one that was
        there is replaced. That of a single Instance is gone on with where the connection broke off, as often as
        `retries` says, if the service knows ranges of bytes. Keywords: `DownloadOptions`.
        """
        uids = study_instance_uid, series_instance_uid, sop_instance_uid
        return list(self.iter_download(*uids, folder=folder, **options))

    def iter_download(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        *,
        folder: str | os.PathLike[str],
        **options: Unpack[DownloadOptions],
    ) -> Generator[Path, None, None]:
        """Save the Instances of a Study, Series or Instance: each path when its file is whole. See `download`."""
        resource = path_within(study_instance_uid, series_instance_uid, sop_instance_uid)
        one = sop_instance_uid is not None
        return self._stream(_messages.download(self._service, resource, folder, one_part=one, **options))

    def download_zip(
        self,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        *,
        path: str | os.PathLike[str],
        **options: Unpack[ZipOptions],
    ) -> Path:
        """Save the Instances of a Study, Series or Instance as one ZIP archive; its path.

        Bytes go from the connection to disk as they come. Keywords: `ZipOptions`.
        """
        resource = path_within(study_instance_uid, series_instance_uid, sop_instance_uid)
        return self._only(_messages.download_zip(self._service, resource, path, **options))

    # Store and delete

    def store_instances(
        self, datasets: Instances, study_instance_uid: str | None = None, **options: Unpack[StoreOptions]
    ) -> StoreResult:
        """Store Instances (PS3.18 §10.5), and say of each what became of it. Keywords: `StoreOptions`.

        `datasets` is one or many (a generator is taken from as it goes) of: a path of a PS3.10 file, a folder (all
        DICOM files under it), bytes, a binary file object, a Dataset. Files are sent from disk without being loaded.
        With `study_instance_uid` the service refuses what belongs to another Study.

        Raises `StoreFailed` (or the error of the first request, or `MissingFile`) when not one Instance was stored, and
        what made it break off when the service can't be reached, lets nobody in or is unavailable. Each has the
        `StoreResult` so far in `.result`, and so has the KeyboardInterrupt of Ctrl-C. Some failures among successes are
        not raised: look at `.failed`.
        """
        upload = Upload(self._service, datasets, study_instance_uid, **options)
        upload.run(self._upload)
        with self._link.translated():
            return upload.result()

    def delete_study(self, study_instance_uid: str, **options: Unpack[RequestOptions]) -> None:
        """Delete a Study. Keywords: `RequestOptions`."""
        self._run(_messages.delete(self._service, path(study_instance_uid), **options))

    def delete_series(
        self, study_instance_uid: str, series_instance_uid: str, **options: Unpack[RequestOptions]
    ) -> None:
        """Delete a Series. Keywords: `RequestOptions`."""
        self._run(_messages.delete(self._service, path(study_instance_uid, series_instance_uid), **options))

    def delete_instance(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        **options: Unpack[RequestOptions],
    ) -> None:
        """Delete an Instance. Keywords: `RequestOptions`."""
        resource = path(study_instance_uid, series_instance_uid, sop_instance_uid)
        self._run(_messages.delete(self._service, resource, **options))

"""The requests of each operation and what is made of the answers. No I/O: both clients run the same.

A transaction is a generator that yields a Request, is sent its Answer, may yield further ones, and returns the result.
A stream is one Request and what is made of each part of its answer. The clients in `client` and `async_client` carry
requests and answers to and fro, and nothing else.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Generic, TypeVar, Unpack
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpx2
import orjson

from filmroom.client import _parts
from filmroom.client._answers import Answer, Datasets, Metadata, check, datasets
from filmroom.client._options import (
    DownloadOptions,
    MediaTypes,
    MetadataOptions,
    OnProgress,
    RenderedOptions,
    RequestOptions,
)
from filmroom.client._parts import Content, Part, Splitter
from filmroom.client._sources import Body
from filmroom.client.exceptions import BadResponse

T = TypeVar("T")
Transaction = Generator["Request", Answer, T]
Parameters = Iterable[tuple[str, Any]]

JSON = "application/dicom+json"
INSTANCES = ("application/dicom",)
OCTETS = ("application/octet-stream",)
AS_STORED = {*INSTANCES, *OCTETS}  # what can be asked for in the Transfer Syntax "*"
JPEG = ("image/jpeg",)
LEVELS = ("studies", "series", "instances")
ORIGINAL = {"msdicom-request-original": "True"}  # of the Azure service


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `url` is absolute and encoded; every request says what it accepts."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: Body | None = None


@dataclass(frozen=True, slots=True)
class Stream(Generic[T]):
    """A request whose answer is read part by part.

    finish     makes the result of a part; it may read and write files
    open_file  makes the file that a part is spooled to
    expected   how many parts there must be; None when the service knows better
    """

    request: Request
    finish: Callable[[Part], T]
    open_file: Callable[[], IO[bytes]] = _parts.Spool
    expected: int | None = None
    progress: OnProgress | None = None

    def splitter(self, response: httpx2.Response) -> Splitter:
        """What cuts the answer into parts."""
        is_range = response.status_code == HTTPStatus.PARTIAL_CONTENT
        return Splitter(response.headers, self.open_file, self.expected, self.progress, is_range=is_range)


@dataclass(frozen=True, slots=True)
class Service:
    """A DICOMweb service: its base URL, kept with its path, and the partition that requests go to."""

    base_url: str
    partition: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("The URL of a service looks like https://host/path: http or https, without a query.")
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))

    def url(
        self,
        path: str,
        parameters: Parameters = (),
        partition: str | None = None,
        additional_params: Mapping[str, Any] | None = None,
    ) -> str:
        """The URL of `path` (encoded, with a leading slash). A None parameter is left out, a list repeats its key."""
        partition = partition or self.partition
        root = f"{self.base_url}/partitions/{segment(partition)}" if partition else self.base_url
        query = encoded([*parameters, *(additional_params or {}).items()])
        return f"{root}{path}?{query}" if query else f"{root}{path}"

    def resolve(self, url: str) -> str:
        """An absolute URL for one that may be relative to the service."""
        return urljoin(f"{self.base_url}/", url)


def encoded(parameters: Parameters) -> str:
    """A query string. A blank is %20, for not everybody reads "+" as one."""
    return urlencode([pair for item in parameters for pair in _pairs(*item)], quote_via=quote, safe="")


def _pairs(key: str, value: Any) -> Iterator[tuple[str, str]]:
    for item in value if isinstance(value, list | tuple | set | frozenset) else [value]:
        if item is not None:
            yield key, str(item).lower() if isinstance(item, bool) else str(item)


def segment(text: str) -> str:
    """`text` as one segment of a path. What would name another resource (nothing, a dot) is refused.

    An empty UID must not pass: a delete of Study "" would be a delete of all Studies.
    """
    if not isinstance(text, str):
        raise TypeError(f"A UID or the name of a partition is a str, not {type(text).__name__}.")
    if text.strip() in {"", ".", ".."}:
        raise ValueError("A UID or the name of a partition must not be empty.")
    return quote(text, safe="")


def path(*uids: str, end: str = "") -> str:
    """The path of a Study, a Series or an Instance (PS3.18 §10.1).

    None is no UID: a delete of Series None would be a delete of its Study.
    """
    return "".join(f"/{name}/{segment(uid)}" for name, uid in zip(LEVELS, uids, strict=False)) + end


def path_within(study: str | None, series: str | None = None, instance: str | None = None, end: str = "") -> str:
    """The path of the deepest resource that is given, where the lower ones need not be."""
    if study is None and not end:
        raise ValueError("A retrieve names a Study.")
    if (study is None and series is not None) or (series is None and instance is not None):
        raise ValueError("A Series is named with its Study, and an Instance with its Series.")
    return path(*(uid for uid in (study, series, instance) if uid is not None), end=end)


def frames_path(study: str, series: str, instance: str, numbers: Iterable[int], end: str = "") -> str:
    """The path of Frames; their numbers begin at 1."""
    listed = [int(number) for number in numbers]
    if not listed or min(listed) < 1:
        raise ValueError("At least one Frame must be asked for, and Frame numbers begin at 1.")
    return path(study, series, instance, end=f"/frames/{','.join(map(str, listed))}{end}")


def accept(media_types: MediaTypes | None, default: Sequence[str], transfer_syntax: str | None) -> str:
    """The Accept header for a multipart answer (PS3.18 §8.7.5). Neither "*" nor a UID needs quotes.

    An image is what it is in some Transfer Syntaxes only, so services refuse one "as stored", whatever that is.
    """
    values = []
    for entry in default if media_types is None else media_types:
        media_type, syntax = (entry, transfer_syntax) if isinstance(entry, str) else entry
        if syntax == "*" and isinstance(entry, str) and media_type not in AS_STORED:
            syntax = None
        values.append(f'multipart/related; type="{media_type}"' + (f"; transfer-syntax={syntax}" if syntax else ""))
    return ", ".join(values)


# Search, PS3.18 §10.6


def search(
    service: Service,
    level: str,
    study: str | None = None,
    series: str | None = None,
    *,
    search_filters: Mapping[str, Any] | None = None,
    fields: Sequence[str] | None = None,
    fuzzymatching: bool | None = None,
    limit: int | None = None,
    offset: int | None = None,
    get_remaining: bool = False,
    **where: Unpack[RequestOptions],
) -> Transaction[Datasets]:
    """Search at a level ("/studies", "/series", "/instances"), within a Study or Series when one is given."""
    parameters = [*(search_filters or {}).items(), ("fuzzymatching", fuzzymatching), ("includefield", fields)]

    def page(start: int | None) -> Request:
        window = [("limit", limit), ("offset", start)]
        url = service.url(path_within(study, series, end=level), [*parameters, *window], **where)
        return Request("GET", url, {"accept": JSON})

    if get_remaining:
        return (yield from _pages(page, offset or 0))
    return (yield from _datasets(page(offset)))


def query(service: Service, path_and_query: str, *, partition: str | None = None) -> Transaction[Datasets]:
    """Search with the path and the query as they are."""
    if not path_and_query.startswith("/"):
        raise ValueError("A query is a path under the URL of the service, such as /studies?PatientID=1.")
    return (yield from _datasets(Request("GET", service.url(path_and_query, partition=partition), {"accept": JSON})))


def _datasets(request: Request) -> Transaction[Datasets]:
    answer = yield request
    check(answer)
    return datasets(answer)


def _pages(page: Callable[[int], Request], offset: int) -> Transaction[Datasets]:
    """All pages from `offset` on.

    The first page shows how long pages are: the limit that was asked for may be above what the service grants, so a
    first page is never taken as the last unless it is empty. A page with nothing new ends it too: some services do not
    know `offset` and send the first page for ever. What was seen before is left out; Instances that are stored
    meanwhile push older results from one page into the next.
    """
    first = last = yield from _datasets(page(offset))
    items, seen = list(first.json), {_fingerprint(item) for item in first.json}
    while len(last) and len(last) >= len(first):
        offset += len(last)
        last = yield from _datasets(page(offset))
        new = [item for item in last.json if _fingerprint(item) not in seen]
        if not new:
            break
        seen.update(map(_fingerprint, new))
        items += new
    return Datasets(items, last.headers, last.url)


def _fingerprint(item: dict[str, Any]) -> int:
    return hash(orjson.dumps(item, option=orjson.OPT_SORT_KEYS))


# Metadata, PS3.18 §10.4


def metadata(
    service: Service,
    resource: str,
    *,
    if_none_match: str | None = None,
    request_original: bool = False,
    **where: Unpack[RequestOptions],
) -> Transaction[Datasets]:
    """The Metadata of all Instances of a resource, or nothing when the ETag still holds."""
    headers = {"accept": JSON} | (ORIGINAL if request_original else {})
    if if_none_match is not None:
        headers["if-none-match"] = if_none_match
    url = service.url(f"{resource}/metadata", (), **where)
    answer = yield Request("GET", url, headers)
    if answer.status == 304:
        answer.headers.setdefault("etag", if_none_match or "")
        return Datasets([], answer.headers, answer.url, not_modified=True)
    check(answer)
    return datasets(answer)


def instance_metadata(service: Service, resource: str, **options: Unpack[MetadataOptions]) -> Transaction[Metadata]:
    """The Metadata of one Instance."""
    found = yield from metadata(service, resource, **options)
    if len(found) != 1 and not found.not_modified:
        raise BadResponse(f"The answer has the Metadata of {len(found)} Instances; one was asked for.")
    return Metadata(found)


# Instances, Frames and bulk values, PS3.18 §10.4


def instances(
    service: Service,
    resource: str,
    finish: Callable[[Part], T],
    *,
    media_types: MediaTypes | None = None,
    transfer_syntax: str | None = "*",
    request_original: bool = False,
    expected: int | None = None,
    open_file: Callable[[], IO[bytes]] = _parts.Spool,
    progress: OnProgress | None = None,
    **where: Unpack[RequestOptions],
) -> Stream[T]:
    """The Instances of a resource. As stored by default: Azure refuses to transcode more than one."""
    headers = {"accept": accept(media_types, INSTANCES, transfer_syntax)} | (ORIGINAL if request_original else {})
    url = service.url(resource, (), **where)
    return Stream(Request("GET", url, headers), finish, open_file, expected, progress)


def download(
    service: Service, resource: str, folder: str | os.PathLike[str], **options: Unpack[DownloadOptions]
) -> Stream[Path]:
    """The Instances of a resource, each written to its place under `folder`."""
    target = _parts.Folder(folder)
    return instances(service, resource, target.keep, open_file=target.open, **options)


def frames(
    service: Service,
    study: str,
    series: str,
    instance: str,
    numbers: Sequence[int],
    *,
    media_types: MediaTypes | None = None,
    transfer_syntax: str | None = "*",
    **where: Unpack[RequestOptions],
) -> Stream[Content]:
    """Frames in the order of `numbers`."""
    url = service.url(frames_path(study, series, instance, numbers), (), **where)
    request = Request("GET", url, {"accept": accept(media_types, OCTETS, transfer_syntax)})
    return Stream(request, _parts.content, expected=len(numbers))


def bulkdata(
    service: Service,
    url: str,
    *,
    media_types: MediaTypes | None = None,
    transfer_syntax: str | None = "*",
    byte_range: tuple[int] | tuple[int, int] | None = None,
    **where: Unpack[RequestOptions],
) -> Stream[Content]:
    """The bulk value at `url`, which comes from Metadata and is taken as it is; `partition` means nothing here."""
    headers = {"accept": accept(media_types, OCTETS, transfer_syntax)}
    if byte_range is not None:
        if byte_range[0] < 0 or byte_range[-1] < byte_range[0]:
            raise ValueError("A range of bytes is its first and its last one, counted from 0.")
        headers["range"] = f"bytes={byte_range[0]}-{byte_range[1] if len(byte_range) > 1 else ''}"
    more = encoded((where.get("additional_params") or {}).items())
    url = service.resolve(url) + (f"{'&' if '?' in url else '?'}{more}" if more else "")
    finish = _parts.content if byte_range is None else partial(_parts.cut, byte_range=byte_range)
    return Stream(Request("GET", url, headers), finish)


def rendered(
    service: Service, resource: str, *, several: bool = False, **options: Unpack[RenderedOptions]
) -> Stream[Content]:
    """Rendered images: of `several` each a part, else one."""
    return _images(service, f"{resource}/rendered", several, **options)


def thumbnail(service: Service, resource: str, **options: Unpack[RenderedOptions]) -> Stream[Content]:
    """The image that stands for a resource."""
    return _images(service, f"{resource}/thumbnail", False, **options)


def _images(
    service: Service,
    target: str,
    several: bool,
    *,
    media_types: MediaTypes | None = None,
    params: Mapping[str, Any] | None = None,
    viewport: Sequence[float] | None = None,
    window: tuple[float, float, str] | None = None,
    quality: int | None = None,
    annotation: str | Sequence[str] | None = None,
    iccprofile: str | None = None,
    **where: Unpack[RequestOptions],
) -> Stream[Content]:
    """What is several values is written with commas (PS3.18 §8.3.5)."""
    listed = [entry if isinstance(entry, str) else entry[0] for entry in media_types or JPEG]
    # What holds several Frames in one file is asked for as that first.
    accepted = listed + [f'multipart/related; type="{media_type}"' for media_type in listed if several]
    named = {"viewport": viewport, "window": window, "quality": quality, "annotation": annotation}
    asked = dict(params or {})
    for key, value in {**named, "iccprofile": iccprofile}.items():
        asked.setdefault(key, value)
    joined = [
        (key, ",".join(map(str, value)) if isinstance(value, tuple | list) else value) for key, value in asked.items()
    ]
    url = service.url(target, joined, **where)
    expected = None if several else 1
    return Stream(Request("GET", url, {"accept": ", ".join(accepted)}), _parts.content, expected=expected)


# Delete (Azure, and most services; not in the Standard)


def delete(service: Service, resource: str, **where: Unpack[RequestOptions]) -> Transaction[None]:
    """Delete a Study, a Series or an Instance."""
    answer = yield Request("DELETE", service.url(resource, (), **where), {"accept": "*/*"})
    if answer.status == 404 and answer.repeated:
        return  # a try whose answer was lost had deleted it
    check(answer)

"""The requests of each operation and what is made of the answers. No I/O: both clients run the same.

A transaction is a generator that yields a Request, is sent its Answer, may yield further ones, and returns the result.
A stream is one Request and what is made of each part of its answer. The clients in `client` and `async_client` carry
requests and answers to and fro, and nothing else.
"""

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Generic, TypeVar, Unpack

import httpx2
import orjson

from filmroom.client import _parts
from filmroom.client._answers import PAGE, Answer, Datasets, Metadata, check, datasets, is_page, refuse_page
from filmroom.client._options import (
    DownloadOptions,
    MediaTypes,
    MetadataOptions,
    OnProgress,
    RenderedOptions,
    RequestOptions,
)
from filmroom.client._parts import Content, Part, Splitter
from filmroom.client._service import Service, path_within
from filmroom.client._sources import Body
from filmroom.client._values import written
from filmroom.client.exceptions import BadResponse

T = TypeVar("T")
Transaction = Generator["Request", Answer, T]

JSON = "application/dicom+json"
INSTANCES = ("application/dicom",)
ZIP = "application/zip"
AS_STORED = {*INSTANCES, "application/octet-stream"}  # what can be asked for in the Transfer Syntax "*"
JPEG = ("image/jpeg",)
_PAGES = ("text/html", "text/*", "*/*")  # who accepts one of these asks for whatever it is
ORIGINAL = {"msdicom-request-original": "True"}  # of the Azure service


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A body in JSON."""

    content: bytes
    repeatable: bool = True

    @property
    def headers(self) -> dict[str, str]:
        """Content-Type and Content-Length."""
        return {"content-type": "application/json; charset=utf-8", "content-length": str(len(self.content))}

    def __iter__(self) -> Iterator[bytes]:
        yield self.content


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `url` is absolute and encoded; every request says what it accepts."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: Body | JsonBody | None = None


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
        """What cuts the answer into parts. A page is one of them only for who asked for it."""
        if is_page(response.headers) and not any(one in self.request.headers["accept"] for one in _PAGES):
            raise BadResponse(PAGE)
        is_range = response.status_code == HTTPStatus.PARTIAL_CONTENT
        return Splitter(response.headers, self.open_file, self.expected, self.progress, is_range=is_range)


def accept(
    media_types: MediaTypes | None, default: Sequence[str], transfer_syntax: str | None, *, one_part: bool = False
) -> str:
    """The Accept header for a multipart answer, or rather for `one_part` (PS3.18 §8.7.5).

    Neither "*" nor a UID needs quotes. An image is what it is in some Transfer Syntaxes only, so services refuse one
    "as stored", whatever that is. Multipart stands first in any case: Orthanc reads no further.
    """
    rather = "; q=0.5" if one_part else ""
    single, multipart = [], []
    for entry in default if media_types is None else media_types:
        media_type, syntax = (entry, transfer_syntax) if isinstance(entry, str) else entry
        if syntax == "*" and isinstance(entry, str) and media_type not in AS_STORED:
            syntax = None
        parameter = f"; transfer-syntax={syntax}" if syntax else ""
        single.append(media_type + parameter)
        multipart.append(f'multipart/related; type="{media_type}"{parameter}{rather}')
    return ", ".join(multipart + single if one_part else multipart)


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
    keys = [(key, written(key, value)) for key, value in (search_filters or {}).items()]
    parameters = [*keys, ("fuzzymatching", fuzzymatching), ("includefield", fields)]

    def page(start: int | None) -> Request:
        window = [("limit", limit), ("offset", start)]
        url = service.url(path_within(study, series, end=level), [*parameters, *window], **where)
        return Request("GET", url, {"accept": JSON})

    if get_remaining:
        return (yield from _pages(page, offset or 0))
    return (yield from fetched(page(offset)))


def query(service: Service, path_and_query: str, *, partition: str | None = None) -> Transaction[Datasets]:
    """Search with the path and the query as they are."""
    if not path_and_query.startswith("/"):
        raise ValueError("A query is a path under the URL of the service, such as /studies?PatientID=1.")
    return (yield from fetched(Request("GET", service.url(path_and_query, partition=partition), {"accept": JSON})))


def fetched(request: Request, *, said: set[str] | None = None) -> Transaction[Datasets]:
    """The data sets that a request is answered with. Of `said`: see `check`."""
    answer = yield request
    check(answer, said=said)
    return datasets(answer)


def _pages(page: Callable[[int], Request], offset: int) -> Transaction[Datasets]:
    """All pages from `offset` on.

    The first page shows how long pages are: the limit that was asked for may be above what the service grants, so a
    first page is never taken as the last unless it is empty. A page with nothing new ends it too: some services do not
    know `offset` and send the first page for ever. What was seen before is left out; Instances that are stored
    meanwhile push older results from one page into the next.
    """
    said: set[str] = set()
    first = last = yield from fetched(page(offset), said=said)
    items, seen = list(first.json), {fingerprint(item) for item in first.json}
    while len(last) and len(last) >= len(first):
        offset += len(last)
        last = yield from fetched(page(offset), said=said)
        new = [item for item in last.json if fingerprint(item) not in seen]
        if not new:
            break
        seen.update(map(fingerprint, new))
        items += new
    return Datasets(items, last.headers, last.url)


def fingerprint(item: dict[str, Any]) -> int:
    """By this a result is known again."""
    return hash(orjson.dumps(item, option=orjson.OPT_SORT_KEYS))


# Metadata, PS3.18 §10.4


def metadata(
    service: Service,
    resource: str,
    *,
    if_none_match: str | None = None,
    include_fields: Sequence[str] | None = None,
    request_original: bool = False,
    **where: Unpack[RequestOptions],
) -> Transaction[Datasets]:
    """The Metadata of all Instances of a resource, or nothing when the ETag still holds."""
    headers = {"accept": JSON} | (ORIGINAL if request_original else {})
    if if_none_match is not None:
        headers["if-none-match"] = if_none_match
    url = service.url(f"{resource}/metadata", [("includefield", include_fields)], **where)
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


# Instances, PS3.18 §10.4


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
    one_part: bool = False,
    **where: Unpack[RequestOptions],
) -> Stream[T]:
    """The Instances of a resource. As stored by default: Azure refuses to transcode more than one.

    What comes in one part can be gone on with when it breaks off.
    """
    accepted = accept(media_types, INSTANCES, transfer_syntax, one_part=one_part)
    headers = {"accept": accepted} | (ORIGINAL if request_original else {})
    url = service.url(resource, (), **where)
    return Stream(Request("GET", url, headers), finish, open_file, expected, progress)


def download(
    service: Service,
    resource: str,
    folder: str | os.PathLike[str],
    *,
    one_part: bool = False,
    **options: Unpack[DownloadOptions],
) -> Stream[Path]:
    """The Instances of a resource, each written to its place under `folder`."""
    target = _parts.Folder(folder)
    return instances(service, resource, target.keep, open_file=target.open, one_part=one_part, **options)


def download_zip(
    service: Service,
    resource: str,
    path: str | os.PathLike[str],
    *,
    transfer_syntax: str | None = "*",
    dicomdir: bool = False,
    progress: OnProgress | None = None,
    **where: Unpack[RequestOptions],
) -> Stream[Path]:
    """The Instances of a resource in one archive, written to `path`."""
    syntax = f"; transfer-syntax={transfer_syntax}" if transfer_syntax else ""
    url = service.url(resource, [("dicomdir", dicomdir or None)], **where)
    target = _parts.File(path)
    request = Request("GET", url, {"accept": ZIP + syntax})
    return Stream(request, target.keep, target.open, expected=1, progress=progress)


# Rendered images, PS3.18 §10.4.1.1.3


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


# Capabilities, PS3.18 §8.9


def capabilities(service: Service) -> Transaction[dict[str, Any]]:
    """The Capabilities Description of the service, whose root is the resource."""
    answer = yield Request("OPTIONS", f"{service.base_url}/", {"accept": "application/json"})
    check(answer)
    try:
        document = orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        raise BadResponse("The answer is no JSON: this service may describe itself in XML alone.") from error
    if not isinstance(document, dict):
        raise BadResponse("The answer is no Capabilities Description.")
    return document


# Delete (Azure, and most services; not in the Standard)


def delete(service: Service, resource: str, **where: Unpack[RequestOptions]) -> Transaction[None]:
    """Delete a Study, a Series or an Instance."""
    answer = yield Request("DELETE", service.url(resource, (), **where), {"accept": "*/*"})
    if answer.status == 404 and answer.repeated:
        return  # a try whose answer was lost had deleted it
    check(answer)
    refuse_page(answer)

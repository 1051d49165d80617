"""A service, and the URLs of its resources (PS3.18 §8.3, §10.1)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit, urlunsplit

import httpx2

Parameters = Iterable[tuple[str, Any]]

LEVELS = ("studies", "series", "instances")


@dataclass(frozen=True, slots=True)
class Service:
    """A DICOMweb service: its base URL, kept with its path, and the partition that requests go to."""

    base_url: str
    partition: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("The URL of a service looks like https://host/path: http or https, without a query.")
        base_url = self.base_url.rstrip("/")
        if base_url.endswith("/studies"):
            raise ValueError(f"The URL of a service ends before /studies: is {base_url[: -len('/studies')]} meant?")
        object.__setattr__(self, "base_url", base_url)

    @property
    def shown(self) -> str:
        """The base URL for people, without user and password."""
        parts = urlsplit(self.base_url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

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

    def is_same_server(self, url: str) -> bool:
        """Whether `url` has the service's scheme, host and port."""
        return httpx2.URL(url).origin == httpx2.URL(self.base_url).origin

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

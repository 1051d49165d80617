"""A search by keywords: what of a call goes into the query, and how page follows page. No I/O.

A service that gives a `Link` to the next page is followed; any other is asked by `offset`, until a page is short.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx2

from filmroom.client._answers import Datasets, next_of
from filmroom.client._messages import JSON, Request, Transaction, fetched, fingerprint
from filmroom.client._service import Service, path_within
from filmroom.client._values import of_key, vr_of
from filmroom.client.exceptions import BadRequest, BadResponse
from filmroom.client.roots import beyond_azure
from filmroom.dicom import attributes

PAGE = 100  # what every service grants
MOST_EMPTY = 100  # pages in a row, after which there is no end to be hoped for
ALL = "all"
PATIENTS = "/patients"  # as a resource, which only Filmroom has
OPTIONS = ("match", "include", "fuzzy", "order_by", "limit", "offset", "page_size", "partition", "additional_params")
# What the methods search_for_… call these
OF_SEARCH_FOR = {"search_filters": "match", "fields": "include", "fuzzymatching": "fuzzy", "includefield": "include"}
# These keys name the resource that is searched in, where the level lies below it: every service knows the path
# /studies/{study}/series, few know /series?StudyInstanceUID=.
SCOPES = {"/series": ("StudyInstanceUID",), "/instances": ("StudyInstanceUID", "SeriesInstanceUID")}

_UID = re.compile("[0-9.]+")
_GROUP = re.compile("[0-9A-Fa-f]{4}[xX]{4}")  # 0010xxxx: Filmroom answers with all of a group
_COUNT = re.compile(r"\bcount\b")


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked for. `limit` is of all pages together; without a `page_size` the service chooses one."""

    service: Service
    level: str
    scope: tuple[str, ...]
    parameters: tuple[tuple[str, Any], ...]
    limit: int | None = None
    offset: int = 0
    page_size: int | None = PAGE
    partition: str | None = None
    additional_params: Mapping[str, Any] | None = None

    def url(self, limit: int | None, offset: int, *more: tuple[str, Any]) -> str:
        """Of one page."""
        study, series = (*self.scope, None, None)[:2]
        window = [("limit", limit), ("offset", offset or None), *more]
        return self.service.url(
            path_within(study, series, end=self.level),
            [*self.parameters, *window],
            partition=self.partition,
            additional_params=self.additional_params,
        )

    def first(self) -> "Search":
        """The same, for one result."""
        return replace(self, limit=1, page_size=1)


def make(
    service: Service,
    level: str,
    *,
    match: Mapping[str, Any] | None = None,
    include: str | Iterable[str] = (),
    fuzzy: bool = False,
    order_by: str | Iterable[str] = (),
    limit: int | None = None,
    offset: int = 0,
    page_size: int | None = PAGE,
    partition: str | None = None,
    additional_params: Mapping[str, Any] | None = None,
    **keys: Any,
) -> Search:
    """A search from the keywords of a call. ValueError says what in it makes no sense."""
    for name, number in {"limit": limit, "offset": offset, "page_size": page_size}.items():
        if number is not None and not isinstance(number, int):
            raise TypeError(f"{name}= is a whole number, not {number!r}.")
    if (limit is not None and limit < 1) or offset < 0 or (page_size is not None and page_size < 1):
        raise ValueError("limit= and page_size= are 1 or more, offset= is 0 or more.")
    flat: dict[str, str | list[str]] = {}
    for path, value in _flat([*keys.items(), *(match or {}).items()]):
        if flat.setdefault(path, value) is not value:
            raise ValueError(f"{path} is given twice; several values of a key are a list.")
    scope = _scope(level, flat)
    parameters = [
        *flat.items(),
        ("fuzzymatching", fuzzy or None),
        ("includefield", [_field(one) for one in _several(include)]),
        ("orderby", ",".join(_order(one) for one in _several(order_by)) or None),
    ]
    return Search(service, level, scope, tuple(parameters), limit, offset, page_size, partition, additional_params)


def _several(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _flat(keys: Iterable[tuple[str, Any]], above: str = "") -> Iterator[tuple[str, str | list[str]]]:
    """Keys by their paths: what is in an item of a sequence has dots in its name (PS3.18 §8.3.4)."""
    for name, value in keys:
        path = known(name, above)
        if isinstance(value, Mapping):
            if vr_of(path) not in {"SQ", ""}:
                raise ValueError(f"{path} is no sequence, so it has no attributes inside.")
            yield from _flat(value.items(), f"{path}.")
        elif vr_of(path) == "SQ" and value != "":
            raise ValueError(f'{path} is a sequence: match what is inside, as in {{"{path}": {{"CodeValue": "T-1"}}}}.')
        else:
            yield path, of_key(path, value)


def known(name: str, above: str = "") -> str:
    """A keyword, a tag or a path of them, with the keyword of each that has one. A service might pass over others."""
    tags = [(step, attributes.parse(step)) for step in name.split(".")]
    for step, tag in tags:
        if tag is None:
            raise ValueError(f"{above}{name}: {unknown(step)}")
    return above + ".".join((tag is not None and attributes.keyword(tag)) or step for step, tag in tags)


def unknown(name: str) -> str:
    """What was probably meant by what is no attribute."""
    option = OF_SEARCH_FOR.get(name) or next(iter(get_close_matches(name, OPTIONS, 1, 0.75)), None)
    near = f"{option}=" if option else attributes.nearest(name)
    if near:
        return f"{name!r} is not the keyword of an attribute; is {near} meant?"
    return f"{name!r} is neither the keyword of an attribute (PatientID) nor its tag (00100020)."


def _field(name: str) -> str:
    return name if name == ALL or _GROUP.fullmatch(name) else known(name)


def _order(name: str) -> str:
    return f"-{known(name[1:])}" if name.startswith("-") else known(name)


def _scope(level: str, keys: dict[str, str | list[str]]) -> tuple[str, ...]:
    """Takes the UIDs of the Study and the Series to search in out of the keys."""
    scope: list[str] = []
    for name in SCOPES.get(level, ()):
        uid = keys.get(name)
        if isinstance(uid, list) and len(uid) == 1:
            [uid] = uid
        if not isinstance(uid, str) or not _UID.fullmatch(uid.strip()):
            break
        scope.append(uid.strip())
        del keys[name]
    return tuple(scope)


class Pages:
    """Where a program is in what a search finds. `ended` when there is no more, `first` at the first page."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._left = search.limit
        self._offset = search.offset
        self._longest = 0
        self._seen: set[int] = set()
        self._links: set[str] = set()  # that were followed
        self._empty = 0  # pages without results, one after the other
        self._said: set[str] = set()
        self._next: str | None = None
        self.first = True
        self.ended = False

    def page(self) -> Transaction[Datasets]:
        """The next results, which may be none."""
        asked = self._asked()
        self.first = self._next is None and self._offset == self._search.offset
        url = self._next or self._search.url(asked, self._offset)
        found = yield from _fetched(self._search, url, self._said)
        self._next = None if self._left is not None and len(found) >= self._left else self._following(found)
        if self._next is not None or self._links:
            items = found.json
            self.ended = self._next is None
            self._check_progress(found)
        else:
            items = self._new(found.json)
            self.ended = not items or self._is_last(found, asked)
        self._offset += len(found)
        if self._left is not None:
            items = items[: self._left]
            self._left -= len(items)
            self.ended = self.ended or self._left == 0
        return Datasets(items, found.headers, found.url)

    def _asked(self) -> int | None:
        """How many the page may have."""
        return min((size for size in (self._left, self._search.page_size) if size is not None), default=None)

    def _following(self, found: Datasets) -> str | None:
        """The URL of the next page if the service gives one. On another server, it would get the credentials."""
        url = next_link(found.headers, found.url, self._search.service)
        if url is not None and url in self._links:
            raise BadResponse("The service's links from page to page lead in a circle.")
        if url is not None:
            self._links.add(url)
        return url

    def _check_progress(self, found: Datasets) -> None:
        """Whoever is led from page to page must come to an end, or be told that this was none."""
        enough = self._left is not None and len(found) >= self._left
        if self.ended and not enough and next_of(found.headers) is not None:
            raise BadResponse("The service's link to the next page leads to another server.")
        self._empty = 0 if len(found) else self._empty + 1
        if self._empty > MOST_EMPTY:
            raise BadResponse("The service's links lead from one empty page to the next.")

    def _new(self, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """What was not seen before. What is stored meanwhile pushes older results from one page into the next, and
        some services do not know `offset` and send the first page for ever."""
        marks = [fingerprint(item) for item in items]
        new = [item for item, mark in zip(items, marks, strict=True) if mark not in self._seen]
        self._seen.update(marks)
        return new

    def _is_last(self, found: Datasets, asked: int | None) -> bool:
        """Whether the page is short. Who grants fewer than were asked for says so in a Warning (PS3.18 §10.6.3.1)."""
        is_short = len(found) < (self._longest if asked is None or found.more else asked)
        self._longest = max(self._longest, len(found))
        return is_short


def _fetched(search: Search, url: str, said: set[str]) -> Transaction[Datasets]:
    with beyond_azure(search.service.base_url) if search.level == PATIENTS else nullcontext():
        return (yield from fetched(Request("GET", url, {"accept": JSON}), said=said))


def next_link(headers: httpx2.Headers, url: str, service: Service) -> str | None:
    """The next page (RFC 8288), at the service as it was addressed; None if that is elsewhere."""
    target = next_of(headers)
    return None if target is None else _at(service, url, target)


def _at(service: Service, url: str, target: str) -> str | None:
    try:
        parts = urlsplit(urljoin(url, target))
        if not service.is_same_server(parts.geturl()):
            return None
    except (httpx2.InvalidURL, ValueError):
        return None
    own = urlsplit(service.base_url)
    return urlunsplit((own.scheme, own.netloc, parts.path, parts.query, ""))


def total(search: Search) -> Transaction[int | None]:
    """How many results there are in all, as Filmroom says; None where the service does not."""
    try:
        found = yield from _fetched(search, search.url(1, 0, ("count", True)), set())
    except BadRequest as error:
        if _COUNT.search(error.message):  # the Azure service refuses what it does not know
            return None
        raise
    count = found.headers.get("x-total-count", "").strip()
    return int(count) if count.isascii() and count.isdigit() else None

"""URLs of places: which place one names, and whether the settings of the service allow it.

file:///srv/images                                     a folder
s3://bucket/prefix, gs://bucket/prefix                 a part of a bucket
az://container/prefix                                  one of the account that the options name
https://account.blob.core.windows.net/container/…      one of that account (Azure), or of an emulator of it
"""

import ipaddress
import os
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from filmroom.blobs import buckets
from filmroom.errors import BadRequest
from filmroom.places.bucket import BucketPlace
from filmroom.places.folder import FolderPlace
from filmroom.places.place import Place

Options = Mapping[str, str]
_NONE: Mapping[str, Options] = MappingProxyType({})
_PORTS = {"http": 80, "https": 443}


def open_place(url: str, known: Mapping[str, Options] = _NONE, given: Options | None = None) -> Place:
    """The place that a URL names.

    known  options of buckets that the operator knows, by the URLs of places that they hold for
    given  credentials that came with a request; then no others are used
    """
    parts = _split(url)
    if parts.scheme == "file":
        return FolderPlace(parts.path)
    options = dict(_of_the_nearest(parts, known))
    if given:
        options = {name: value for name, value in options.items() if name in buckets.CLIENT} | dict(given)
    if parts.scheme not in _PORTS:
        return BucketPlace(str(parts), str(parts), options)
    azure = _azure(parts)
    return BucketPlace(str(parts), azure.url, azure.options | options)


def permit(url: str, allowed: Iterable[str], setting: str) -> None:
    """BadRequest unless a place lies in one of those that a setting names. Whose links lead elsewhere lies there."""
    wanted = _split(url)
    if not any(wanted.within(_split(one)) for one in allowed):
        raise BadRequest(f"This place is none of those that the setting {setting} of the service allows.")


class _Parts(NamedTuple):
    """A URL in the one form that it has here: links are followed, nothing is percent-encoded."""

    scheme: str
    host: str  # or bucket
    path: str  # without a slash at its end; of all but folders without one at its beginning

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}/{quote(os.fsencode(self.path.lstrip('/')))}".rstrip("/")

    def within(self, other: "_Parts") -> bool:
        same = (self.scheme, self.host) == (other.scheme, other.host)
        return same and (not other.path or f"{self.path}/".startswith(f"{other.path}/"))


def _split(url: str) -> _Parts:
    wrong = BadRequest(
        "The URL of a place is that of a folder, such as file:///srv/images, or of a bucket, such as "
        "s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, https://account.blob.core.windows.net/container."
    )
    try:
        parts = urlsplit(url)
        port = parts.port if parts.scheme in _PORTS else None
    except ValueError:
        raise wrong from None
    path = unquote(parts.path, errors="surrogateescape")
    if parts.query or parts.fragment or "\0" in path:
        raise wrong
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and path.startswith("/"):
        return _Parts("file", "", os.path.realpath(path).rstrip("/"))
    path = path.strip("/")
    host = _host(parts, port)
    if not host or (path and {"", ".", ".."} & set(path.split("/"))):
        raise wrong
    return _Parts(parts.scheme, host, path)


def _host(parts: SplitResult, port: int | None) -> str:
    if parts.scheme in buckets.SCHEMES:
        return "" if {"@", ":", "%", "\\"} & set(parts.netloc) else parts.netloc
    if parts.scheme not in _PORTS or "@" in parts.netloc or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return host if port in {None, _PORTS[parts.scheme]} else f"{host}:{port}"


def _of_the_nearest(parts: _Parts, known: Mapping[str, Options]) -> Options:
    """The options of the longest URL that a place lies in."""
    found = [(len(str(place)), options) for url, options in known.items() if parts.within(place := _split(url))]
    return max(found, key=lambda one: one[0])[1] if found else {}


class _Azure(NamedTuple):
    url: str
    options: dict[str, str]


def _azure(parts: _Parts) -> _Azure:
    """A container by its URL. Where the host has no names of accounts, the account is first in the path."""
    host, container = parts.host.rpartition(":")[0] or parts.host, parts.path
    account, endpoint = host.partition(".")[0], f"{parts.scheme}://{parts.host}"
    if "." not in host or _is_address(host):
        account, _, container = parts.path.partition("/")
        endpoint += f"/{account}"
    if not container:
        raise BadRequest("The URL of a container looks like https://account.blob.core.windows.net/container.")
    options = {"account_name": account, "endpoint": endpoint}
    if parts.scheme == "http":
        options["allow_http"] = "true"
    return _Azure(f"az://{quote(container)}", options)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True

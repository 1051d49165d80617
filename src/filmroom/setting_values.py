"""What values of settings must be, and the words for what is wrong with them."""

import os
import re
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode


def is_here(host: str | None) -> bool:
    """Whether only this machine is reached by a name or an address."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:  # another name
        return False


def _path(value: object, what: str) -> object:
    """A path as people write it; `~` is a shell's, and the shell does not see files and variables."""
    if not isinstance(value, str):
        return value
    if not value.strip() or "\0" in value:
        raise ValueError(f"it must name a {what}")
    expanded = os.path.expanduser(value)
    if expanded.startswith("~"):
        raise ValueError(f"there is no home folder of that user; begin the name of a {what} with ./")
    return expanded


Folder = Annotated[Path, BeforeValidator(partial(_path, what="folder"))]
File = Annotated[Path, BeforeValidator(partial(_path, what="file"))]


_WEB = {"http", "https"}


def _web(example: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        parts = _split(value)
        if parts is None or parts.scheme not in _WEB or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"it must be a URL such as {example}")
        return value

    return check


base_url = _web("https://pacs.example/archive")
endpoint = _web("http://collector.example:4318")


def _split(url: str) -> SplitResult | None:
    """Its parts; None if it is no URL: the words of the ValueError quote it, and so a password in it."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def index(value: SecretStr) -> SecretStr:
    parts = _split(value.get_secret_value())
    if parts is None or parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ValueError("it must be a URL such as postgresql://filmroom@db.example/images")
    return value


def places(value: object) -> object:
    """URLs as a list, or as a text with blanks between."""
    urls = value.split() if isinstance(value, str) else value
    for url in urls if isinstance(urls, list | tuple) else ():
        if isinstance(url, str) and not ((parts := _split(url)) and parts.scheme):
            raise ValueError("it must be URLs such as file:///srv/exports, with blanks between")
    return urls


def words(value: object) -> object:
    """A list, or a text with blanks between."""
    return tuple(value.split()) if isinstance(value, str) else value


def origins(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        parts = _split(value)
        bare = parts and parts.scheme in _WEB and parts.hostname and f"{parts.scheme}://{parts.netloc}"
        if value != (bare or "*") or "@" in value or (value == "*" and len(values) > 1):
            raise ValueError("it must be origins such as https://viewer.example.org, no slash at the end, or * alone")
    return tuple(value.lower() for value in values)


def hosts(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(r"[0-9A-Za-z._-]+|\*", value) or (value == "*" and len(values) > 1):
            raise ValueError("it must be names such as pacs.clinic.lan, with blanks between, or * alone")
    return tuple(value.lower().removesuffix(".") for value in values)


def networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ip_network(value)
        except ValueError:
            raise ValueError("it must be addresses or networks such as 10.0.0.1 or 10.0.0.0/24") from None
    return values


Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(words), AfterValidator(origins)]
Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(words), AfterValidator(hosts)]
Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(words), AfterValidator(networks)]


def syslog(value: str) -> str:
    parts = _split(value)
    if parts is None or parts.scheme not in {"tls", "tcp", "udp"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError("it must be a URL such as tls://audit.example:6514")
    if parts.scheme != "tls" and not is_here(parts.hostname):
        raise ValueError("what is not encrypted may only go to this machine, such as udp://127.0.0.1:514: use tls://")
    return value


Places = Annotated[tuple[str, ...], NoDecode, BeforeValidator(places)]
_BUCKETS = {"s3", "az", "gs"}


def blobs(value: str) -> str:
    if not _is_store(_split(value)):
        raise ValueError(
            "it must be a URL such as file:///srv/blobs, s3://bucket/prefix, az://container/prefix or gs://bucket/prefix"
        )
    return value


def _is_store(parts: SplitResult | None) -> bool:
    if parts is None or parts.query or parts.fragment:
        return False
    folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    return folder or (parts.scheme in _BUCKETS and bool(parts.netloc) and not {"@", ":"} & set(parts.netloc))


def texts(value: object) -> object:
    """The options of a bucket, which all are text: numbers and switches as they are written there."""
    if not isinstance(value, dict):
        return value
    return {name: _plain(one) for name, one in value.items()}


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def tables(value: object) -> object:
    return {name: texts(one) for name, one in value.items()} if isinstance(value, dict) else value


ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


def algorithms(value: tuple[str, ...]) -> tuple[str, ...]:
    """None whose key is a secret that two share: whoever verifies such a token could make it."""
    if not value or not {*value} <= {*ALGORITHMS}:
        raise ValueError(f"it must be some of: {' '.join(ALGORITHMS)}")
    return value


Algorithms = Annotated[tuple[str, ...], NoDecode, BeforeValidator(words), AfterValidator(algorithms)]


def issuer(value: str) -> str:
    parts = urlsplit(base_url(value))
    if parts.scheme != "https" and not is_here(parts.hostname):
        raise ValueError("it must be https: whoever can change what comes over http could make tokens")
    return value

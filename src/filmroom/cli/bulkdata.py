"""A bulk value of an instance that `filmroom retrieve` saves instead of its file."""

import base64
import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count, islice
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urljoin

from filmroom.cli.endings import ENDINGS, ending
from filmroom.cli.exits import NOT_ALL, stop
from filmroom.cli.saving import Uids, write
from filmroom.cli.service import absent
from filmroom.cli.typed import ByteRange
from filmroom.client import BadRequest, Client
from filmroom.client.roots import fuller_root
from filmroom.dicom import attributes
from filmroom.dicom.json_model import items, single
from filmroom.dicom.resources import Resource
from filmroom.dicom.transfer_syntax import OCTET_STREAM

ENCAPSULATED_DOCUMENT, MIME_TYPE, DOCUMENT_LENGTH = "00420011", "00420012", "00420015"
MOST_HINTS = 3
_COMPLETE = re.compile(r"bytes \*/([0-9]{1,18})")  # Content-Range of a status 416
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")


@dataclass(frozen=True, slots=True)
class _Value:
    """An element of the DICOM JSON Model. Of a document also its media type, and its length if it says that."""

    path: str
    element: dict[str, Any]
    media_type: str | None
    length: int | None


def save(client: Client, uids: Uids, path: str, part: ByteRange | None, folder: Path, saved: list[Path]) -> None:
    """The bulk value at a path of the Metadata, or a part of it; usually one."""
    metadata = client.retrieve_instance_metadata(*uids)
    value = _find(metadata.json, path)
    if value is None:
        absent(f"{shown(path)} of {Resource(*uids).path}", client, _hint(client, metadata.json, path))
    name = f"{'/'.join(uids)}-{shown(path).replace('/', '-')}" + (f"-{part}" if part else "")
    places = (folder / (name if number == 1 else f"{name}-{number}") for number in count(1))
    if "InlineBinary" in value.element:
        saved.append(write(_inline(value, part), _with(next(places), ENDINGS.get(value.media_type or "", ".bin"))))
    elif "BulkDataURI" in value.element:
        url = urljoin(metadata.url, single(value.element["BulkDataURI"]))
        saved.extend(_streamed(client, url, value, part, places))
    else:
        stop(f"{shown(path)} is no bulk value: it is in the Metadata", NOT_ALL)


def _streamed(
    client: Client, url: str, value: _Value, part: ByteRange | None, places: Iterator[Path]
) -> Iterator[Path]:
    """Values go from the connection to the folder that they stay in."""
    media_types = [value.media_type, OCTET_STREAM] if value.media_type else None
    place = next(places)
    bounds = part.bounds if part else None
    files = client.iter_bulkdata_files(url, folder=place.parent, media_types=media_types, byte_range=bounds)
    with closing(files), _reaching(value, part):
        for file in files:
            size = _unpadded(value, file.path.stat().st_size, part)
            if part and not size:
                file.remove()
                _behind_the_end(value, part, value.length if value.length == part.first else None)
            os.truncate(file.path, size)
            path = _with(place, ending(file) or ENDINGS.get(value.media_type or "", ".bin"))
            os.replace(file.path, path)
            yield path
            place = next(places)


@contextmanager
def _reaching(value: _Value, part: ByteRange | None) -> Iterator[None]:
    """What begins behind the end is refused by services that know ranges (RFC 9110 §15.5.17)."""
    try:
        yield
    except BadRequest as error:
        if part is None or error.status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        found = _COMPLETE.fullmatch(error.headers.get("content-range", ""))
        _behind_the_end(value, part, _unpadded(value, int(found[1]), None) if found else None)


def _behind_the_end(value: _Value, part: ByteRange, length: int | None) -> NoReturn:
    has = "it ends before" if length is None else f"it has {length}, counted from 0"
    stop(f"no bytes {part} of {shown(value.path)}: {has}", NOT_ALL)


def _inline(value: _Value, part: ByteRange | None) -> bytes:
    """What stands in the Metadata themselves."""
    content = base64.b64decode(single(value.element["InlineBinary"]))
    content = content[: _unpadded(value, len(content), None)]
    if part is None:
        return content
    if part.first >= len(content):
        _behind_the_end(value, part, len(content))
    return content[part.cut]


def _unpadded(value: _Value, size: int, part: ByteRange | None) -> int:
    """How many of the bytes are the document: one of odd length is stored with a byte behind it (PS3.3 §C.24.2)."""
    end = (part.first if part else 0) + size
    return size - 1 if value.length is not None and value.length % 2 and end == value.length + 1 and size else size


def shown(path: str) -> str:
    """A path for people: the keyword, if it is not one into sequences."""
    return path if "/" in path else attributes.keyword(int(path, 16)) or path


def _find(elements: dict[str, Any], path: str) -> _Value | None:
    steps = path.split("/")
    for sequence, number in zip(steps[:-1:2], steps[1::2], strict=True):
        inside = elements.get(sequence, {}).get("Value", [])
        elements = inside[int(number) - 1] if int(number) <= len(inside) else {}
        if not isinstance(elements, dict):  # no sequence
            return None
    element = elements.get(steps[-1])
    if element is None:
        return None
    if steps[-1] != ENCAPSULATED_DOCUMENT:
        return _Value(path, element, None, None)
    said = str((elements.get(MIME_TYPE, {}).get("Value") or [""])[0]).strip().lower()
    length = (elements.get(DOCUMENT_LENGTH, {}).get("Value") or [None])[0]
    media_type = said if _MEDIA_TYPE.fullmatch(said) else None
    return _Value(path, element, media_type, length if isinstance(length, int) else None)


def _hint(client: Client, elements: dict[str, Any], path: str) -> str:
    """Where the value lies instead, if that is known."""
    if more := fuller_root(client.base_url):
        return f"this root's Metadata name no bulk values; those of {more} do"
    found = list(islice(_places(elements, path), MOST_HINTS)) if "/" not in path else []
    return f"in sequences there is {', '.join(found)}" if found else ""


def _places(elements: dict[str, Any], key: str) -> Iterator[str]:
    """The paths at which an attribute has a bulk value, with keywords where there are."""
    for name, element in elements.items():
        if name == key and ("BulkDataURI" in element or "InlineBinary" in element):
            yield shown(name)
        for number, item in enumerate(items(elements, name), 1):
            yield from (f"{shown(name)}/{number}/{inner}" for inner in _places(item or {}, key))


def _with(path: Path, end: str) -> Path:
    """A path with a further ending: the points of a UID begin none."""
    return path.with_name(path.name + end)

"""What `filmroom retrieve` saves of an instance instead of its file: frames, or a bulk value."""

import base64
import os
import re
from collections import deque
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from filmroom.cli import raw, typed
from filmroom.cli.endings import ENDINGS
from filmroom.cli.saving import write
from filmroom.cli.service import NOT_ALL, absent, fuller_root, stop
from filmroom.client import Client, ClientError, Content, ContentFile
from filmroom.dicom import attributes, transfer_syntax
from filmroom.dicom.json_model import items, single
from filmroom.dicom.resources import Resource
from filmroom.dicom.transfer_syntax import OCTET_STREAM

ENCAPSULATED_DOCUMENT, MIME_TYPE, DOCUMENT_LENGTH = "00420011", "00420012", "00420015"
MOST_HINTS = 3
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_RAW = ".raw"
Range = tuple[int] | tuple[int, int]


def save_frames(
    client: Client, target: Resource, numbers: list[int], syntax: str, folder: Path, saved: list[Path]
) -> str:
    """Frames, each under its number; and what is in those without compression, which don't say it.

    In a Transfer Syntax they come as what that makes them (PS3.18 §8.7.3.3).
    """
    media_type = OCTET_STREAM if syntax == "*" else transfer_syntax.find(syntax).media_type
    frames = client.iter_instance_frames(*_uids(target), numbers, media_types=[(media_type, syntax)])
    plain: Content | None = None
    for number, frame in zip(numbers, frames, strict=False):
        ending = _ending(frame) or _RAW
        saved.append(write(frame, folder / f"{_place(target)}-{number}{ending}"))
        plain = frame if ending == _RAW else plain
    deque(frames, maxlen=0)  # to the end, where it is seen whether there were more
    with suppress(ClientError):  # the frames are saved, whatever the service thinks of its Metadata
        if plain is not None:
            return f"each {_RAW} is {raw.description(client.retrieve_instance_metadata(*_uids(target)).json, plain)}"
    return ""


@dataclass(frozen=True, slots=True)
class _Value:
    """An element of the DICOM JSON Model. Of a document also its media type, and its length if it says that."""

    element: dict[str, Any]
    media_type: str | None
    length: int | None


def save_bulkdata(
    client: Client, target: Resource, path: str, part: str | None, folder: Path, saved: list[Path]
) -> None:
    """The bulk value at a path of the Metadata, or a part of it; usually one."""
    metadata = client.retrieve_instance_metadata(*_uids(target))
    value = _find(metadata.json, path)
    if value is None:
        absent(f"{shown(path)} of {target.path}", client, _hint(client, metadata.json, path))
    name = f"{_place(target)}-{shown(path).replace('/', '-')}" + (f"-{part}" if part else "")
    places = (folder / (name if number == 1 else f"{name}-{number}") for number in count(1))
    byte_range = typed.byte_range(part) if part else None
    if "InlineBinary" in value.element:
        ending = ENDINGS.get(value.media_type or "", ".bin")
        saved.append(write(_inline(value, byte_range), _with(next(places), ending)))
    elif "BulkDataURI" in value.element:
        url = urljoin(metadata.url, single(value.element["BulkDataURI"]))
        saved.extend(_streamed(client, url, value, byte_range, places))
    else:
        stop(f"{shown(path)} is no bulk value: it is in the Metadata", NOT_ALL)


def _streamed(
    client: Client, url: str, value: _Value, byte_range: Range | None, places: Iterator[Path]
) -> Iterator[Path]:
    """Values go from the connection to the folder that they stay in."""
    media_types = [value.media_type, OCTET_STREAM] if value.media_type else None
    place = next(places)
    files = client.iter_bulkdata_files(url, folder=place.parent, media_types=media_types, byte_range=byte_range)
    with closing(files):
        for file in files:
            size = file.path.stat().st_size
            os.truncate(file.path, _unpadded(value, size, byte_range))
            path = _with(place, _ending(file) or ENDINGS.get(value.media_type or "", ".bin"))
            os.replace(file.path, path)
            yield path
            place = next(places)


def _inline(value: _Value, byte_range: Range | None) -> bytes:
    """What stands in the Metadata themselves."""
    first, last = (*byte_range, None)[:2] if byte_range else (0, None)
    content = base64.b64decode(single(value.element["InlineBinary"]))[first : None if last is None else last + 1]
    return content[: _unpadded(value, len(content), byte_range)]


def _unpadded(value: _Value, size: int, byte_range: Range | None) -> int:
    """How many of the bytes are the document: one of odd length is stored with a byte behind it (PS3.3 §C.24.2)."""
    end = (byte_range[0] if byte_range else 0) + size
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
        return _Value(element, None, None)
    said = str((elements.get(MIME_TYPE, {}).get("Value") or [""])[0]).strip().lower()
    length = (elements.get(DOCUMENT_LENGTH, {}).get("Value") or [None])[0]
    return _Value(element, said if _MEDIA_TYPE.fullmatch(said) else None, length if isinstance(length, int) else None)


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


def _ending(content: Content | ContentFile) -> str | None:
    """That of its media type; what comes as octets may be compressed, and then its Transfer Syntax says so."""
    media_type = content.media_type
    if media_type == OCTET_STREAM and content.transfer_syntax in transfer_syntax.ALL:
        media_type = transfer_syntax.find(content.transfer_syntax).media_type
    return ENDINGS.get(media_type.lower())


def _with(path: Path, ending: str) -> Path:
    """A path with a further ending: the points of a UID begin none."""
    return path.with_name(path.name + ending)


def _uids(target: Resource) -> tuple[str, str, str]:
    assert target.study is not None
    assert target.series is not None
    assert target.instance is not None
    return target.study, target.series, target.instance


def _place(target: Resource) -> str:
    return "/".join(_uids(target))

"""What `filmroom retrieve` saves of an instance instead of its file: frames, or a bulk value."""

import base64
import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from filmroom.cli import typed
from filmroom.cli.endings import ENDINGS
from filmroom.cli.service import NOT_ALL, absent, fuller_root, stop
from filmroom.client import Client, Content, Metadata
from filmroom.dicom import attributes, transfer_syntax
from filmroom.dicom.json_model import single
from filmroom.dicom.resources import Resource
from filmroom.dicom.transfer_syntax import OCTET_STREAM

ENCAPSULATED_DOCUMENT, MIME_TYPE = "00420011", "00420012"
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")


def save_frames(client: Client, target: Resource, numbers: list[int], syntax: str, folder: Path) -> Iterator[Path]:
    """Frames, each under its number. In a Transfer Syntax they come as what that makes them (PS3.18 §8.7.3.3)."""
    media_type = OCTET_STREAM if syntax == "*" else transfer_syntax.find(syntax).media_type
    frames = client.iter_instance_frames(*_uids(target), numbers, media_types=[(media_type, syntax)])
    for number, frame in zip(numbers, frames, strict=False):
        yield _save(frame, folder, f"{_place(target)}-{number}", _ending(frame) or ".raw")
    deque(frames, maxlen=0)  # to the end, where it is seen whether there were more


def save_bulkdata(client: Client, target: Resource, path: str, part: str | None, folder: Path) -> Iterator[Path]:
    """The bulk value at a path of the Metadata, or a part of it; usually one."""
    metadata = client.retrieve_instance_metadata(*_uids(target))
    element, media_type = _find(metadata, path)
    if element is None:
        more = fuller_root(client.base_url)
        reason = f"this root's Metadata name no bulk values; those of {more} do" if more else ""
        absent(f"{shown(path)} of {target.path}", client, reason)
    name = f"{_place(target)}-{shown(path).replace('/', '-')}" + (f"-{part}" if part else "")
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    for content, one in zip(_contents(client, metadata, element, media_type, part, path), names, strict=False):
        yield _save(content, folder, one, _ending(content) or ENDINGS.get(media_type or "", ".bin"))


def shown(path: str) -> str:
    """A path for people: the keyword, if it is not one into sequences."""
    return path if "/" in path else attributes.keyword(int(path, 16)) or path


def _find(metadata: Metadata, path: str) -> tuple[dict[str, Any] | None, str | None]:
    """An element of the DICOM JSON Model, and of a document its media type."""
    elements, steps = metadata.json, path.split("/")
    for sequence, number in zip(steps[:-1:2], steps[1::2], strict=True):
        items = elements.get(sequence, {}).get("Value", [])
        elements = items[int(number) - 1] if int(number) <= len(items) else {}
        if not isinstance(elements, dict):  # no sequence
            return None, None
    said = str((elements.get(MIME_TYPE, {}).get("Value") or [""])[0]).strip().lower()
    is_document = steps[-1] == ENCAPSULATED_DOCUMENT and _MEDIA_TYPE.fullmatch(said)
    return elements.get(steps[-1]), said if is_document else None


def _contents(
    client: Client, metadata: Metadata, element: dict[str, Any], media_type: str | None, part: str | None, path: str
) -> Iterable[Content]:
    """What stands in the Metadata themselves, or else where they say that it is."""
    byte_range = typed.byte_range(part) if part else None
    if "BulkDataURI" in element:
        media_types = [media_type, OCTET_STREAM] if media_type else None
        url = urljoin(metadata.url, single(element["BulkDataURI"]))
        return client.iter_bulkdata(url, media_types=media_types, byte_range=byte_range)
    if "InlineBinary" not in element:
        stop(f"{shown(path)} is no bulk value: it is in the Metadata", NOT_ALL)
    first, last = (*byte_range, None)[:2] if byte_range else (0, None)
    value = base64.b64decode(single(element["InlineBinary"]))[first : None if last is None else last + 1]
    return [Content(value, media_type or OCTET_STREAM)]


def _ending(content: Content) -> str | None:
    """That of its media type; what comes as octets may be compressed, and then its Transfer Syntax says so."""
    media_type = content.media_type
    if media_type == OCTET_STREAM and content.transfer_syntax in transfer_syntax.ALL:
        media_type = transfer_syntax.find(content.transfer_syntax).media_type
    return ENDINGS.get(media_type.lower())


def _uids(target: Resource) -> tuple[str, str, str]:
    assert target.study is not None
    assert target.series is not None
    assert target.instance is not None
    return target.study, target.series, target.instance


def _place(target: Resource) -> str:
    return "/".join(_uids(target))


def _save(content: bytes, folder: Path, name: str, ending: str) -> Path:
    path = folder / (name + ending)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path

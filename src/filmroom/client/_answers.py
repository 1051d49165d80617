"""What an answer of a service means: data sets of its JSON, its Warnings, and the exception that an error status is."""

import contextlib
import os
import re
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeGuard, overload

import httpx2
import orjson
from pydicom.dataset import Dataset

from filmroom.client import exceptions
from filmroom.client._json import Json, dataset
from filmroom.client.exceptions import BadResponse, Payload, ResponseError, ServiceWarning

# RFC 7234 §5.5: code, agent, quoted text. Azure's agent is a host with a colon, and there may be several in one line.
_WARNING = re.compile(r'\b\d{3} [^\s"]+ "((?:[^"\\]|\\.)*)"')
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"[^"]*"|[^\s";,]*))?)*)')  # RFC 8288 §3
_NEXT = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?=[\s;]|$))', re.IGNORECASE)

MORE = "additional results"  # PS3.18 §10.6.3.1: "There are … additional results that can be requested"
_LONGEST = 2000  # characters of a message
_WITHIN = (os.path.dirname(__file__), contextlib.__file__)
PAGE = (
    "a web page answered, not a DICOMweb service: is the URL that under which /studies lies, "
    "and does the service want credentials?"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read whole.

    url       where it came from, after redirects
    repeated  an earlier try of the same request may have reached the service, but its answer was lost
    """

    status: int
    headers: httpx2.Headers
    content: bytes
    url: str
    repeated: bool = False

    @property
    def succeeded(self) -> bool:
        """The status is 2xx."""
        return 200 <= self.status < 300


class Datasets(Sequence[Dataset]):
    """The data sets of a search or of Metadata, in the order of the answer.

    A data set is made from its JSON when it is first asked for, so whoever needs the JSON alone takes `json` and pays
    for nothing else. A bulk value that stands as a BulkDataURI is an empty `Bulkdata`.

    json          the DICOM JSON Model (PS3.18 §F.2) as it came: a list of dicts
    etag          for `if_none_match=`; None when the service gave none
    not_modified  the `if_none_match=` still holds, and therefore there are no data sets
    warnings      the texts of the Warning headers
    headers, url  of the (last) answer
    """

    def __init__(self, json: list[Json], headers: httpx2.Headers, url: str = "", not_modified: bool = False) -> None:
        self.json = json
        self.headers = headers
        self.not_modified = not_modified
        self.warnings = warnings_of(headers)
        self.url = url
        self._made: list[Dataset | None] = [None] * len(json)

    @property
    def etag(self) -> str | None:
        """The ETag header as the service sent it."""
        return self.headers.get("etag")

    @property
    def more(self) -> bool:
        """Whether the service says that it has further results after these."""
        return next_of(self.headers) is not None or any(MORE in text for text in self.warnings)

    def __len__(self) -> int:
        return len(self.json)

    @overload
    def __getitem__(self, index: int) -> Dataset: ...
    @overload
    def __getitem__(self, index: slice) -> list[Dataset]: ...
    def __getitem__(self, index: int | slice) -> Dataset | list[Dataset]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        made = self._made[index]
        if made is None:
            made = self._made[index] = dataset(self.json[index], self.url)
        return made

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)}{', not modified' if self.not_modified else ''}>"


class Metadata(Dataset):
    """The Metadata of one Instance: a pydicom Dataset with what the answer said beside it (see `Datasets`).

    When the `if_none_match=` still held, `not_modified` is true and the data set is empty.
    """

    def __init__(self, found: Datasets) -> None:
        super().__init__(found[0] if found else Dataset())
        self.json: Json = found.json[0] if found.json else {}
        self.etag = found.etag
        self.not_modified = found.not_modified
        self.warnings = found.warnings
        self.headers = found.headers
        self.url = found.url


def datasets(answer: Answer) -> Datasets:
    """The data sets of a successful answer. No content (204) is none; a single object stands for a list of one."""
    found: Any = []
    if answer.content.strip():
        refuse_page(answer)
        try:
            found = orjson.loads(answer.content)
        except orjson.JSONDecodeError as error:
            raise BadResponse(f"The answer is not JSON: {error}.") from error
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) for item in items):
        raise BadResponse("The answer is not a list of data sets in the DICOM JSON Model.")
    return Datasets(items, answer.headers, answer.url)


def json_of(answer: Answer, what: str) -> Any:
    """The JSON of a successful answer that should tell of `what`; of no content, None."""
    check(answer)
    refuse_page(answer)
    try:
        return orjson.loads(answer.content) if answer.content.strip() else None
    except orjson.JSONDecodeError as error:
        raise BadResponse(f"The answer is no {what}: it is no JSON.") from error


def refuse_page(answer: Answer) -> None:
    """A success that is a web page is that of a portal or a login, not of DICOMweb."""
    text = answer.content[:200].lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")) or is_page(answer.headers):
        raise BadResponse(PAGE)


def is_page(headers: httpx2.Headers) -> bool:
    """Whether an answer is a web page by its Content-Type."""
    return headers.get("content-type", "").lower().startswith("text/html")


def warnings_of(headers: httpx2.Headers) -> tuple[str, ...]:
    """The texts of the Warning headers; a header that does not follow RFC 7234 §5.5 counts as one text."""
    texts: list[str] = []
    for line in headers.get_list("warning"):
        found = _WARNING.findall(line)
        texts += [text.replace("\\", "") for text in found] or [line]
    return tuple(texts)


def next_of(headers: httpx2.Headers) -> str | None:
    """The link to the next page (RFC 8288)."""
    for line in headers.get_list("link"):
        for target, parameters in _LINK.findall(line):
            if _NEXT.search(parameters):
                return str(target)
    return None


def announce(texts: Iterable[str]) -> None:
    """Say Warnings aloud, each distinct text once (as Python's filters have it), of the line that called a client."""
    for text in texts:
        warnings.warn(text, ServiceWarning, stacklevel=_outside())


def _outside() -> int:
    """How many calls away from `announce` the caller's code is. (`skip_file_prefixes` is there from Python 3.12.)"""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_WITHIN):
        level, frame = level + 1, frame.f_back
    return level


def check(answer: Answer, *, said: set[str] | None = None) -> None:
    """Raise the exception of an answer that is no success, and say the Warnings of one that is.

    Who reads on is not told that there is more, and gives what was `said` of the pages before: that is not repeated.
    """
    if not answer.succeeded:
        raise error(answer)
    texts = warnings_of(answer.headers)
    if said is not None:
        texts = tuple(text for text in texts if MORE not in text and text not in said)
        said.update(texts)
    announce(texts)


def error(answer: Answer) -> ResponseError:
    """The exception of an answer that is no success."""
    payload = _payload(answer)
    message = _message(payload) or _phrase(answer.status)
    made = exceptions.of_status(answer.status)
    return made(answer.status, message, answer.headers, payload, warnings_of(answer.headers))


def _payload(answer: Answer) -> Payload:
    """The body by what it looks like: services are careless with the Content-Type of errors."""
    text = answer.content.decode("utf-8", "replace").strip()
    if not text:
        return None
    if text[0] not in '"{[':
        return text
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    single = parsed[0] if isinstance(parsed, list) and len(parsed) == 1 else parsed
    if _is_dicom_json(single):
        try:
            return dataset(single, answer.url)
        except BadResponse:
            return single
    return parsed if isinstance(parsed, dict | list | str) else text


def _is_dicom_json(value: Any) -> TypeGuard[Json]:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(element, dict) and "vr" in element for element in value.values())
    )


def _message(payload: Payload) -> str:
    """What a person can read of it. Web pages of gateways are not worth reading."""
    if isinstance(payload, str):
        return "" if payload.startswith("<") else payload[:_LONGEST]
    if isinstance(payload, list):
        return next(filter(None, map(_message, payload)), "")
    if isinstance(payload, Dataset):
        comments = (str(item.get("ErrorComment") or "") for item in payload.get("FailedAttributesSequence") or ())
        said = "; ".join(filter(None, comments))[:_LONGEST]
        return said or "The answer says why, attribute by attribute, in its payload."
    return _message_of_json(payload) if payload else ""


def _message_of_json(payload: Mapping[str, Any]) -> str:
    """The versioning errors of ASP.NET, Google's errors, RFC 9457 problems and Orthanc's errors, in this order."""
    inner = payload.get("error", payload)
    if isinstance(inner, str):
        return inner
    for name in ("message", "detail", "title", "Details", "Message"):
        if isinstance(inner, dict) and isinstance(inner.get(name), str) and inner[name]:
            return str(inner[name])
    return ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"

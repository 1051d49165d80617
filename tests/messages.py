"""Messages of DICOMweb as bytes, written and read by the tests themselves and not by the code under test."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

import httpx2
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from tests import data

JSON = {"Accept": "application/dicom+json"}
DICOM = {"Content-Type": "application/dicom"}
BOUNDARY = "frontier"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart message. `headers` as they stand there, names and values."""

    headers: dict[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """An Instance for a test: its data set, its bytes, its paths under a root."""

    dataset: Dataset
    content: bytes

    @property
    def study(self) -> str:
        return f"/studies/{self.dataset.StudyInstanceUID}"

    @property
    def series(self) -> str:
        return f"{self.study}/series/{self.dataset.SeriesInstanceUID}"

    @property
    def instance(self) -> str:
        return f"{self.series}/instances/{self.dataset.SOPInstanceUID}"


def sent(made: Dataset | None = None, /, **attributes: Any) -> Sent:
    """A new Instance: of a data set, or a small one with these attributes."""
    made = data.dataset(**attributes) if made is None else made
    return Sent(made, data.file(made))


def encoded(*frames: bytes | bytearray, syntax: str = "1.2.840.10008.1.2.4.80") -> Sent:
    """A new Instance whose Frames are these bytes; nothing decodes them as long as they are sent as stored."""
    made = data.image(frames=len(frames), bits=8)
    made.PixelData = encapsulate([bytes(frame) for frame in frames])
    made["PixelData"].is_undefined_length = True
    return Sent(made, data.file(made, syntax))


def body(*parts: bytes, boundary: str = BOUNDARY, head: str = "Content-Type: application/dicom") -> bytes:
    """A multipart body whose parts all have the header lines `head`."""
    framed = b"".join(b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary.encode(), head.encode(), part) for part in parts)
    return framed + b"--%b--\r\n" % boundary.encode()


def related(boundary: str = BOUNDARY, kind: str = ' type="application/dicom";') -> dict[str, str]:
    """The Content-Type of such a body."""
    return {"Content-Type": f"multipart/related;{kind} boundary={boundary}"}


def store(
    http: httpx2.Client,
    root: str,
    *contents: bytes,
    study: str = "",
    method: str = "POST",
    headers: Mapping[str, str] = JSON,
) -> httpx2.Response:
    """Send files in one multipart request."""
    target = f"{root}/studies{study}"
    return http.request(method, target, content=body(*contents), headers={**related(), **headers})


def parts(response: httpx2.Response) -> list[Part]:
    """The parts of a multipart response, whose framing must be right to the byte."""
    boundary = parameters(response)["boundary"].encode()
    content = response.content
    first, last = b"--%b\r\n" % boundary, b"\r\n--%b--\r\n" % boundary
    assert content.startswith(first)
    assert content.endswith(last)
    return [_part(one) for one in content[len(first) : -len(last)].split(b"\r\n--%b\r\n" % boundary)]


def parameters(response: httpx2.Response) -> dict[str, str]:
    """The media type of a response under "", and its parameters without quotes."""
    message = Message()
    message["Content-Type"] = response.headers["Content-Type"]
    (media_type, _), *rest = message.get_params(failobj=[])
    return {"": media_type, **dict(rest)}


def values(element: Mapping[str, Any], key: str) -> list[Any]:
    """The values of an attribute in the DICOM JSON Model; none if it is absent or empty."""
    found: list[Any] = element.get(key, {}).get("Value", [])
    return found


def words(text: str) -> set[str]:
    """The words of a text: an easier way to write many tags or keywords."""
    return set(text.split())


def failures(response: httpx2.Response) -> list[int]:
    """The Failure Reasons of a store response, in order."""
    return [values(item, "00081197")[0] for item in values(response.json(), "00081198")]


def stored(response: httpx2.Response) -> list[str]:
    """The SOP Instance UIDs that a store response says are stored."""
    return [values(item, "00081155")[0] for item in values(response.json(), "00081199")]


def comments(item: Mapping[str, Any]) -> list[str]:
    """The Error Comments of one item of a store response."""
    return [values(problem, "00000902")[0] for problem in values(item, "00741048")]


def _part(raw: bytes) -> Part:
    head, _, content = raw.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    return Part(dict(line.split(": ", 1) for line in lines), content)

"""Target Resources in URLs (PS3.18 §8.3 and §10.1): UIDs, Frame numbers, and the service's absolute URLs."""

import re

from filmroom.dicom import wording
from filmroom.dicom.resources import DEFAULT_PARTITION, Resource
from filmroom.dicom.wording import Wording
from filmroom.errors import BadParameter, BadTarget

LONGEST_UID = 64

# As the Azure service does, and as real files need: components may begin with zero or be empty.
_UID = re.compile(r"[0-9.]*[0-9]")
_FRAME = re.compile(r"\s*([+-]?[0-9]+)(?:\.0*)?\s*")
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
_LARGEST_FRAME = 2**31 - 1  # NumberOfFrames is an IS (PS3.5 Table 6.2-1)
_PARTITION = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.-]{1,64}")  # "." and ".." lead elsewhere in a path (RFC 3986 §5.2.4)
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.%]+\]|[0-9A-Za-z._-]+)(?P<port>:[0-9]{1,5})?")
_DEFAULT_PORTS = frozenset({80, 443})


def uid(text: str, name: str, said: Wording = wording.STANDARD) -> str:
    """The UID without padding. `name` is what the message calls it."""
    stripped = text.strip(" \0")
    if len(stripped) > LONGEST_UID or not _UID.fullmatch(stripped):
        raise BadTarget(said.uid.format(name=name))
    return stripped


def resource(
    study: str | None = None,
    series: str | None = None,
    instance: str | None = None,
    partition: int = DEFAULT_PARTITION,
    said: Wording = wording.STANDARD,
) -> Resource:
    """The resource that the UIDs of a path name, checked from the outside in."""
    return Resource(
        study=None if study is None else uid(study, said.uids[0], said),
        series=None if series is None else uid(series, said.uids[1], said),
        instance=None if instance is None else uid(instance, said.uids[2], said),
        partition=partition,
    )


def identifier(text: str, partition: int = DEFAULT_PARTITION) -> Resource:
    """What "study", "study/series" or "study/series/instance" names (Azure)."""
    study, *below = text.split("/")
    if len(below) > 2:
        raise BadTarget(f"{text} names more than an Instance.")
    series, instance = (*below, None, None)[:2]
    return resource(study, series, instance, partition)


def partition(text: str, said: Wording = wording.STANDARD) -> str:
    """The name of a data partition (Azure)."""
    if not _PARTITION.fullmatch(text):
        raise BadTarget(said.partition_name)
    return text


def frame_numbers(text: str, said: Wording = wording.STANDARD) -> tuple[int, ...]:
    """The Frame list of a path, "1,3,3": in the order asked for, repetitions kept."""
    numbers = tuple(_frame_number(part, said) for part in text.split(",")) if text.strip() else ()
    if not numbers or min(numbers) < 1:
        raise BadTarget(said.no_frame)
    return numbers


def quality(text: str | None, said: Wording = wording.STANDARD) -> int:
    """The quality of a rendered image (PS3.18 §8.3.5.1.2), 100 if not given."""
    if text is None:
        return 100
    if not _INTEGER.fullmatch(text):
        raise BadParameter(said.no_quality.format(text=text))
    if not 1 <= int(text) <= 100:
        raise BadParameter(said.quality.format(text=text))
    return int(text)


def dicomdir(text: str | None) -> bool:
    """Whether a ZIP archive is to have a DICOMDIR, false if not given."""
    if text is None or text.lower() in {"true", "false"}:
        return text is not None and text.lower() == "true"
    raise BadParameter(f"The query parameter 'dicomdir' is '{text}', and may be true or false.")


def host(header: str | None) -> str | None:
    """The name in a Host header, without the port; None if it is no name that may be repeated in an answer."""
    found = _HOST.fullmatch(header or "")
    return found["name"] if found else None


def service_root(scheme: str, header: str | None, port: int | None, public_url: str | None, root: str) -> str:
    """The absolute URL of a root ("/dicomweb") as clients reach it, from Host header and listening port.

    The Python dicomweb-client sends a Host without the port, so a listening port is added unless it is a
    default one.
    """
    if public_url:
        return public_url.rstrip("/") + root
    found = _HOST.fullmatch(header or "")
    name, given = (found["name"], found["port"]) if found else ("localhost", None)
    if given is None and port is not None and port not in _DEFAULT_PORTS:
        given = f":{port}"
    return f"{scheme}://{name}{given or ''}{root}"


def _frame_number(text: str, said: Wording) -> int:
    found = _FRAME.fullmatch(text)
    if found is None or len(found[1]) > 11 or abs(int(found[1])) > _LARGEST_FRAME:
        raise BadTarget(said.frame_number.format(text=text))
    return int(found[1])

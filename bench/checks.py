"""Is an answer right? Each check raises WrongAnswerError, so that no server is fast by being wrong."""

import json
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bench.client import Answer, Check, WrongAnswerError
from bench.data import Instance, dataset

FRAME_HEADERS = {0xC0, 0xC1, 0xC2}  # Start of Frame: baseline, extended, progressive (ITU-T T.81 B.1.1.3)
STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"  # the UIDs by which they are told apart
NUMBERS = {"DS", "IS"}  # which may be strings (PS3.18 F.2.3)
RETRIEVE_URL = "00081190"
# What each match must have (PS3.18 Tables 10.6.3-3 to 10.6.3-5), where it does not depend on what was stored.
REQUIRED = {
    STUDY: "00080020 00080030 00080050 00080061 00080090"
    " 00100010 00100020 00100030 00100040 00200010 00201206 00201208",
    SERIES: "00080060 00200011 00201209",
    INSTANCE: "00080016 00200013 00280010 00280011 00280100",
}


def later(check: Callable[[Answer], None]) -> Check:
    """The same check once the clock has stopped, and only of answers whose bytes differ from the one before."""
    last = b""

    def look(answer: Answer) -> Callable[[], None] | None:
        nonlocal last
        expect_status(answer, 200)
        buffer, start, end = answer.content()
        if last and end - start == len(last) and buffer.startswith(last, start):
            return None
        last = bytes(buffer[start:end])
        kept = replace(answer, buffer=last, spans=[(0, len(last))])  # the client's buffer is used again
        return lambda: check(kept)

    return look


def stored(answer: Answer, instances: Sequence[Instance]) -> None:
    """The Referenced SOP Sequence names these and the Failed SOP Sequence is empty (PS3.18 10.5.3)."""
    expect_status(answer, 200, 202)
    told = json.loads(answer.body)
    done = sorted(value(item, "00081155") for item in told.get("00081199", {}).get("Value", []))
    if value(told, "00081198") is not None or done != sorted(one.uids[2] for one in instances):
        raise WrongAnswerError("the answer does not say that the instances were stored")


def datasets(answer: Answer, tag: str, count: int) -> None:
    """There are `count` data sets. Each has the attribute `tag` once; nothing nested has it."""
    expect_status(answer, 200)
    buffer, start, end = answer.content()
    found = buffer.count(f'"{tag}"'.encode(), start, end)
    if found != count:
        raise WrongAnswerError(f"{found} data sets where {count} were expected")


def _each(answer: Answer, instances: Sequence[Instance]) -> Iterator[tuple[Instance, Any]]:
    """Each of exactly these instances, and what the Metadata tells of it."""
    datasets(answer, INSTANCE, len(instances))
    expected = {instance.uids[2]: instance for instance in instances}
    for told in json.loads(answer.body):
        instance = expected.pop(value(told, INSTANCE), None)
        if instance is None:
            raise WrongAnswerError("the Metadata of an instance that was not asked for, or twice of one")
        yield instance, told


def metadata(answer: Answer, instances: Sequence[Instance]) -> None:
    """The Metadata of exactly these instances, by a few attributes of each."""
    for instance, told in _each(answer, instances):
        some = [value(told, tag) for tag in ("00280010", "00100020", "00181210", "00091003")]
        if some != [instance.shape.rows, instance.patient, "SOFT", "Private value 3"]:
            raise WrongAnswerError(f"the Metadata is not what was stored: {some}")


def every_attribute(answer: Answer, instances: Sequence[Instance]) -> None:
    """The Metadata of exactly these instances, each with all attributes that were stored, and their values."""
    for instance, told in _each(answer, instances):
        _compare(dataset(instance), told, "")


def _compare(stored: dict[str, Any], told: dict[str, Any], within: str) -> None:
    for tag, element in stored.items():
        found, path = told.get(tag, {}), within + tag
        if found.get("vr") != element["vr"]:
            raise WrongAnswerError(f"the Metadata has {path} as {found.get('vr')}, which was stored as {element['vr']}")
        values, others = element["Value"], found.get("Value", [])
        if element["vr"] == "SQ" and len(values) == len(others):
            for item, other in zip(values, others, strict=True):
                _compare(item, other, f"{path}.")
        elif element["vr"] in NUMBERS and list(map(float, values)) == list(map(float, others)):
            continue
        elif values != others:
            raise WrongAnswerError(f"the Metadata has {others} in {path}, where {values} was stored")


def found(answer: Answer, tag: str, expected: Collection[str] | None, count: int) -> None:
    """`count` Studies, Series or Instances by their UID, `tag`; none twice, and of the expected, if those are known."""
    datasets(answer, tag, count)
    uids = {_match(one, tag) for one in json.loads(answer.body)}
    if len(uids) != count or not (expected is None or uids <= set(expected)):
        raise WrongAnswerError("the search found one twice, or one that does not match")


def _match(one: dict[str, Any], tag: str) -> str:
    """The UID of what was found, which has all that it must have."""
    if missing := [each for each in REQUIRED[tag].split() if each not in one]:
        raise WrongAnswerError(f"the search does not tell {', '.join(missing)}")
    uid = str(value(one, tag))
    if uid not in str(value(one, RETRIEVE_URL)):
        raise WrongAnswerError(f"the Retrieve URL of a match is {value(one, RETRIEVE_URL)}")
    return uid


def studies(answer: Answer, expected: Collection[str] | None, count: int) -> None:
    """`count` Studies, no one twice, and only of the expected ones, if those are known."""
    found(answer, STUDY, expected, count)


def dated(answer: Answer, expected: Collection[str], first: str, last: str) -> None:
    """The expected Studies, and others of these days, which the service may hold beside; none twice."""
    expect_status(answer, 200)
    told = json.loads(answer.body)
    dates = {_match(one, STUDY): value(one, "00080020") for one in told}
    if len(dates) != len(told):
        raise WrongAnswerError("the search found one twice")
    if not set(expected) <= dates.keys() or not all(first <= date <= last for date in dates.values()):
        raise WrongAnswerError("the search does not find a Study of these days, or finds one of another")


def has_modality(answer: Answer, modality: str) -> None:
    """Each Study has a Series of the modality (Modalities in Study)."""
    for study in json.loads(answer.body):
        if modality not in study["00080061"]["Value"]:
            raise WrongAnswerError(f"the search found a Study without a Series of {modality}")


def parts(answer: Answer, contents: Iterable[Sequence[bytes]]) -> None:
    """The parts are exactly these, in any order (RFC 2046 5.1.1). A content is given in pieces; the first tells it
    from the others, and is as long as theirs.
    """
    expect_status(answer, 200)
    missing = {pieces[0]: pieces[1:] for pieces in contents}
    delimiter, width = _delimiter(answer), len(next(iter(missing)))
    buffer, start, end = answer.content()
    place = buffer.find(delimiter, start, end)
    while missing:
        place = buffer.find(b"\r\n\r\n", place, end) + 4
        rest = missing.pop(bytes(buffer[place : place + width]), None)
        if rest is None:
            raise WrongAnswerError(f"a part that was not asked for, or twice of one, in {end - start} bytes")
        place += width
        for piece in (*rest, b"\r\n" + delimiter):
            if not buffer.startswith(piece, place):
                raise WrongAnswerError(f"a part that is not what was stored, in {end - start} bytes")
            place += len(piece)
    if not buffer.startswith(b"--", place, end):
        raise WrongAnswerError("the multipart answer does not end after the parts expected")


def jpeg(answer: Answer, rows: int, columns: int) -> None:
    """It is a whole JPEG image of that size."""
    expect_status(answer, 200)
    image = answer.body
    if not (image.startswith(b"\xff\xd8") and image.endswith(b"\xff\xd9")):
        raise WrongAnswerError("the answer is no JPEG image")
    place = 2
    while image[place + 1] not in FRAME_HEADERS:
        place += 2 + int.from_bytes(image[place + 2 : place + 4])
    size = struct.unpack(">HH", image[place + 5 : place + 9])
    if size != (rows, columns):
        raise WrongAnswerError(f"an image of {size[0]} rows and {size[1]} columns, not of {rows} and {columns}")


def value(told: dict[str, Any], tag: str) -> Any:
    """The first value of an attribute of a DICOM JSON data set (PS3.18 F.2), or None."""
    values = told.get(tag, {}).get("Value", [])
    return values[0] if values else None


def _delimiter(answer: Answer) -> bytes:
    kind = answer.field("content-type")
    if not kind.lower().startswith("multipart/related"):
        raise WrongAnswerError(f"not multipart: {kind}")
    rest = kind.partition("boundary=")[2]
    quoted = rest.startswith('"')
    boundary = rest[1:].partition('"')[0] if quoted else rest.partition(";")[0].strip()
    return b"--" + boundary.encode()


def expect_status(answer: Answer, *expected: int) -> None:
    """The status is one of these."""
    if answer.status not in expected:
        raise WrongAnswerError(f"status {answer.status}: {answer.body[:300]!r}")

"""Responses: how bodies are sent, and the framing of several contents."""

from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from filmroom.server import responses
from filmroom.server.responses import Multipart
from filmroom.server.work import BATCH, Body
from filmroom.services.retrieve import Content

DICOM, OCTETS, EXPLICIT = "application/dicom", "application/octet-stream", "1.2.840.10008.1.2.1"


def content(data: bytes, length: int | None, syntax: str | None = EXPLICIT) -> Content:
    return Content(DICOM, syntax, "/studies/1", length, iter([data]))


def request(method: str) -> Request:
    return Request({"type": "http", "method": method, "headers": [], "state": {"work": None}})


def test_a_whole_body_goes_at_once() -> None:
    answer = responses.send(request("GET"), Body(iter([b"a", b"b"])), {"Content-Type": OCTETS})
    assert (answer.body, answer.headers["Content-Length"]) == (b"ab", "2")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("length", [None, 3 * BATCH])
def test_a_long_body_is_streamed_with_its_length_if_known(method: str, length: int | None) -> None:
    answer = responses.send(request(method), Body(iter([bytes(BATCH)] * 3)), {}, length)
    assert isinstance(answer, StreamingResponse)
    assert answer.headers.get("Content-Length") == (None if length is None else str(length))


def test_head_reads_no_more_than_the_first_batch() -> None:
    read: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(9):
            read.append(number)
            yield bytes(BATCH)

    responses.send(request("HEAD"), Body(chunks()), {}, 9 * BATCH)
    assert read == [0]


@pytest.mark.parametrize(("syntax", "expected"), [(EXPLICIT, f"{DICOM}; transfer-syntax={EXPLICIT}"), (None, DICOM)])
def test_content_type_names_the_transfer_syntax(syntax: str | None, expected: str) -> None:
    assert responses.content_type(content(b"", 0, syntax)) == expected


def test_multipart_with_and_without_description() -> None:
    described, plain = Multipart([content(b"x", 1)], "http://x/dicomweb"), Multipart([content(b"x", 1)], None)
    assert described.content_type.startswith(f'multipart/related; type="{DICOM}"; boundary=')
    assert plain.content_type.startswith("multipart/related; boundary=")
    assert b"Content-Location: http://x/dicomweb/studies/1\r\n" in b"".join(described.chunks())
    assert b"Content-Location" not in b"".join(plain.chunks())


def test_multipart_knows_its_length_if_all_parts_do() -> None:
    message = Multipart([content(b"one", 3), content(b"two!", 4)], "http://x")
    assert message.length == len(b"".join(message.chunks()))
    assert Multipart([content(b"one", 3), content(b"two!", None)], "http://x").length is None


@pytest.mark.parametrize("texts", [[], [b"{}"], [b'{"a":1}', b"{}", b"{}"]])
def test_json_array(texts: list[bytes]) -> None:
    assert b"".join(responses.json_array(iter(texts))) == b"[" + b",".join(texts) + b"]"

"""Responses: how bodies are sent."""

from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from filmroom.server import responses
from filmroom.server.responses import Answer
from filmroom.server.work import BATCH, Body

OCTETS = "application/octet-stream"


def request(method: str) -> Request:
    return Request({"type": "http", "method": method, "headers": [], "state": {"lane": None}})


def test_a_whole_body_goes_at_once() -> None:
    answer = responses.send(request("GET"), Answer({"Content-Type": OCTETS}, Body(iter([b"a", b"b"]))))
    assert (answer.body, answer.headers["Content-Length"]) == (b"ab", "2")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("length", [None, 3 * BATCH])
def test_a_long_body_is_streamed_with_its_length_if_known(method: str, length: int | None) -> None:
    answer = responses.send(request(method), Answer({}, Body(iter([bytes(BATCH)] * 3)), length))
    assert isinstance(answer, StreamingResponse)
    assert answer.headers.get("Content-Length") == (None if length is None else str(length))


def test_head_reads_no_more_than_the_first_batch() -> None:
    read: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(9):
            read.append(number)
            yield bytes(BATCH)

    responses.send(request("HEAD"), Answer({}, Body(chunks()), 9 * BATCH))
    assert read == [0]

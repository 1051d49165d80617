"""Responses: how bodies are sent."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message

from filmroom.server import responses
from filmroom.server.responses import Answer
from filmroom.server.work import BATCH, SMALL, Body

OCTETS = "application/octet-stream"


def request(method: str) -> Request:
    return Request({"type": "http", "method": method, "headers": [], "state": {"lane": None}})


def test_a_whole_body_goes_at_once() -> None:
    answer = responses.send(request("GET"), Answer({"Content-Type": OCTETS}, Body(iter([b"a", b"b"]))))
    assert (answer.body, answer.headers["Content-Length"]) == (b"ab", "2")


def sent(answer: Response) -> list[Message]:
    messages = list[Message]()

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        raise AssertionError

    asyncio.run(answer({"type": "http"}, receive, send))
    return messages


def test_pieces_of_a_whole_body_are_sent_as_they_were_read_and_the_last_is_the_end() -> None:
    pieces = [bytes(SMALL), b"a", b"b", bytes(SMALL + 1)]
    answer = responses.send(request("GET"), Answer({"Content-Type": OCTETS}, Body(iter(pieces))))
    start, *bodies = sent(answer)
    assert (b"content-length", str(2 * SMALL + 3).encode()) in start["headers"]
    assert [body["body"] for body in bodies] == [pieces[0], b"ab", pieces[-1]]
    assert bodies[0]["body"] is pieces[0]
    assert bodies[-1]["body"] is pieces[-1]
    assert [body["more_body"] for body in bodies] == [True, True, False]


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

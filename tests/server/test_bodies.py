"""Bodies of store requests: what stays in memory, what is spooled, and what is left behind."""

import asyncio
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from filmroom.dicom.wording import STANDARD
from filmroom.errors import BadRequest, TooLarge, Unavailable, UnsupportedMediaType
from filmroom.server import bodies
from filmroom.server.bodies import WRITE, Receiver
from filmroom.server.lanes import Lane, Use
from filmroom.server.work import Work
from tests.messages import body, related

DICOM = "application/dicom"
RELATED = related()["Content-Type"]


@pytest.fixture
def work() -> Iterator[Lane]:
    made = Work(1)
    yield made.lanes[Use.STORES]
    made.close()


@pytest.fixture
def receiver(work: Lane, tmp_path: Path) -> Receiver:
    return Receiver(work, tmp_path, memory=2 * WRITE, limit=100 * WRITE)


def receive(
    receiver: Receiver, content_type: str, *chunks: bytes, gone: bool = False, lenient: bool = True
) -> list[bytes]:
    """What the parts hold at the end of the request; `gone`: the client goes away after the chunks."""
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.disconnect"} if gone else {"type": "http.request", "body": b"", "more_body": False})
    arriving = iter(messages)

    async def next_message() -> Message:
        return next(arriving)

    async def run() -> list[bytes]:
        headers = [(b"content-type", content_type.encode())] if content_type else []
        request = Request({"type": "http", "method": "POST", "headers": headers}, next_message)
        with receiver:
            await bodies.receive(request, receiver, lenient=lenient, said=STANDARD)
            return [
                part.content.read_bytes() if isinstance(part.content, Path) else bytes(part.content)
                for part in receiver.parts
            ]

    return asyncio.run(run())


def is_spooled(receiver: Receiver) -> list[bool]:
    return [isinstance(part.content, Path) for part in receiver.parts]


SMALL, LARGE = b"small", os.urandom(3 * WRITE + 5)


@pytest.mark.parametrize("content", [b"", SMALL, LARGE])
def test_a_single_part(receiver: Receiver, content: bytes) -> None:
    assert receive(receiver, DICOM, content) == [content]
    assert is_spooled(receiver) == [content is LARGE]
    assert [part.length for part in receiver.parts] == [len(content)]


@pytest.mark.parametrize("size", [1000, WRITE - 1, WRITE, 10 * WRITE])
def test_several_parts_in_chunks_of_any_size(receiver: Receiver, size: int) -> None:
    contents = [SMALL, LARGE, b"", LARGE[::-1], SMALL]
    message = body(*contents)
    chunks = [message[start : start + size] for start in range(0, len(message), size)]
    assert receive(receiver, RELATED, *chunks) == contents
    assert is_spooled(receiver) == [False, True, False, True, False]


def test_all_parts_together_stay_within_the_memory(receiver: Receiver) -> None:
    contents = [bytes(WRITE // 2)] * 8
    assert receive(receiver, RELATED, body(*contents)) == contents
    assert is_spooled(receiver) == [False] * 4 + [True] * 4


def test_nothing_is_left_in_the_spool(receiver: Receiver, tmp_path: Path) -> None:
    receive(receiver, RELATED, body(LARGE, LARGE))
    assert not list(tmp_path.iterdir())


def test_what_was_moved_away_is_no_error(receiver: Receiver, tmp_path: Path) -> None:
    with receiver:
        asyncio.run(receiver.write(LARGE))
        asyncio.run(receiver.end())
        (spooled,) = tmp_path.iterdir()
        spooled.rename(tmp_path / "moved")
    assert list(tmp_path.iterdir()) == [tmp_path / "moved"]


@pytest.mark.parametrize(
    "message", [LARGE, body(LARGE)[:-20], body(LARGE, SMALL)[:-15]], ids=["single", "in a part", "in the next part"]
)
def test_a_client_that_goes_away_leaves_nothing(receiver: Receiver, tmp_path: Path, message: bytes) -> None:
    with pytest.raises(ClientDisconnect):
        receive(receiver, DICOM if message is LARGE else RELATED, message, gone=True)
    assert not list(tmp_path.iterdir())


def test_a_part_above_the_limit(work: Lane, tmp_path: Path) -> None:
    limited = Receiver(work, tmp_path, memory=WRITE, limit=2 * WRITE)
    with pytest.raises(TooLarge, match=f"The request exceeded the allowed limit of {2 * WRITE} bytes."):
        receive(limited, DICOM, LARGE[:WRITE], LARGE[:WRITE], b"!")
    assert not list(tmp_path.iterdir())


def test_the_limit_is_of_each_part(work: Lane, tmp_path: Path) -> None:
    limited = Receiver(work, tmp_path, memory=0, limit=len(SMALL))
    assert receive(limited, RELATED, body(SMALL, SMALL, SMALL)) == [SMALL] * 3


def test_a_full_disk(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def a_few_bytes(descriptor: int, content: bytes) -> int:
        if os.lseek(descriptor, 0, os.SEEK_CUR):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, content[:10])

    monkeypatch.setattr(os, "write", a_few_bytes)
    with pytest.raises(Unavailable, match="The spool folder can't be used: No space left"):
        receive(receiver, DICOM, LARGE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/mixed; boundary=b", "multipart/related"])
def test_other_content_types(receiver: Receiver, content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        receive(receiver, content_type, SMALL)


@pytest.mark.parametrize("parameters", ["; transfer-syntax=1.2.840.10008.1.2.1", "; charset=utf-8"])
def test_parameters_only_where_lenient(receiver: Receiver, parameters: str) -> None:
    assert receive(receiver, DICOM + parameters, SMALL) == [SMALL]
    with pytest.raises(UnsupportedMediaType):
        receive(receiver, DICOM + parameters, SMALL, lenient=False)


def test_a_part_without_type_where_strict_is_only_the_first(receiver: Receiver) -> None:
    assert receive(receiver, RELATED, body(SMALL, head="A: b"), lenient=False) == [SMALL]
    with pytest.raises(UnsupportedMediaType):
        receive(receiver, RELATED, body(SMALL, SMALL, head="A: b"), lenient=False)


def test_a_part_of_another_type(receiver: Receiver) -> None:
    with pytest.raises(UnsupportedMediaType, match="'image/png' can't be stored: send application/dicom, or multipart"):
        receive(receiver, RELATED, body(SMALL, head="Content-Type: image/png"))


def test_the_start_parameter(receiver: Receiver) -> None:
    with pytest.raises(BadRequest, match="The start parameter"):
        receive(receiver, RELATED + "; start=x", body(SMALL))


def test_a_body_that_ends_too_early(receiver: Receiver) -> None:
    with pytest.raises(BadRequest, match="There was an error reading the multipart request."):
        receive(receiver, RELATED, body(SMALL)[:-6])


def test_a_body_without_parts(receiver: Receiver) -> None:
    assert receive(receiver, RELATED, b"--frontier--") == []

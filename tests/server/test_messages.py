"""Messages: the framing of several contents, and of several ranges of one."""

from collections.abc import Iterator

import pytest

from filmroom.server import messages
from filmroom.server.messages import Multipart, Ranges
from filmroom.services.content import Content

DICOM, EXPLICIT = "application/dicom", "1.2.840.10008.1.2.1"


def content(data: bytes, length: int | None, syntax: str | None = EXPLICIT) -> Content:
    def read(offset: int, size: int) -> Iterator[bytes]:
        yield data[offset : offset + size]

    return Content(DICOM, syntax, "/studies/1", length, iter([data]), read=read)


@pytest.mark.parametrize(("syntax", "expected"), [(EXPLICIT, f"{DICOM}; transfer-syntax={EXPLICIT}"), (None, DICOM)])
def test_content_type_names_the_transfer_syntax(syntax: str | None, expected: str) -> None:
    assert messages.content_type(content(b"", 0, syntax)) == expected


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
    assert b"".join(messages.json_array(iter(texts))) == b"[" + b",".join(texts) + b"]"


def test_an_iterator_of_contents_is_sent_without_a_length() -> None:
    message = Multipart(iter([content(b"one", 3), content(b"two!", 4)]), "http://x")
    assert message.length is None
    assert message.content_type.startswith(f'multipart/related; type="{DICOM}"; boundary=')
    assert b"".join(message.chunks()).count(b"Content-Location") == 2


def test_nothing_at_all_is_a_message_without_parts() -> None:
    message = Multipart(iter(()), "http://x")
    assert message.content_type.startswith("multipart/related; boundary=")
    assert b"".join(message.chunks()).startswith(b"--")


def test_a_range_in_a_part() -> None:
    message = Multipart([content(b"0123456789", 10)], "http://x", (2, 3))
    sent = b"".join(message.chunks())
    assert b"Content-Range: bytes 2-4/10\r\n" in sent
    assert b"\r\n\r\n234\r\n--" in sent
    assert message.length == len(sent)


def test_several_ranges_know_their_length() -> None:
    message = Ranges(content(b"0123456789", 10), [(0, 1), (8, 2)])
    sent = b"".join(message.chunks())
    assert message.length == len(sent)
    assert b"Content-Range: bytes 0-0/10\r\n\r\n0\r\n" in sent
    assert b"Content-Range: bytes 8-9/10\r\n\r\n89\r\n" in sent

"""What a proxy and the service could read in two ways is refused, and the connection ended (RFC 9112 §6.3, §11.2)."""

import pytest

from tests.attacks.conftest import Target, status

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"

AMBIGUOUS = {
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 50\r\n",
    "a list of lengths": b"Content-Length: 5, 50\r\n",
    "a signed length": b"Content-Length: +5\r\n",
    "a length in hexadecimal": b"Content-Length: 0x5\r\n",
    "a length beyond 64 bits": b"Content-Length: 18446744073709551621\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n",
    "chunked not last": b"Transfer-Encoding: chunked, identity\r\n",
    "a blank before the colon": b"Transfer-Encoding : chunked\r\n",
    "a folded line": b"X: y\r\n Transfer-Encoding: chunked\r\n",
    "a null byte": b"X: a\0b\r\n",
    "a bare carriage return": b"X: a\rContent-Length: 5\r\n",
}


@pytest.mark.parametrize("fields", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_an_ambiguous_head_is_no_request(target: Target, fields: bytes) -> None:
    answer = target.raw(POST + fields + b"\r\n0\r\n\r\n" + HIDDEN)
    assert status(answer) in {0, 400}
    assert answer.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize("chunk", [b"-5\r\n", b"5;\n", b"0x5\r\n", b"5 \r\n", b"FFFFFFFFFFFFFFFFF\r\n", b"5\n"])
def test_an_ambiguous_chunk_ends_the_connection(target: Target, chunk: bytes) -> None:
    answer = target.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"hello\r\n0\r\n\r\n" + HIDDEN)
    assert b"HTTP/1.1 404" not in answer

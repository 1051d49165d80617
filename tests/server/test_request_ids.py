"""Whose id a request has, and that nothing but an id gets into a header or a log line."""

import pytest

from filmroom.server import request_ids

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01".encode()


@pytest.mark.parametrize("given", ["a", "3f2b8a52-95b5-4b0e-9d7c-1f0a1d3a6f11", "x" * 64, "c2VjcmV0/+=="])
def test_that_of_the_client_is_kept(given: str) -> None:
    assert request_ids.find([(b"host", b"x"), (b"x-request-id", given.encode()), (b"traceparent", PARENT)]) == given


UNFIT = [
    b"",
    b"x" * 65,
    b"a b",
    b"a\nb",
    b"a\r\nSet-Cookie: x",
    b'a"b',
    b"{a}",
    b"\xc3\xa4",
    b"1.2.840.10008.1",
    b"<a>",
]


@pytest.mark.parametrize("given", UNFIT)
def test_what_is_unfit_is_replaced(given: bytes) -> None:
    made = request_ids.find([(b"x-request-id", given)])
    assert len(made) == 32
    assert int(made, 16)


def test_a_trace_is_an_id() -> None:
    assert request_ids.find([(b"traceparent", PARENT)]) == TRACE
    assert request_ids.find([(b"traceparent", PARENT), (b"x-request-id", b"a b")]) == TRACE
    assert request_ids.find([(b"traceparent", b"cc" + PARENT[2:] + b"-what-comes-later")]) == TRACE


@pytest.mark.parametrize(
    "given",
    [
        PARENT + b"-more",
        b"ff" + PARENT[2:],
        PARENT.replace(TRACE.encode(), b"0" * 32),
        PARENT.upper(),
        PARENT[:-1],
        b"00-1-2-01",
    ],
)
def test_what_is_no_trace_is_none(given: bytes) -> None:
    assert request_ids.find([(b"traceparent", given)]) not in {TRACE, "0" * 32}


def test_of_several_traces_none_is_the_id() -> None:
    other = PARENT.replace(b"0a", b"0b")
    assert request_ids.find([(b"traceparent", PARENT), (b"traceparent", other)]) not in {TRACE, other[3:35].decode()}


def test_no_two_are_the_same() -> None:
    assert len({request_ids.find([]) for _ in range(100)}) == 100

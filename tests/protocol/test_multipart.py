import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.errors import BadRequest, TooLarge, UnsupportedMediaType
from filmroom.protocol import multipart
from filmroom.protocol.multipart import Data, Decoder, End, Headers

Part = tuple[dict[str, str], bytes]


def decode(chunks: Iterable[bytes], boundary: str = "b") -> list[Part]:
    """The parts; raises if the body is not whole."""
    decoder, parts, ended = Decoder(boundary), [], 0
    for event in itertools.chain.from_iterable(decoder.feed(chunk) for chunk in chunks):
        match event:
            case Headers(fields):
                parts.append((dict(fields), b""))
            case Data(content):
                assert content
                parts[-1] = (parts[-1][0], parts[-1][1] + content)
            case End():
                ended += 1
                assert ended == len(parts)
    decoder.close()
    assert ended == len(parts)
    return parts


def encode(parts: Iterable[Part], boundary: str = "b") -> bytes:
    body = b"".join(multipart.part_head(boundary, head) + data + multipart.part_tail() for head, data in parts)
    return body + multipart.closing(boundary)


def chunks(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    borders = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(borders)]


# Bytes out of which boundaries, almost-boundaries and line ends are made.
CONTENTS = st.lists(
    st.sampled_from([b"\r", b"\n", b"-", b"--", b"--b", b"\r\n--bx", b"\r\n--b-", b"\n--b \t?", b"--b--", b"x", b"\0"])
).map(b"".join)


def harmless(content: bytes) -> bool:
    """The content does not hold the boundary, nor makes one with what follows."""
    return not any(
        end in b"\n" + content + b"\r\n--b"
        for end in (b"\n--b\r\n", b"\n--b\n", b"\n--b--", b"\n--b \t\r\n", b"\n--b \t\n")
    )


@given(st.lists(CONTENTS.filter(harmless), max_size=4), st.lists(st.integers(0, 10**6), max_size=12))
def test_any_chunking_gives_the_same_parts(contents: list[bytes], cuts: list[int]) -> None:
    parts: list[Part] = [({"n": str(number)}, content) for number, content in enumerate(contents)]
    assert decode(chunks(encode(parts), cuts)) == parts


@given(st.lists(CONTENTS, max_size=4))
def test_single_bytes_give_what_the_whole_gives(contents: list[bytes]) -> None:
    """Also when the content holds the boundary and the parts are not the ones that were meant."""
    body = encode([({}, content) for content in contents])

    def outcome(chunks: list[bytes]) -> list[Part] | str:
        try:
            return decode(chunks)
        except BadRequest as error:
            return str(error)

    assert outcome([body]) == outcome([body[i : i + 1] for i in range(len(body))])


@pytest.mark.parametrize(
    "body",
    [
        b"--b\r\nContent-Type: a/b\r\n\r\nxyz\r\n--b--\r\n",
        b"--b\r\nContent-Type: a/b\r\n\r\nxyz\r\n--b--",
        b"\r\n--b\r\nContent-Type: a/b\r\n\r\nxyz\r\n--b--",
        b"This is a preamble\r\n--b\r\nContent-Type: a/b\r\n\r\nxyz\r\n--b--\r\nepilogue --b\r\n",
        b"--b \t\r\ncontent-type:a/b\r\n\r\nxyz\r\n--b--",
        b"--b\nContent-Type:  a/b \n\nxyz\n--b--\n",
        b"--b\r\nContent-Type:\r\n a/b\r\n\r\nxyz\r\n--b--",
    ],
)
def test_what_clients_send(body: bytes) -> None:
    assert decode([body]) == [({"content-type": "a/b"}, b"xyz")]


def test_headers_may_be_missing() -> None:
    assert decode([b"--b\r\n\r\nxyz\r\n--b--"]) == [({}, b"xyz")]


def test_no_part_at_all() -> None:
    assert decode([b"--b--\r\n"]) == []


def test_a_longer_word_is_no_boundary() -> None:
    content = b"\r\n--bb\r\n\r\n--b-\r\n\r\n--b" + b" " * 70 + b"\r\n"
    assert decode([encode([({}, content)])]) == [({}, content)]


@pytest.mark.parametrize(
    "body",
    [b"", b"--b", b"--b\r\n", b"--b\r\n\r\nxyz", b"--b\r\n\r\nxyz\r\n--b", b"--b\r\n\r\nxyz\r\n--b-", b"--b\r\nA: b"],
)
def test_a_body_that_is_cut_off(body: bytes) -> None:
    with pytest.raises(BadRequest, match="There was an error reading the multipart request"):
        decode([body])


def test_a_line_that_is_no_header() -> None:
    with pytest.raises(BadRequest, match="There was an error reading the multipart request"):
        decode([b"--b\r\nnonsense\r\n\r\nxyz\r\n--b--"])


def test_headers_have_a_limit() -> None:
    fits = {"a": "x" * (multipart.LONGEST_HEADERS - 3)}
    assert decode([encode([(fits, b"")])]) == [(fits, b"")]
    with pytest.raises(BadRequest, match="headers"):
        decode([b"--b\r\n", *[b"a: b\r\n"] * 4000])


def test_parts_have_a_limit() -> None:
    decoder = Decoder("b", most_parts=2)
    decoder.feed(encode([({}, b"")] * 2))
    decoder.close()
    with pytest.raises(TooLarge):
        Decoder("b", most_parts=2).feed(encode([({}, b"")] * 3))


def test_content_is_not_copied() -> None:
    chunk = bytes(1 << 16)
    decoder = Decoder("b")
    decoder.feed(multipart.part_head("b", {}))
    [event] = decoder.feed(chunk)
    assert isinstance(event, Data)
    assert event.content.obj is chunk


def test_a_view_can_be_fed() -> None:
    decoder = Decoder("b")
    events = decoder.feed(memoryview(encode([({}, b"xyz")])))
    assert [type(event) for event in events] == [Headers, Data, End]
    assert decoder.feed(b"more") == []


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary="a b"', "a b"),
        ("multipart/related;boundary=myboundary", "myboundary"),
        ("multipart/form-data; boundary=----=_Part_0_1.2", "----=_Part_0_1.2"),
        (f"multipart/related; boundary={'x' * 70}", "x" * 70),
    ],
)
def test_the_boundary_of_a_content_type(content_type: str, boundary: str) -> None:
    assert multipart.boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/related",
        'multipart/related; boundary=""',
        'multipart/related; boundary="a "',
        'multipart/related; boundary="a\tb"',
        "multipart/related; boundary=ü",
        f"multipart/related; boundary={'x' * 71}",
        "application/dicom; boundary=x",
    ],
)
def test_an_absurd_boundary(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="is either not multipart or is missing boundary"):
        multipart.boundary_of(content_type)


def test_a_new_boundary_needs_no_quotes() -> None:
    boundary = multipart.new_boundary()
    assert multipart.boundary_of(f"multipart/related; boundary={boundary}") == boundary
    assert boundary != multipart.new_boundary()

"""Content codings: which one, and that the text comes out again."""

import gzip
from collections.abc import Callable

import pytest
from zstandard import ZstdDecompressor

from filmroom.protocol import codings


def from_zstd(text: bytes) -> bytes:
    return ZstdDecompressor().decompressobj().decompress(text)


TEXT = [b'{"vr":"CS"},' * 500] * 4


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], None),
        ([""], None),
        (["gzip"], "gzip"),
        (["x-gzip"], "gzip"),
        (["gzip, deflate, br"], "gzip"),
        (["gzip, deflate, br, zstd"], "zstd"),
        (["zstd;q=0.5, gzip"], "gzip"),
        (["gzip", "zstd"], "zstd"),
        (["*"], "zstd"),
        (["*;q=0.5, zstd;q=0"], "gzip"),
        (["gzip;q=0"], None),
        (["identity"], None),
        (["identity, gzip;q=0.5"], None),
        (["identity;q=0.5, gzip"], "gzip"),
        (["br"], None),
    ],
)
def test_selection(accept: list[str], expected: str | None) -> None:
    assert codings.select(accept) == expected


@pytest.mark.parametrize(("coding", "decode"), [("gzip", gzip.decompress), ("zstd", from_zstd)])
def test_a_text_is_smaller_and_the_same(coding: str, decode: Callable[[bytes], bytes]) -> None:
    chosen, chunks = codings.encode(iter(TEXT), [coding])
    encoded = b"".join(chunks)
    assert chosen == coding
    assert len(encoded) < len(b"".join(TEXT)) / 5
    assert decode(encoded) == b"".join(TEXT)


def test_a_small_text_is_left_as_it_is() -> None:
    chosen, chunks = codings.encode(iter([b"[", b"{}", b"]"]), ["gzip"])
    assert (chosen, b"".join(chunks)) == (None, b"[{}]")


def test_without_a_coding_nothing_is_taken_beforehand() -> None:
    text = iter(TEXT)
    chosen, chunks = codings.encode(text, [])
    assert (chosen, chunks) == (None, text)

"""The note of the head: sealed, in two slots."""

import pytest

from filmroom.audit import chain
from filmroom.audit.chain import Head

KEY, HEAD = b"k" * 32, Head(7, "a" * 64, "000000000001-2026-01-02.jsonl", 1000)


def test_a_note_is_read_with_its_key_alone() -> None:
    note = HEAD.written(KEY)
    assert len(note) == chain.SLOT
    assert Head.read(note, KEY) == HEAD
    assert Head.read(note, b"x" * 32) is None
    assert Head.read(note.replace(b"7", b"8", 1), KEY) is None


@pytest.mark.parametrize("note", [b"", b"[]", b'{"head":{}}', b'{"head":{"n":1},"seal":"x"}', b'{"head":{},"seal":1}'])
def test_what_is_no_note_says_nothing(note: bytes) -> None:
    assert Head.read(note, KEY) is None


def test_the_newest_note_counts() -> None:
    older = Head(6).written(KEY)
    assert chain.newest(HEAD.written(KEY) + older, KEY) == HEAD
    assert chain.newest(b"torn".ljust(chain.SLOT) + older, KEY) == Head(6)
    assert chain.newest(b"", KEY) is None

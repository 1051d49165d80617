"""What every blob store does, as tests that each of them inherits. `Raw` looks at it without the code under test."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from filmroom.blobs import BlobStore, new_keys
from filmroom.errors import Lost, Unavailable

CONTENT = bytes(range(256)) * 40


class Raw(Protocol):
    """A blob store, and what is in it."""

    @property
    def store(self) -> BlobStore: ...

    def read(self, key: str) -> bytes: ...

    def write(self, key: str, content: bytes) -> None: ...

    def count(self) -> int: ...


READS: list[Callable[[BlobStore, str], Any]] = [
    lambda store, key: store.get(key),
    lambda store, key: store.get_ranges(key, [(0, 1)]),
    lambda store, key: list(store.stream(key)),
    lambda store, key: store.size(key),
]


class Contract:
    """A class of tests inherits this and gives the fixture `raw`: an empty store."""

    @pytest.fixture
    def key(self) -> str:
        return new_keys(1)[0]

    def test_bytes_are_put(self, raw: Raw, key: str) -> None:
        raw.store.put(key, CONTENT)
        assert raw.read(key) == CONTENT

    def test_a_file_is_moved_in(self, raw: Raw, key: str, tmp_path: Path) -> None:
        spooled = tmp_path / "spooled"
        spooled.write_bytes(CONTENT)
        raw.store.put(key, spooled)
        assert raw.read(key) == CONTENT
        assert not spooled.exists()

    def test_many_are_put_at_once(self, raw: Raw, tmp_path: Path) -> None:
        keys = [*new_keys(20), *new_keys(20)]
        spooled = tmp_path / "spooled"
        spooled.write_bytes(b"from a file")
        contents: list[bytes | Path] = [key.encode() for key in keys[1:]]
        raw.store.put_all(zip(keys, [spooled, *contents], strict=True))
        assert [raw.read(key) for key in keys] == [b"from a file", *contents]

    def test_nothing_is_put_by_an_empty_call(self, raw: Raw) -> None:
        raw.store.put_all([])
        assert raw.count() == 0

    def test_empty_content_can_be_put(self, raw: Raw, key: str) -> None:
        raw.store.put(key, b"")
        assert raw.read(key) == b""
        assert list(raw.store.stream(key)) == []

    def test_a_key_is_put_once(self, raw: Raw, key: str) -> None:
        raw.store.put(key, b"first")
        with pytest.raises(Unavailable):
            raw.store.put(key, b"second")
        assert raw.read(key) == b"first"

    def test_all_or_none_are_put(self, raw: Raw) -> None:
        keys = new_keys(5)
        raw.write(keys[3], b"there already")
        with pytest.raises(Unavailable):
            raw.store.put_all((key, CONTENT) for key in keys)
        assert raw.count() == 1
        assert raw.read(keys[3]) == b"there already"

    def test_a_missing_file_is_not_put(self, raw: Raw, key: str, tmp_path: Path) -> None:
        with pytest.raises(Unavailable):
            raw.store.put(key, tmp_path / "nothing")
        assert raw.count() == 0

    def test_the_whole_is_got(self, raw: Raw, key: str) -> None:
        raw.write(key, CONTENT)
        assert raw.store.get(key) == CONTENT
        assert raw.store.size(key) == len(CONTENT)

    def test_ranges_are_got_in_the_order_asked_for(self, raw: Raw, key: str) -> None:
        raw.write(key, CONTENT)
        assert raw.store.get_ranges(key, [(300, 5), (0, 2), (300, 5), (7, 0)]) == [
            CONTENT[300:305],
            CONTENT[:2],
            CONTENT[300:305],
            b"",
        ]

    @pytest.mark.parametrize(
        ("offset", "length", "chunk"), [(0, None, 1000), (5, 100, 7), (5, 0, 7), (10_000, None, 999)]
    )
    def test_a_stream_is_the_content(self, raw: Raw, key: str, offset: int, length: int | None, chunk: int) -> None:
        raw.write(key, CONTENT)
        chunks = list(raw.store.stream(key, offset, length, chunk))
        assert b"".join(chunks) == CONTENT[offset : None if length is None else offset + length]
        assert all(len(taken) <= chunk for taken in chunks)

    def test_deleted_is_gone(self, raw: Raw) -> None:
        keys = new_keys(3)
        for key in keys:
            raw.write(key, CONTENT)
        raw.store.delete([keys[0], keys[2], keys[2]])
        assert raw.count() == 1
        assert raw.read(keys[1]) == CONTENT

    @pytest.mark.parametrize("read", READS)
    def test_what_is_missing_is_said_to_be_missing(
        self, raw: Raw, key: str, read: Callable[[BlobStore, str], Any]
    ) -> None:
        with pytest.raises(Lost, match="missing"):
            read(raw.store, key)

    @pytest.mark.parametrize(
        "key", ["../../etc/passwd", "", "A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n", "/" + "a" * 31]
    )
    @pytest.mark.parametrize("use", [*READS, lambda s, key: s.put(key, b""), lambda s, key: s.delete([key])])
    def test_a_key_that_is_not_ours_leads_nowhere(
        self, raw: Raw, key: str, use: Callable[[BlobStore, str], Any]
    ) -> None:
        with pytest.raises(Unavailable, match="damaged"):
            use(raw.store, key)

    def test_a_cut_off_file_is_not_taken_for_whole(self, raw: Raw, key: str) -> None:
        raw.write(key, b"short")
        with pytest.raises(Lost, match="shorter"):
            raw.store.get_ranges(key, [(2, 4)])
        with pytest.raises(Lost, match="shorter"):
            list(raw.store.stream(key, 0, 6))

    def test_every_key_is_listed_with_its_age(self, raw: Raw) -> None:
        keys = [*new_keys(3), *new_keys(3)]
        for key in keys:
            raw.write(key, b"")
        listed = dict(raw.store.list())
        assert listed.keys() == set(keys)
        assert all(-1 < age < 60 for age in listed.values())

    def test_a_note_says_what_was_written_last(self, raw: Raw) -> None:
        assert raw.store.read_note("index-id") is None
        raw.store.write_note("index-id", b"1 2")
        raw.store.write_note("index-id", b"3")
        assert raw.store.read_note("index-id") == b"3"

    def test_what_is_written_once_stays(self, raw: Raw) -> None:
        raw.store.write_note("index-id", b"first", once=True)
        raw.store.write_note("index-id", b"second", once=True)
        assert raw.store.read_note("index-id") == b"first"

    def test_of_several_that_write_once_at_the_same_time_one_stays(self, raw: Raw) -> None:
        said = [b"%d" % number for number in range(8)]
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(partial(_write_and_read, raw.store), said))
        assert len(set(found)) == 1
        assert found[0] in said

    def test_notes_are_no_blobs(self, raw: Raw, key: str) -> None:
        raw.store.write_note("partitions", b"{}")
        raw.store.put(key, CONTENT)
        assert [listed for listed, _ in raw.store.list()] == [key]

    @pytest.mark.parametrize(
        "name", ["", "ab", "../index-id", "index-id/x", "Index", "a" * 3, "-note", "note-", "note1"]
    )
    def test_a_note_has_a_name_of_letters(self, raw: Raw, name: str) -> None:
        with pytest.raises(ValueError, match="name of a note"):
            raw.store.write_note(name, b"")
        with pytest.raises(ValueError, match="name of a note"):
            raw.store.read_note(name)


def _write_and_read(store: BlobStore, said: bytes) -> bytes | None:
    store.write_note("index-id", said, once=True)
    return store.read_note("index-id")

"""ZIP archives: read by Python's zipfile and by unzip, and as long as was said beforehand."""

import io
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.protocol import zip_stream
from filmroom.protocol.zip_stream import Entry

NEW_YEAR = 1704067200.0  # 2024-01-01


def entry(name: str, *chunks: bytes, known: bool = True) -> Entry:
    return Entry(name, sum(map(len, chunks)) if known else None, NEW_YEAR, chunks)


@given(st.lists(st.tuples(st.lists(st.binary(max_size=300), max_size=3), st.booleans()), max_size=5))
def test_what_goes_in_comes_out(files: list[tuple[list[bytes], bool]]) -> None:
    entries = [entry(f"a/{number}.dcm", *chunks, known=known) for number, (chunks, known) in enumerate(files)]
    content = b"".join(zip_stream.write(entries))
    assert zip_stream.length_of(entries) == (len(content) if all(known for _, known in files) else None)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [one.name for one in entries]
        assert [archive.read(one.name) for one in entries] == [b"".join(one.chunks) for one in entries]


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
@pytest.mark.parametrize("known", [True, False])
def test_unzip_finds_nothing_wrong(tmp_path: Path, known: bool) -> None:
    path = tmp_path / "made.zip"
    path.write_bytes(b"".join(zip_stream.write([entry(f"{n}.dcm", b"x" * 999, known=known) for n in range(3)])))
    assert b"No errors detected" in subprocess.run(["unzip", "-t", path], capture_output=True, check=True).stdout


def test_dates_and_permissions() -> None:
    [info] = zipfile.ZipFile(io.BytesIO(b"".join(zip_stream.write([entry("a", b"b")])))).infolist()
    assert info.date_time == (2024, 1, 1, 0, 0, 0)
    assert info.external_attr >> 16 == 0o100644
    assert info.compress_type == zipfile.ZIP_STORED


def test_a_time_before_zip_began_is_its_first() -> None:
    made = b"".join(zip_stream.write([Entry("a", 0, 0.0, ())]))
    assert zipfile.ZipFile(io.BytesIO(made)).infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_more_files_than_16_bits_count() -> None:
    entries = [entry(f"{number}", b"") for number in range(70_000)]
    content = b"".join(zip_stream.write(entries))
    assert len(content) == zip_stream.length_of(entries)
    assert len(zipfile.ZipFile(io.BytesIO(content)).namelist()) == 70_000


class _Sparse(io.RawIOBase):
    """An archive whose content is not kept: only its ends."""

    def __init__(self, length: int, ends: dict[int, bytes]) -> None:
        self._length, self._ends, self._position = length, ends, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._length)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        start = max(one for one in self._ends if one <= self._position)
        kept = self._ends[start][self._position - start :]
        taken = kept if size < 0 else kept[:size]
        self._position += len(taken)
        return taken


def test_files_and_places_above_4_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four files of 1.5 GiB and one of 5 GiB: none is really made, and their CRC-32 is not reckoned."""
    monkeypatch.setattr(zlib, "crc32", lambda *_: 7)
    chunk = bytes(512 << 20)

    def entries() -> Iterator[Entry]:
        for number, count in enumerate((3, 3, 3, 3, 10)):
            yield Entry(f"{number}", count * len(chunk), NEW_YEAR, iter([chunk] * count))

    position, kept = 0, {0: b""}
    for piece in zip_stream.write(entries()):
        if piece is not chunk:
            last = max(kept)
            if last + len(kept[last]) == position:
                kept[last] += piece
            else:
                kept[position] = piece
        position += len(piece)
    assert position == zip_stream.length_of(list(entries()))
    infos = zipfile.ZipFile(_Sparse(position, kept)).infolist()
    assert [info.file_size for info in infos] == [3 * len(chunk)] * 4 + [10 * len(chunk)]
    assert infos[-1].header_offset > 1 << 32

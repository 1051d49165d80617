"""What can be stored, as streams of PS3.10 bytes."""

import asyncio
import io
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from filmroom.client import _sources
from filmroom.client._folders import PassedOver
from filmroom.client._sources import AsyncBody, Body, Changed, Source, Unreadable, encode
from tests import data

FILE = data.file(data.dataset(SOPInstanceUID="1.2.3"))


def _source(item: Any) -> Source:
    made = _sources.source(0, item)
    assert isinstance(made, Source)
    return made


class OneWay(io.BytesIO):
    """A file object that can't go back."""

    def seekable(self) -> bool:
        return False


def _opened(path: Path) -> io.BytesIO:
    """A file object that does not stand at its beginning."""
    file = io.BytesIO(b"before" + path.read_bytes())
    file.seek(6)
    return file


@pytest.mark.parametrize(
    "given",
    [
        lambda path: path, str, lambda path: path.read_bytes(), lambda path: bytearray(path.read_bytes()),
        lambda path: memoryview(path.read_bytes()), _opened,
    ],
)  # fmt: skip
def test_whatever_holds_a_file_gives_its_bytes_twice(tmp_path: Path, given: Callable[[Path], Any]) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(FILE)
    source = _source(given(path))
    assert [b"".join(source.read()) for _ in range(2)] == [FILE, FILE]
    assert (source.size, source.again, source.uid) == (len(FILE), True, "1.2.3")


def test_a_file_object_that_can_not_go_back_is_read_once() -> None:
    source = _source(OneWay(FILE))
    assert (source.size, source.again, source.uid, b"".join(source.read())) == (None, False, None, FILE)


def test_a_file_is_read_in_chunks(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(3 << 20))
    assert [len(chunk) for chunk in _source(path).read()] == [1 << 20] * 3
    assert [len(chunk) for chunk in _source(bytes(3 << 20)).read()] == [1 << 20] * 3


@pytest.mark.parametrize("length", [10, 10_000])
def test_a_file_that_changes_its_length_is_noticed(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(FILE)
    source = _source(path)
    path.write_bytes(bytes(length))
    with pytest.raises(Changed):
        list(source.read())


@pytest.mark.parametrize(("item", "doing"), [("/not/there", "read"), (Dataset(), "encoded")])
def test_what_can_not_be_read_or_encoded_is_said(item: Any, doing: str) -> None:
    made = _sources.source(3, item)
    assert isinstance(made, Unreadable)
    assert made.number == 3
    assert made.reason.startswith(f"it can't be {doing}: ")
    assert "/not/there" not in made.reason


def test_what_is_no_instance_is_refused() -> None:
    with pytest.raises(TypeError, match="a Dataset, not int"):
        _sources.source(0, 7)  # type: ignore[arg-type]


def test_what_is_not_dicom_has_no_uid_and_is_sent_all_the_same() -> None:
    assert _source(b"not DICOM").uid is None


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_a_dataset_keeps_its_transfer_syntax(syntax: str) -> None:
    made = dcmread(io.BytesIO(data.file(data.image(), syntax)))
    again = dcmread(io.BytesIO(encode(made)))
    assert (again.file_meta.TransferSyntaxUID, again) == (syntax, made)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_dataset_without_file_meta_information_gets_it(syntax: str) -> None:
    made = dcmread(io.BytesIO(data.file(data.image(), syntax)))
    del made.file_meta
    again = dcmread(io.BytesIO(encode(made)))
    assert (again.file_meta.TransferSyntaxUID, again) == (syntax, made)
    assert not hasattr(made, "file_meta")


def test_a_new_dataset_is_explicit_little_endian() -> None:
    made = data.dataset()
    again = dcmread(io.BytesIO(encode(made)))
    assert again.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert again.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert again == made


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, "1.2.3.4.5"])
def test_a_dataset_of_another_syntax_is_written_as_it_is(syntax: str) -> None:
    made = dcmread(io.BytesIO(data.file(data.dataset())))
    made.file_meta.TransferSyntaxUID = UID(syntax)
    assert dcmread(io.BytesIO(encode(made))).file_meta.TransferSyntaxUID == syntax


def _tree(folder: Path) -> None:
    meta_less = b"\x08\0\x05\0" + bytes(200)
    for name, content in {
        "b.dcm": FILE, "a/c": FILE, "a/readme.txt": b"x" * 500, "a/short": b"\x08\0", "a/.hidden": FILE, ".git/x": FILE,
        "DICOMDIR": FILE, "old": meta_less,
    }.items():  # fmt: skip
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_folders_are_given_as_their_files(tmp_path: Path) -> None:
    _tree(tmp_path)
    passed_over = PassedOver()
    given = list(_sources.each([tmp_path, b"x"], passed_over))
    assert given == [tmp_path / "b.dcm", tmp_path / "old", tmp_path / "a" / "c", b"x"]
    assert passed_over == PassedOver(files=4, folders=1)


@pytest.mark.parametrize(
    "one", [FILE, bytearray(FILE), memoryview(FILE), io.BytesIO(FILE), data.dataset(), "a", Path("a")]
)
def test_one_instance_need_not_be_in_a_list(one: Any) -> None:
    assert [id(item) for item in _sources.each(one, PassedOver())] == [id(one)]


def test_totals_are_known_of_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(FILE)
    assert _sources.totals([path, b"12"], PassedOver())[1:] == (2, len(FILE) + 2)
    assert _sources.totals([path, data.dataset()], PassedOver())[1:] == (2, None)
    assert _sources.totals(["/not/there"], PassedOver())[1:] == (1, None)
    assert _sources.totals(io.BytesIO(b"12"), PassedOver())[1:] == (1, None)


def test_a_generator_is_not_run_ahead() -> None:
    def never() -> Iterator[bytes]:
        yield pytest.fail("run ahead")

    assert _sources.totals(never(), PassedOver())[1:] == (None, None)


def test_a_body_announces_its_length_and_can_be_read_again() -> None:
    counted: list[int] = []
    body = Body([_source(FILE), _source(b"12")], counted.append)
    whole = b"".join(body)
    assert body.headers["content-length"] == str(len(whole))
    assert b"".join(body) == whole
    assert counted == [len(FILE), 2, -len(FILE) - 2, len(FILE), 2]
    assert body.repeatable


def test_a_body_of_unknown_length_announces_none() -> None:
    body = Body([_source(OneWay(FILE))], lambda count: None)
    assert "content-length" not in body.headers
    assert not body.repeatable


def test_a_file_of_300_mb_is_sent_with_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(300 << 20)
    body = Body([_source(path)], lambda count: None)
    tracemalloc.start()
    try:
        assert sum(map(len, body)) == int(body.headers["content-length"])
        assert tracemalloc.get_traced_memory()[1] < 5 << 20
    finally:
        tracemalloc.stop()


def test_an_asynchronous_body_is_the_same() -> None:
    async def read() -> bytes:
        return b"".join([chunk async for chunk in AsyncBody(body)])

    body = Body([_source(FILE)], lambda count: None)
    assert asyncio.run(read()) == b"".join(body)

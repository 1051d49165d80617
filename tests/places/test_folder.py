"""A folder as a place: links, what can't be read, what a write leaves."""

import errno
import os
from pathlib import Path

import pytest

from filmroom.errors import BadRequest, Conflict, NotFound, Unavailable
from filmroom.places import open_place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "place"
    made.mkdir()
    return made


def test_a_link_does_not_lead_out(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"of others")
    (folder / "link").symlink_to(tmp_path)
    (folder / "file").symlink_to(tmp_path / "secret")
    place = open_place(folder.as_uri())
    with pytest.raises(NotFound, match="link"):
        list(place.stream("file"))
    with pytest.raises(Conflict, match="link"):
        list(place.stream("link/secret"))
    with pytest.raises(Conflict, match="link"):
        place.write("link/new", [b""])
    place.write("file", [b"mine"])  # in place of the link
    assert (tmp_path / "secret").read_bytes() == b"of others"
    assert not (tmp_path / "new").exists()


def test_what_is_not_whole_yet_has_no_name(folder: Path) -> None:
    place = open_place(folder.as_uri())
    names: list[str] = []

    def content() -> object:
        yield b"half"
        names.extend(entry.name for entry in place.entries())

    place.write("a/b", content())  # type: ignore[arg-type]
    assert names == []
    assert [path.name for path in folder.rglob("*")] == ["a", "b"]


def test_a_link_to_the_folder_itself_is_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert open_place((tmp_path / "link").as_uri()).url == folder.as_uri()


def test_a_folder_that_is_gone_is_told(folder: Path) -> None:
    place = open_place(folder.as_uri())
    folder.rmdir()
    with pytest.raises(BadRequest, match="does not exist"):
        place.check()
    with pytest.raises(Unavailable, match="No such file"):
        list(place.entries())


def test_a_bad_sector_is_of_one_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bad_sector(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (folder / "image").write_bytes(b"image")
    place = open_place(folder.as_uri())
    with monkeypatch.context() as damaged:
        damaged.setattr("filmroom.places.folder.os.read", bad_sector)
        with pytest.raises(NotFound, match="The file can't be read: Input/output error"):
            list(place.stream("image"))


def test_names_that_are_no_text_lie_in_order(folder: Path) -> None:
    names = [b"caf\xe9", b"z", b"\xff"]
    for name in names:
        Path(bytes(folder).decode() + "/" + name.decode(errors="surrogateescape")).write_bytes(b"1")
    found = [entry.name.encode(errors="surrogateescape") for entry in open_place(folder.as_uri()).entries()]
    assert found == sorted(names)

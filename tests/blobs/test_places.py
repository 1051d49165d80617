from pathlib import Path

import pytest

from filmroom.blobs.places import Place, open_place
from filmroom.errors import BadParameter, NotFound, Unavailable
from tests.blobs.test_objects import RawAzure, RawS3, azure

__all__ = ["azure"]  # a fixture


class Contract:
    """A class of tests inherits this and gives the fixture `place`: an empty one."""

    def test_what_is_written_can_be_read(self, place: Place) -> None:
        place.write("a/b.dcm", b"first")
        place.write("a/b.dcm", b"content")
        assert place.read("a/b.dcm") == b"content"
        assert place.exists("a/b.dcm")

    def test_a_file_is_written_and_stays(self, place: Place, tmp_path: Path) -> None:
        large = tmp_path / "large"
        large.write_bytes(bytes(range(256)) * (40 << 10))
        place.write("large", large)
        with place.file("large", tmp_path) as path:
            assert path.read_bytes() == large.read_bytes()

    def test_names_come_in_order_from_a_place_on(self, place: Place) -> None:
        names = ["a.x", "a/b", "a/c/d", "a/c.e", "b"]
        for name in names:
            place.write(name, name.encode())
        listed = sorted(names)
        assert list(place.names()) == [(name, len(name)) for name in listed]
        for position, name in enumerate(listed):
            assert [found for found, _ in place.names(after=name)] == listed[position + 1 :]
        assert [name for name, _ in place.names("a/c")] == ["a/c.e", "a/c/d"]
        assert [name for name, _ in place.names("a/", after="a/b")] == ["a/c.e", "a/c/d"]

    def test_what_is_not_there_is_not_found(self, place: Place, tmp_path: Path) -> None:
        assert not place.exists("a/b")
        with pytest.raises(NotFound):
            place.read("a/b")
        with pytest.raises(NotFound), place.file("a/b", tmp_path):
            pass

    @pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\0b", "a\\..\\b"])
    def test_no_name_leads_out(self, place: Place, name: str) -> None:
        for use in (place.read, place.exists, lambda name: place.write(name, b"")):
            with pytest.raises(BadParameter, match="relative path"):
                use(name)


class TestFolder(Contract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        (tmp_path / "place").mkdir()
        return open_place((tmp_path / "place").as_uri())


class TestS3(Contract):
    @pytest.fixture
    def place(self, s3: str) -> Place:
        raw = RawS3(s3)
        return open_place(raw.url, raw.options)


class TestAzure(Contract):
    @pytest.fixture
    def place(self, azure: str) -> Place:
        raw = RawAzure(azure)
        return open_place(raw.url, raw.options | {"allow_http": "true"})


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
    assert list(place.names()) == []
    for name in ("link/secret", "file", "link/new"):
        with pytest.raises(BadParameter, match="link"):
            place.read(name)
        with pytest.raises(BadParameter, match="link"):
            place.write(name, b"")
    assert (tmp_path / "secret").read_bytes() == b"of others"


def test_a_write_that_fails_leaves_what_was_there(folder: Path) -> None:
    place = open_place(folder.as_uri())
    place.write("name", b"old")
    with pytest.raises(Unavailable, match="No such file"):
        place.write("name", folder / "missing")
    assert [path.name for path in folder.iterdir()] == ["name"]
    assert place.read("name") == b"old"


@pytest.mark.parametrize("url", ["/srv", "file://host/srv", "s3://", "http://x/y", ""])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(BadParameter, match="file:///srv/export"):
        open_place(url)


def test_a_folder_that_is_not_there_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no folder"):
        list(open_place((tmp_path / "none").as_uri()).names())

"""What every place does, whatever it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from filmroom.errors import Conflict, Lost, NotFound
from filmroom.places import Place, open_place
from tests.blobs import servers
from tests.blobs.test_objects import RawAzure, RawS3


class Contract:
    """A class of tests inherits this and gives the fixture `place`: an empty one."""

    def test_what_is_written_last_is_read(self, place: Place) -> None:
        place.write("a/b.dcm", [b"first"])
        place.write("a/b.dcm", [b"con", b"tent"])
        place.settle()
        assert b"".join(place.stream("a/b.dcm")) == b"content"
        assert place.size("a/b.dcm") == 7

    def test_large_files(self, place: Place) -> None:
        chunks = [bytes([number]) * (1 << 20) for number in range(19)]
        place.write("large", iter(chunks))
        assert b"".join(place.stream("large")) == b"".join(chunks)

    @pytest.mark.parametrize("size", [1, 12])
    def test_what_ends_in_the_middle_leaves_what_was_there(self, place: Place, size: int) -> None:
        def content() -> Iterator[bytes]:
            yield bytes(size << 20)
            raise Lost("It is damaged.")

        place.write("a", [b"old"])
        for name in ("a", "b"):
            with pytest.raises(Lost, match="damaged"):
                place.write(name, content())
        assert [(entry.name, entry.size) for entry in place.entries()] == [("a", 3)]

    def test_names_come_in_order_from_any_on(self, place: Place) -> None:
        names = ["a.x", "a/b", "a/c/d", "a/c.e", "b", "\u00fc x%20", "we?ird#x"]
        for name in names:
            place.write(name, [name.encode()])
        listed = sorted(names, key=str.encode)
        assert [(one.name, one.size) for one in place.entries()] == [(name, len(name.encode())) for name in listed]
        for after in (*listed, "a-", "a/b/c", "zz"):
            assert [one.name for one in place.entries(after)] == [name for name in listed if name > after]

    def test_what_is_not_there_is_not_found(self, place: Place) -> None:
        with pytest.raises(NotFound):
            list(place.stream("a/b"))

    @pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\0b"])
    def test_no_name_leads_out(self, place: Place, name: str) -> None:
        for use in (lambda: list(place.stream(name)), lambda: place.write(name, [b""]), lambda: place.size(name)):
            with pytest.raises(Conflict, match="name"):
                use()

    def test_that_it_is_there_is_checked(self, place: Place) -> None:
        place.check()


class TestFolder(Contract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        (tmp_path / "100% place").mkdir()
        return open_place((tmp_path / "100% place").as_uri())


class TestS3(Contract):
    @pytest.fixture
    def place(self, s3: str) -> Place:
        raw = RawS3(s3)
        return open_place(f"{raw.url}/100%25 place", {f"s3://{raw.bucket}": raw.options})


class TestAzure(Contract):
    @pytest.fixture
    def place(self, azure: str) -> Place:
        raw = RawAzure(azure)
        return open_place(raw.url, {raw.url: raw.options | {"allow_http": "true"}})


class TestAzureByItsOwnUrl(Contract):
    @pytest.fixture
    def place(self, azure: str) -> Place:
        container = RawAzure(azure).url.split("/")[2]
        return open_place(f"{azure}/{container}/below", given={"account_key": servers.ACCOUNT_KEY})

"""An archive that an older version made, brought to this one, and served."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from filmroom.archive import Archive, index_url
from filmroom.errors import Unavailable
from filmroom.services import migrate
from filmroom.settings import Settings
from tests.index import older
from tests.postgresql import Server


def settings(folder: Path) -> Settings:
    """Those of an archive of the first schema, in SQLite."""
    (folder / "blobs").mkdir(parents=True)
    older.make(f"sqlite:///{folder / 'index.sqlite'}")
    older.write_files(folder / "blobs")
    return Settings(data=folder)


def test_an_old_archive_is_copied_and_migrated(tmp_path: Path) -> None:
    old = settings(tmp_path)
    told: list[object] = []
    assert migrate.pending(index_url(old))
    done = migrate.migrate(index_url(old), backup=True, copied=told.append, begins=told.append)
    assert told == [tmp_path / "index-before-0002.sqlite", *done]
    assert migrate.pending(f"sqlite:///{told[0]}") == done
    Archive.open(old).close()


def test_no_copy_is_made_where_none_is_wanted_or_nothing_is_to_do(tmp_path: Path) -> None:
    old = settings(tmp_path)
    assert migrate.migrate(index_url(old), backup=False)
    assert migrate.migrate(index_url(old), backup=True) == []
    assert list(tmp_path.glob("*before*")) == []


def test_where_no_copy_can_be_made_nothing_changes(tmp_path: Path) -> None:
    old = settings(tmp_path)
    (tmp_path / "index-before-0002.sqlite" / "in the way").mkdir(parents=True)
    with pytest.raises(Unavailable, match="can't be copied"):
        migrate.migrate(index_url(old), backup=True)
    assert migrate.pending(index_url(old))


def test_an_index_in_postgresql_is_not_copied(postgresql_server: Server, tmp_path: Path) -> None:
    with postgresql_server.database("old") as url:
        older.make(url)
        assert migrate.migrate(index_url(Settings(data=tmp_path, index=SecretStr(url))), backup=True)
        assert migrate.pending(url) == []
    assert list(tmp_path.iterdir()) == []

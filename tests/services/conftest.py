"""Archives for the tests: a real index, and blobs in a folder or in memory."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from filmroom.archive import Archive
from filmroom.blobs import Memory
from filmroom.settings import Settings


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = Archive.open(Settings(data=tmp_path / "data", codec_processes=1))
    yield opened
    opened.close()


@pytest.fixture(params=["folder", "memory"])
def either(request: pytest.FixtureRequest, archive: Archive) -> Archive:
    """The same archive on either blob store."""
    return archive if request.param == "folder" else replace(archive, blobs=Memory())

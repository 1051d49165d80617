"""The services on a bucket: what they ask of it, and what it is like when it fails."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from pydantic import SecretStr

from filmroom.archive import Archive
from filmroom.blobs import new_keys
from filmroom.dicom.resources import Resource
from filmroom.errors import Unavailable
from filmroom.protocol.dialects import DICOMWEB
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.services import health, retrieve, store
from filmroom.services.examination import part
from filmroom.settings import Settings
from tests import data
from tests.blobs.test_objects import RawS3


@pytest.fixture
def bucket(s3: str) -> RawS3:
    return RawS3(s3)


def settings(bucket: RawS3, folder: Path) -> Settings:
    options = {name: SecretStr(value) for name, value in bucket.options.items()}
    return Settings(data=folder, blobs=bucket.url, blobs_options=options)


@pytest.fixture
def archive(bucket: RawS3, tmp_path: Path) -> Iterator[Archive]:
    opened = Archive.open(settings(bucket, tmp_path / "data"))
    yield opened
    opened.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The ranges that are asked of the bucket from now on."""
    ranges: list[tuple[int, int]] = []
    get_range = obstore.get_range

    def noted(store: Any, path: str, *, start: int, end: int) -> object:
        ranges.append((start, end))
        return get_range(store, path, start=start, end=end)

    monkeypatch.setattr(obstore, "get_range", noted)
    return ranges


def test_an_instance_in_a_bucket_is_stored_and_read(archive: Archive, bucket: RawS3) -> None:
    made = data.dataset()
    content, target = data.file(made), Resource(made.StudyInstanceUID)
    store.store(archive, DICOMWEB, Resource(), [part(content)], replace=False)
    [(key, _)] = archive.blobs.list()
    assert bucket.read(key) == content
    selected = Selected("application/dicom", STORED, multipart=True)
    [read] = retrieve.instances_of(archive, DICOMWEB, target, selected)
    assert b"".join(read.chunks) == content


def test_neighbouring_ranges_are_one_request(archive: Archive, bucket: RawS3, asked: list[tuple[int, int]]) -> None:
    [key] = new_keys(1)
    bucket.write(key, bytes(range(250)) * 40)
    found = list(archive._batched(key, ((start, 1000) for start in range(0, 10_000, 1000))))
    assert b"".join(found) == bytes(range(250)) * 40
    assert asked == [(0, 10_000)]


def test_frames_of_an_instance_are_one_request_and_metadata_none(
    archive: Archive, asked: list[tuple[int, int]]
) -> None:
    made = data.image(frames=5)
    store.store(archive, DICOMWEB, Resource(), [part(data.file(made))], replace=False)
    target = Resource(made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID)
    found = retrieve.metadata(archive, DICOMWEB, target, "", lambda _: False)
    assert found.texts is not None
    assert len(list(found.texts)) == 1
    assert asked == []
    selected = Selected("application/octet-stream", STORED, multipart=True)
    contents = retrieve.frames(archive, target, [3, 1, 5, 1], selected)
    assert isinstance(contents, list)
    size = len(made.PixelData) // 5
    every = [made.PixelData[place * size : (place + 1) * size] for place in range(5)]
    assert [b"".join(content.chunks) for content in contents] == [every[2], every[0], every[4], every[0]]
    assert len(asked) == 1


def test_blobs_that_follow_each_other_are_on_their_way(
    archive: Archive, bucket: RawS3, asked: list[tuple[int, int]]
) -> None:
    contents = {key: key.encode() * 4 for key in new_keys(20)}
    for key, content in contents.items():
        bucket.write(key, content)
    streams = archive.blobs.streams([(key, len(content)) for key, content in contents.items()])
    assert asked == []
    assert [b"".join(stream) for stream in streams] == list(contents.values())
    assert len(asked) == 20


def test_another_index_is_refused(archive: Archive, bucket: RawS3, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="Is it the right bucket and prefix"):
        Archive.open(settings(bucket, tmp_path / "another"))
    Archive.open(settings(bucket, tmp_path / "data")).close()


def test_a_bucket_that_is_gone_is_not_healthy(archive: Archive, bucket: RawS3) -> None:
    assert health.check(archive, "blobs").healthy
    for found in bucket.client.list_objects_v2(Bucket=bucket.bucket)["Contents"]:
        bucket.client.delete_object(Bucket=bucket.bucket, Key=found["Key"])
    bucket.client.delete_bucket(Bucket=bucket.bucket)
    found = health.check(archive, "blobs")
    assert (found.healthy, "no such bucket" in found.description) == (False, True)
    with pytest.raises(Unavailable, match="no such bucket"):
        store.store(archive, DICOMWEB, Resource(), [part(data.file())], replace=False)

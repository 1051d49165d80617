"""The services on a bucket: what they ask of it, and what it is like when it fails."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from pydantic import SecretStr

from filmroom.archive import Archive
from filmroom.blobs import new_keys
from filmroom.dicom.resources import DEFAULT_PARTITION, Resource
from filmroom.errors import Unavailable
from filmroom.protocol.dialects import DICOMWEB
from filmroom.protocol.negotiation import STORED, Selected
from filmroom.protocol.updates import Update
from filmroom.services import delete, exports, health, imports, operations, retrieve, store, updates
from filmroom.services.examination import part
from filmroom.services.operations import State, Worker
from filmroom.settings import Settings
from tests import data
from tests.blobs.flaky import Flaky, flaky
from tests.blobs.test_objects import RawS3
from tests.services.test_check import found as problems
from tests.services.test_delete import changes, keep
from tests.services.test_operations import set_lease


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


# --- Operations on a bucket of which one request in five fails, between places of which it does, too

MOST_TURNS = 5  # of a worker: what nobody could do in spite of all tries, it does again half a minute later


@pytest.fixture
def proxy(s3: str) -> Iterator[Flaky]:
    with flaky(s3, 0.0) as proxy:
        yield proxy


@pytest.fixture
def place(s3: str) -> RawS3:
    return RawS3(s3)


@pytest.fixture
def failing(bucket: RawS3, place: RawS3, proxy: Flaky, tmp_path: Path) -> Iterator[Archive]:
    options = {name: SecretStr(value) for name, value in (bucket.options | {"endpoint": proxy.url}).items()}
    given = settings(bucket, tmp_path / "data")
    changed = {"blobs_options": options, "places_options": {f"s3://{place.bucket}": options}}
    opened = Archive.open(given.model_copy(update=changed))
    yield opened
    opened.close()


def done(archive: Archive, started: str) -> dict[str, Any]:
    """The results of an operation; it has to succeed."""
    worker, turns = Worker(archive, "worker"), 0
    while not (ended := operations.status(archive, started)).state.ended and turns < MOST_TURNS:
        set_lease(archive, 0)
        worker.run_next()
        turns += 1
    assert (ended.state, ended.error, operations.failures(archive, started, 9, 0)) == (State.SUCCEEDED, None, [])
    results: dict[str, Any] = ended.results
    return results


def test_operations_on_buckets_that_fail_now_and_then_come_to_their_end(
    failing: Archive, place: RawS3, proxy: Flaky
) -> None:
    studies = [data.uid() for _ in range(3)]
    made = [data.dataset(StudyInstanceUID=study) for study in studies for _ in range(5)]
    made.append(data.image(rows=2600, columns=2600, StudyInstanceUID=studies[0]))  # goes up in parts
    keep(failing, *made)
    proxy.share = 0.2

    change = {"00100020": {"vr": "LO", "Value": ["Updated"]}}
    results = done(failing, updates.start(failing, Update(tuple(studies), change), DEFAULT_PARTITION))
    assert (results["studyUpdated"], results["instanceUpdated"]) == (3, 16)

    asked = exports.arguments(failing, place.url, {}, [Resource()])
    results = done(failing, operations.start(failing, exports.EXPORT, asked))
    assert results["exported"] == 16
    listed = [one["Key"] for one in place.client.list_objects_v2(Bucket=place.bucket)["Contents"]]
    exported = {
        key.rpartition("/")[2]: place.client.get_object(Bucket=place.bucket, Key=key)["Body"].read() for key in listed
    }
    assert exported.pop("errors.log") == b""
    assert {name.removesuffix(".dcm") for name in exported} == {one.SOPInstanceUID for one in made}
    assert all(b"Updated" in content for content in exported.values())

    for study in studies[:2]:
        delete.delete(failing, Resource(study))
    asked = imports.arguments(failing, place.url, 1 << 30)
    results = done(failing, operations.start(failing, imports.IMPORT, asked))
    assert (results["stored"] + results["storedAlready"], results["failed"]) == (16, 0)

    assert done(failing, operations.start(failing, "sweep", {"delay": 0}))["filesRemoved"] >= 2 * 11
    assert proxy.failed
    proxy.share = 0.0
    delete.sweep(failing, 0, orphan_age=0)  # of files that arrived although the store said something else
    assert problems(failing) == []
    assert changes(failing) == ["create"] * 16 + ["update"] * 16 + ["delete"] * 11 + ["create"] * 11

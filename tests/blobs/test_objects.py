import itertools
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import AzureStore, ObjectStore

from bench.servers import free_port
from filmroom.blobs import new_keys
from filmroom.blobs.objects import Objects
from filmroom.errors import Unavailable
from tests.blobs import ceph, servers
from tests.blobs.contract import CONTENT, Contract

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def azure() -> Iterator[str]:
    if not servers.has("azurite-blob"):
        pytest.skip("Azurite is not installed: npm ci in tests/servers")
    with servers.azurite(free_port()) as endpoint:
        yield endpoint


class RawS3:
    """A bucket, looked at through Amazon's own library."""

    def __init__(self, endpoint: str) -> None:
        self.bucket = f"images-{next(_NUMBERS)}"
        self.options = servers.S3_OPTIONS | {"endpoint": endpoint}
        self.client = servers.make_bucket(endpoint, self.bucket)
        self.url = f"s3://{self.bucket}/site/blobs"
        self.store = Objects(self.url, self.options)

    def read(self, key: str) -> bytes:
        found: bytes = self.client.get_object(Bucket=self.bucket, Key=_name(key))["Body"].read()
        return found

    def write(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=_name(key), Body=content)

    def count(self) -> int:
        return int(self.client.list_objects_v2(Bucket=self.bucket)["KeyCount"])


def _name(key: str) -> str:
    return f"site/blobs/{key[12:14]}/{key}"


class RawAzure:
    """A container, looked at without the code under test."""

    def __init__(self, endpoint: str) -> None:
        container = f"images-{next(_NUMBERS)}"
        self.options = {"account_name": servers.ACCOUNT, "account_key": servers.ACCOUNT_KEY, "endpoint": endpoint}
        self.raw: ObjectStore = AzureStore(container, config=self.options, client_options={"allow_http": True})  # type: ignore[arg-type]
        servers.make_container(endpoint, container)
        self.url = f"az://{container}/site/blobs"
        self.store = Objects(self.url, self.options | {"allow_http": "true"})

    def read(self, key: str) -> bytes:
        return bytes(obstore.get(self.raw, _name(key)).bytes())

    def write(self, key: str, content: bytes) -> None:
        obstore.put(self.raw, _name(key), content)

    def count(self) -> int:
        return sum(len(page) for page in obstore.list(self.raw))


class TestS3(Contract):
    @pytest.fixture
    def raw(self, s3: str) -> RawS3:
        return RawS3(s3)


class TestAzure(Contract):
    @pytest.fixture
    def raw(self, azure: str) -> RawAzure:
        return RawAzure(azure)


@pytest.fixture
def bucket(s3: str) -> RawS3:
    return RawS3(s3)


@pytest.fixture
def key() -> str:
    return new_keys(1)[0]


@pytest.mark.parametrize("kind", [RawS3, RawAzure])
def test_a_large_file_goes_up_in_parts(
    request: pytest.FixtureRequest, key: str, tmp_path: Path, kind: type[RawS3] | type[RawAzure]
) -> None:
    raw = kind(request.getfixturevalue("s3" if kind is RawS3 else "azure"))
    spooled = tmp_path / "spooled"
    spooled.write_bytes(content := bytes(range(256)) * (20 << 12))
    raw.store.put(key, spooled)
    assert raw.read(key) == content
    assert b"".join(raw.store.stream(key)) == content
    assert not spooled.exists()


def test_the_store_class_of_what_is_put_is_the_one_asked_for(bucket: RawS3, key: str) -> None:
    Objects(bucket.url, bucket.options | {"storage_class": ceph.COLD}).put(key, CONTENT)
    head = bucket.client.head_object(Bucket=bucket.bucket, Key=_name(key))
    assert head["StorageClass"] == ceph.COLD


def test_what_is_put_is_encrypted_as_asked_for(bucket: RawS3, key: str) -> None:
    encrypted = {"server_side_encryption": "aws:kms", "sse_kms_key_id": ceph.KMS_KEY}
    Objects(bucket.url, bucket.options | encrypted).put(key, CONTENT)
    head = bucket.client.head_object(Bucket=bucket.bucket, Key=_name(key))
    assert head["ServerSideEncryption"] == "aws:kms"


def test_objects_of_others_are_not_listed(bucket: RawS3, key: str) -> None:
    bucket.client.put_object(Bucket=bucket.bucket, Key=f"site/blobs/ff/{'0' * 32}", Body=b"in another folder")
    bucket.client.put_object(Bucket=bucket.bucket, Key="site/blobs-of-others/x", Body=b"")
    bucket.write(key, b"")
    assert [listed for listed, _ in bucket.store.list()] == [key]


def test_a_bucket_that_can_be_written_passes_the_check(bucket: RawS3) -> None:
    bucket.store.check()
    bucket.store.check()
    assert list(bucket.store.list()) == []


def test_that_there_is_no_bucket_is_said(bucket: RawS3, key: str) -> None:
    store = Objects("s3://nowhere", bucket.options)
    with pytest.raises(Unavailable, match="no such bucket"):
        store.check()
    for read in (store.get, lambda key: store.get_ranges(key, [(0, 1)]), lambda _: list(store.list())):
        with pytest.raises(Unavailable, match="no such bucket"):
            read(key)


@pytest.mark.parametrize(
    "options", [{"nonsense": "SECRET"}, {"allow_http": "SECRET"}, {"checksum_algorithm": "SECRET"}]
)
def test_options_that_are_not_right_are_not_repeated(bucket: RawS3, options: dict[str, str]) -> None:
    with pytest.raises(Unavailable, match="blobs_options") as refused:
        Objects(bucket.url, bucket.options | options)
    assert "SECRET" not in repr(refused.value)
    assert refused.value.__cause__ is None


def test_a_read_of_a_few_frames_is_one_request(bucket: RawS3, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, int]] = []
    get_range = obstore.get_range

    def noted(store: ObjectStore, path: str, **ends: int) -> object:
        asked.append(ends)
        return get_range(store, path, **ends)

    monkeypatch.setattr(obstore, "get_range", noted)
    bucket.write(key, CONTENT)
    assert bucket.store.get_ranges(key, [(500, 100), (100, 100), (9000, 10)]) == [
        CONTENT[500:600],
        CONTENT[100:200],
        CONTENT[9000:9010],
    ]
    assert asked == [{"start": 100, "end": 9010}]


def test_far_ranges_do_not_bring_what_is_between(bucket: RawS3, key: str) -> None:
    content = bytes(range(256)) * (4 << 10)
    bucket.write(key, content)
    assert bucket.store.get_ranges(key, [(1000_000, 7), (3, 5)]) == [content[1000_000:1000_007], content[3:8]]


def test_a_put_whose_answer_was_lost_is_no_failure(bucket: RawS3, key: str) -> None:
    bucket.write(key, CONTENT)  # by the first try
    bucket.store.put(key, CONTENT)
    assert bucket.read(key) == CONTENT

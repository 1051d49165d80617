"""An object store that fails or is slow: nothing is lost, nothing is half there, and what is said helps."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from filmroom.blobs import new_keys
from filmroom.blobs.objects import Objects
from filmroom.errors import Unavailable
from tests.blobs.contract import CONTENT
from tests.blobs.flaky import flaky
from tests.blobs.test_objects import RawS3
from tests.service import DEADLINE, wait_until


@pytest.fixture
def bucket(s3: str) -> RawS3:
    return RawS3(s3)


def test_one_request_in_five_fails_and_nobody_notices(s3: str, bucket: RawS3, tmp_path: Path) -> None:
    with flaky(s3, 0.2) as proxy:
        store = Objects(bucket.url, bucket.options | {"endpoint": proxy.url})
        keys = new_keys(40)
        large = tmp_path / "large"
        large.write_bytes(CONTENT * 900)
        store.put_all([(key, key.encode()) for key in keys[1:]] + [(keys[0], large)])
        assert [store.get(key) for key in keys[1:]] == [key.encode() for key in keys[1:]]
        assert b"".join(store.stream(keys[0])) == CONTENT * 900
        store.delete(keys[1:])
        assert [key for key, _ in store.list()] == keys[:1]
        assert proxy.failed
        store.close()


def test_a_store_that_only_fails_is_unavailable_and_no_file_is_lost(
    s3: str, bucket: RawS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filmroom.blobs.buckets._RETRIES", {"max_retries": 1})
    [key, other] = new_keys(2)
    bucket.write(key, CONTENT)
    with flaky(s3, 1.0) as proxy:
        store = Objects(bucket.url, bucket.options | {"endpoint": proxy.url})
        for use in (store.get, store.size, lambda key: store.get_ranges(key, [(0, 1)]), lambda _: list(store.list())):
            with pytest.raises(Unavailable):
                use(key)
        with pytest.raises(Unavailable):
            store.put_all([(other, CONTENT)])
        proxy.share = 0.0
        assert store.get(key) == CONTENT
        store.put_all([(new_keys(1)[0], CONTENT)])
        store.close()


def test_a_store_that_is_slow_is_waited_for(s3: str, bucket: RawS3, tmp_path: Path) -> None:
    known, key, large, gone = new_keys(4)
    bucket.write(known, CONTENT)
    bucket.write(gone, CONTENT)
    (spooled := tmp_path / "large").write_bytes(CONTENT * 900)
    with flaky(s3, 0.0) as proxy, ThreadPoolExecutor() as pool:
        proxy.let.clear()
        store = Objects(bucket.url, bucket.options | {"endpoint": proxy.url})
        writing = [pool.submit(store.put_all, [(key, CONTENT), (large, spooled)]), pool.submit(store.delete, [gone])]
        reading = pool.submit(store.get, known)
        wait_until(lambda: proxy.waiting == 4)
        proxy.let.set()
        assert reading.result(DEADLINE) == CONTENT
        assert [one.result(DEADLINE) for one in writing] == [None, None]
        assert {found for found, _ in store.list()} == {known, key, large}
        store.close()


def test_a_store_that_never_answers_is_given_up_in_time(
    s3: str, bucket: RawS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filmroom.blobs.buckets._RETRIES", {"max_retries": 0})
    key, other = new_keys(2)
    bucket.write(key, CONTENT)
    with flaky(s3, 0.0) as proxy:
        store = Objects(bucket.url, bucket.options | {"endpoint": proxy.url, "read_timeout": "200ms"})
        proxy.let.clear()
        for use in (store.get, store.size, lambda _: store.put(other, CONTENT), lambda _: list(store.list())):
            with pytest.raises(Unavailable, match="did not answer in time"):
                use(key)
        proxy.let.set()
        wait_until(lambda: answers(store, key))
        store.close()


def answers(store: Objects, key: str) -> bool:
    with suppress(Unavailable):
        return store.get(key) == CONTENT
    return False


def test_a_host_that_is_not_there_is_said(bucket: RawS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filmroom.blobs.buckets._RETRIES", {"max_retries": 0})
    store = Objects(bucket.url, bucket.options | {"endpoint": "http://127.0.0.1:1"})
    with pytest.raises(Unavailable, match="host is not reached"):
        store.check()


def test_an_upload_that_fails_in_the_middle_leaves_nothing(
    s3: str, bucket: RawS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filmroom.blobs.buckets._RETRIES", {"max_retries": 0})
    large = tmp_path / "large"
    large.write_bytes(CONTENT * 2700)
    [key] = new_keys(1)
    with flaky(s3, 0.0) as proxy:
        faults = iter(["", "", "500"])  # the beginning, a part, another
        monkeypatch.setattr(proxy, "fault", lambda: next(faults, ""))
        store = Objects(bucket.url, bucket.options | {"endpoint": proxy.url})
        with pytest.raises(Unavailable):
            store.put(key, large)
        store.close()
    assert bucket.count() == 0
    assert large.exists()
    assert "Uploads" not in bucket.client.list_multipart_uploads(Bucket=bucket.bucket)


@pytest.mark.parametrize("well", [0, 3, 4])  # requests before: the beginning, two parts and the end
def test_an_upload_that_the_store_no_longer_knows_is_unavailable(
    s3: str, bucket: RawS3, monkeypatch: pytest.MonkeyPatch, well: int
) -> None:
    with flaky(s3, 0.0) as proxy:
        faults = iter([*[""] * well, "404"])
        monkeypatch.setattr(proxy, "fault", lambda: next(faults, ""))
        store = Objects(bucket.url, bucket.options | {"endpoint": proxy.url})
        with pytest.raises(Unavailable, match="the upload was removed"):
            store.put(new_keys(1)[0], CONTENT * 1000)
        store.close()
    assert bucket.count() == 0

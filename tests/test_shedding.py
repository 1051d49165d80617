"""A flood of stores, and a bucket that is away, leave a service that searches and says how it is."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from filmroom.server import lanes
from tests import inside
from tests.blobs.flaky import Flaky
from tests.blobs.test_objects import RawS3
from tests.messages import JSON, sent, store
from tests.service import DEADLINE, wait_until

ROOT = "/dicomweb"
STORED = {"Accept": "application/dicom; transfer-syntax=*"}


@pytest.fixture
def bucket(s3: str, proxy: Flaky) -> dict[str, object]:
    made = RawS3(s3)
    return {"blobs": made.url, "blobs_options": made.options | {"endpoint": proxy.url}}


@pytest.fixture
def http(tmp_path: Path, bucket: dict[str, object]) -> Iterator[httpx2.Client]:
    """A service with four threads, of which a store may take one, and a read of a file one."""
    with inside.serving(inside.settings(tmp_path, threads=4, **bucket)) as port:
        limits = httpx2.Limits(max_connections=None)
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE, limits=limits) as http:
            yield http


def test_while_many_wait_for_a_bucket_rows_and_health_are_answered(http: httpx2.Client, proxy: Flaky) -> None:
    there = sent()
    assert store(http, ROOT, there.content).status_code == 200
    proxy.let.clear()
    with ThreadPoolExecutor(24) as pool:
        slow = [pool.submit(store, http, ROOT, sent().content) for _ in range(12)]
        slow += [pool.submit(http.get, ROOT + there.instance, headers=STORED) for _ in range(12)]
        wait_until(lambda: proxy.waiting == 2)
        for path in ("/studies", f"{there.study}/metadata", f"{there.study}/series"):
            assert http.get(ROOT + path, headers=JSON).status_code == 200
        assert http.get("/v2/changefeed").status_code == 200
        assert http.get("/").status_code == 200
        proxy.let.set()
        answers = [one.result() for one in slow]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 503)


def test_stores_that_are_too_many_are_told_at_once(
    http: httpx2.Client, proxy: Flaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "PATIENCE", DEADLINE)
    most = 4 * lanes._FOR_EACH_THREAD[lanes.Use.STORES]
    proxy.let.clear()
    with ThreadPoolExecutor(most) as pool:
        taken = [pool.submit(store, http, ROOT, sent().content) for _ in range(most)]
        wait_until(lambda: proxy.waiting == 1)
        wait_until(lambda: sum(one.done() for one in taken) == most // 2)  # refused: the others are under way
        refused = store(http, ROOT, b"no DICOM")
        assert refused.status_code == 429
        assert (refused.text, refused.headers["Retry-After"]) == (
            f"{most // 2} requests of this kind and of one client are under way. Try again later.",
            "5",
        )
        assert http.get(f"{ROOT}/studies").status_code in {200, 204}
        proxy.let.set()
        assert {one.result().status_code for one in taken} <= {200, 429, 503}

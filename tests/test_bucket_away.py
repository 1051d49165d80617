"""A bucket that fails, is slow, refuses or goes away under a service: what was acknowledged is there, others go on."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests import service, truth
from tests.blobs import servers
from tests.blobs.flaky import Flaky
from tests.blobs.test_objects import RawS3
from tests.messages import sent, store
from tests.service import Service, needs_proc, wait_until

pytestmark = needs_proc

ROOT = "/dicomweb"
STORED = {"Accept": "application/dicom; transfer-syntax=*"}


@pytest.fixture
def bucket(s3: str) -> RawS3:
    return RawS3(s3)


@pytest.fixture
def running(request: pytest.FixtureRequest, tmp_path: Path, bucket: RawS3, proxy: Flaky) -> Iterator[Service]:
    """A service, with the options of the parameter."""
    options = json.dumps(bucket.options | {"endpoint": proxy.url})
    given = {"FILMROOM_BLOBS": bucket.url, "FILMROOM_BLOBS_OPTIONS": options}
    with service.running(tmp_path / "data", *getattr(request, "param", ()), given=given) as running:
        yield running


@pytest.fixture
def http(running: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=running.url, timeout=60) as http:
        yield http


def test_of_one_request_in_five_that_fails_clients_notice_nothing(proxy: Flaky, http: httpx2.Client) -> None:
    proxy.share = 0.2
    made = [sent() for _ in range(20)]
    for one in made:
        assert store(http, ROOT, one.content).status_code == 200
    for one in made:
        assert http.get(ROOT + one.instance, headers=STORED).content == one.content
    assert [http.delete(ROOT + one.instance).status_code for one in made[:5]] == [204] * 5
    assert proxy.failed
    proxy.share = 0.0
    truth.check(http)


def test_while_it_is_away_stores_are_refused_whole_and_searches_answered(proxy: Flaky, http: httpx2.Client) -> None:
    before, refused = sent(), sent()
    assert store(http, ROOT, before.content).status_code == 200
    proxy.share = 1.0
    answers = [store(http, ROOT, refused.content), http.get(ROOT + before.instance, headers=STORED)]
    assert [(one.status_code, "Retry-After" in one.headers) for one in answers] == [(503, True)] * 2
    assert [len(http.get(f"{ROOT}{one.study}/instances").json()) for one in (before, refused)] == [1, 0]
    proxy.share = 0.0
    assert http.get(ROOT + before.instance, headers=STORED).content == before.content
    assert store(http, ROOT, refused.content).status_code == 200
    truth.check(http)


# The worker would ask the bucket, too, a second later.
@pytest.mark.parametrize("running", [["--no-operations-worker"]], indirect=True)
def test_while_it_is_slow_others_are_served(running: Service, proxy: Flaky, http: httpx2.Client) -> None:
    there, coming = sent(), sent()
    assert store(http, ROOT, there.content).status_code == 200
    proxy.let.clear()
    with ThreadPoolExecutor() as pool, httpx2.Client(base_url=running.url, timeout=60) as patient:
        slow = [
            pool.submit(store, patient, ROOT, coming.content),
            pool.submit(patient.get, ROOT + there.instance, headers=STORED),
        ]
        wait_until(lambda: proxy.waiting == 2)
        assert http.get(f"{ROOT}/studies?StudyInstanceUID={there.dataset.StudyInstanceUID}").status_code == 200
        assert not any(one.done() for one in slow)
        proxy.let.set()
        assert [one.result().status_code for one in slow] == [200, 200]
    assert http.get(ROOT + coming.instance, headers=STORED).content == coming.content
    truth.check(http)


KEYS = dict.fromkeys(("GET", "HEAD", "PUT", "POST", "DELETE"), "InvalidAccessKeyId")
RIGHTS = dict.fromkeys(("PUT", "POST"), "AccessDenied")


@pytest.mark.parametrize(
    ("refused", "reason", "readable"),
    [(KEYS, "the store does not know the access key (403 Inv", 503), (RIGHTS, "the credentials do not allow it", 200)],
    ids=["keys that are no longer known", "no right to write"],
)
def test_what_it_refuses_is_said_and_nothing_is_lost(
    running: Service, proxy: Flaky, http: httpx2.Client, refused: dict[str, str], reason: str, readable: int
) -> None:
    before, coming = sent(), sent()
    assert store(http, ROOT, before.content).status_code == 200
    proxy.refused = refused
    storing, reading = store(http, ROOT, coming.content), http.get(ROOT + before.instance, headers=STORED)
    assert (storing.status_code, reading.status_code) == (503, readable)
    assert all(reason in one.text for one in (storing, reading) if one.status_code == 503)
    assert [len(http.get(f"{ROOT}{one.study}/instances").json()) for one in (before, coming)] == [1, 0]
    wait_until(lambda: reason in http.get("/health/check").text)  # what was found is known for a second
    health = http.get("/health/check")
    assert health.status_code == 503
    assert [reason in one["description"] for one in health.json()["details"] if one["status"] == "Unhealthy"] == [True]
    assert servers.S3_OPTIONS["secret_access_key"] not in storing.text + health.text + running.logged()
    proxy.refused = {}
    assert store(http, ROOT, coming.content).status_code == 200
    truth.check(http)

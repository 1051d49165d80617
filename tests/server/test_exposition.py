"""`/metrics`: what one worker says (`tests/test_observed.py` has several, and the operations worker)."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from bench.servers import free_port
from filmroom.archive import Archive
from filmroom.cli import deliveries
from filmroom.errors import Unavailable
from filmroom.index.database import Database
from filmroom.protocol.cloud_events import Source
from filmroom.server import exposition, health
from filmroom.server.app import create
from filmroom.services import operations
from filmroom.services.webhooks import Delivery, Sender, Webhook, replay
from filmroom.settings import Settings
from tests.certificates import Authority
from tests.messages import sent, store
from tests.receiver import SECRET, receiving
from tests.service import DEADLINE, wait_until


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked of index and files is waited for, however slow the machine is."""
    monkeypatch.setattr(exposition, "PATIENCE", DEADLINE)
    monkeypatch.setattr(health, "READY_PATIENCE", DEADLINE)


def samples(http: TestClient) -> dict[tuple[str, ...], float]:
    """By name and the values of labels."""
    answer = http.get("/metrics")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_a_scrape_is_in_the_form_that_is_asked_for(http: TestClient) -> None:
    assert http.get("/metrics").headers["Content-Type"].startswith("text/plain; version=")
    answer = http.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert "filmroom_build" in {family.name.removesuffix("_info") for family in open_metrics(answer.text)}


def test_what_was_done_is_counted(http: TestClient) -> None:
    before = samples(http)
    made = sent()
    store(http, "/dicomweb", made.content, b"no DICOM")
    http.get(f"/dicomweb{made.instance}/metadata")
    after = samples(http)

    def more(*name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert more("filmroom_store_instances_total", "stored", "") == 1
    assert more("filmroom_store_instances_total", "refused", "0xa900") == 1
    assert more("filmroom_group_commit_instances_sum") == 1
    assert more("filmroom_blob_call_seconds_count", "put", "folder") == 1
    assert more("filmroom_index_transaction_seconds_count", "write") == 1
    assert more("filmroom_http_request_duration_seconds_count", "POST", "/dicomweb/studies", "2xx") == 1
    assert after["filmroom_http_requests_in_flight",] == 1  # this scrape
    assert after["filmroom_ready",] == 1
    assert 0 < after["filmroom_data_free_bytes",] <= after["filmroom_data_size_bytes",]


def test_no_path_of_a_request_is_in_a_scrape(http: TestClient) -> None:
    made = sent()
    store(http, "/dicomweb", made.content)
    for path in (made.instance, f"{made.instance}/nothing", "/studies/1.2.3?PatientName=Secret"):
        http.get(f"/dicomweb{path}")
        http.request("SECRET", f"/dicomweb{path}")
    told = http.get("/metrics").text
    assert not [word for word in (made.dataset.StudyInstanceUID, "1.2.3", "Secret", "SECRET") if word in told]


def test_operations_are_told_by_state(http: TestClient, settings: Settings) -> None:
    with closing(Archive.open(settings)) as archive:
        operations.start(archive, "sweep", {"delay": 0})
        waiting = samples(http)
        worker = operations.Worker(archive, "worker")
        worker.run_next()
    assert waiting["filmroom_operations", "sweep", "notStarted"] == 1
    assert waiting["filmroom_operations_oldest_waiting_seconds",] >= 0
    after = samples(http)
    assert (
        after["filmroom_operations", "sweep", "notStarted"],
        after["filmroom_operations", "sweep", "succeeded"],
    ) == (
        0,
        1,
    )
    assert after["filmroom_sweep_last_start_timestamp_seconds",] > 0


def test_one_that_runs_is_told_with_its_progress() -> None:
    running = operations.Count("import", operations.State.RUNNING, 1, 100.0, 100.0, 130.0, 40)
    found = {one.name: one.samples for one in exposition._of_operations([running], 150.0)}
    assert found["filmroom_operation_progress_ratio"][0][1:3] == ({"operation": "import"}, 0.4)
    assert found["filmroom_operation_silent_seconds"][0].value == 20


def test_an_index_that_stands_still_is_left_out(
    http: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(self: Database) -> None:
        raise Unavailable("It does not answer.")

    monkeypatch.setattr(Database, "read", unavailable)
    told = samples(http)
    assert not [name for name in told if name[0] == "filmroom_operations"]
    assert ("filmroom_threads",) in told


def test_how_far_webhooks_are_is_told_by_their_names(tmp_path: Path) -> None:
    with receiving() as receiver:
        given = {"ris": {"url": receiver.url, "secret": SECRET, "begin": "first"}}
        settings = Settings.model_validate({"data": tmp_path / "data", "webhooks": given})
        [webhook] = deliveries.receivers(settings)
        receiver.replies = [(500, {}), (410, {})]
        with serving(settings) as http, closing(Archive.open(settings)) as archive:
            before = samples(http)
            store(http, "/dicomweb", sent().content)
            deliver(archive, webhook)
            failing = samples(http)
            replay(archive, "ris", None)
            deliver(archive, webhook)
            disabled = samples(http)
            replay(archive, "ris", None)
            deliver(archive, webhook)
            told = samples(http)
    assert before["filmroom_webhook_behind_events", "ris"] == 0
    assert failing["filmroom_webhook_behind_events", "ris"] == 1
    assert failing["filmroom_webhook_behind_seconds", "ris"] > 0
    assert (failing["filmroom_webhook_failures", "ris"], failing["filmroom_webhook_disabled", "ris"]) == (1, 0)
    assert disabled["filmroom_webhook_disabled", "ris"] == 1
    assert {name[0]: told[name] for name in told if name[1:] == ("ris",)} == {
        "filmroom_webhook_behind_events": 0,
        "filmroom_webhook_behind_seconds": 0,
        "filmroom_webhook_failures": 0,
        "filmroom_webhook_disabled": 0,
    }


def deliver(archive: Archive, webhook: Webhook) -> None:
    with Sender(webhook.url, webhook.secrets, webhook.timeout) as sender:
        Delivery(archive, webhook, Source("https://pacs.example", 7), "worker", sender).deliver()


def test_the_end_of_the_certificate_is_told(tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue("server")
    settings = Settings(data=tmp_path / "data", tls_certificate=issued.certificate, tls_key=issued.key)
    with serving(settings) as http:
        told = samples(http)
        issued.certificate.unlink()
        without = samples(http)
    left = told["filmroom_tls_certificate_end_timestamp_seconds",] - time.time()
    assert 0 < left <= 90 * 24 * 3600
    assert ("filmroom_tls_certificate_end_timestamp_seconds",) not in without


def test_lines_that_no_syslog_receiver_takes_are_told(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data": tmp_path / "data", "audit_syslog": f"tcp://127.0.0.1:{free_port()}"})
    with serving(settings) as http:
        wait_until(lambda: (settings.data / "audit" / "sent").exists())
        store(http, "/dicomweb", sent().content)
        wait_until(lambda: samples(http)["filmroom_audit_syslog_behind_seconds",] > 0)
        wait_until(lambda: samples(http)["filmroom_audit_syslog_failing",] == 1)


@contextmanager
def serving(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create(settings), base_url="http://127.0.0.1:8080") as http:
        yield http


@pytest.fixture
def without(tmp_path: Path) -> Iterator[TestClient]:
    with serving(Settings(data=tmp_path / "data", metrics=False)) as http:
        yield http


def test_a_setting_takes_them_away(without: TestClient) -> None:
    assert without.get("/metrics").status_code == 404

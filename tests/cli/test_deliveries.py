"""Webhooks in a running service: told within seconds, whatever becomes of the worker that tells them."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from filmroom.archive import Archive
from filmroom.cli import deliveries
from filmroom.errors import Unavailable
from filmroom.server import journal
from filmroom.services.webhooks import Delivery, Report
from filmroom.settings import Settings
from tests import data, service
from tests.receiver import SECRET, Receiver, receiving
from tests.service import DEADLINE, needs_proc, wait_until

PAGE = Path(__file__).parents[2] / "docs/how-to/events.md"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def named(receiver: Receiver, **more: Any) -> dict[str, str]:
    """The variable of a webhook."""
    ris = {"url": receiver.url, "secret": SECRET, "begin": "first", "timeout": DEADLINE} | more
    return {"FILMROOM_WEBHOOKS": json.dumps({"ris": ris})}


def keep(url: str) -> None:
    headers = {"content-type": "application/dicom"}
    httpx2.post(f"{url}/dicomweb/studies", content=data.file(), headers=headers, timeout=DEADLINE).raise_for_status()


@needs_proc
def test_killed_while_it_tells_it_is_told_again_by_the_next(tmp_path: Path, receiver: Receiver) -> None:
    receiver.hangs.set()
    with service.running(tmp_path / "data", given=named(receiver, timeout=60)) as running:
        keep(running.url)
        receiver.wait_for(1)
        worker = running.operations_worker()
        assert worker is not None
        receiver.hangs.clear()  # for the next; the first hangs on
        os.kill(worker, signal.SIGKILL)
        keep(running.url)
        wait_until(lambda: 2 in receiver.sequences)
        assert not running.mishaps()
        assert "hush" not in running.logged()
    assert receiver.sequences == [1, 1, 2]


def test_what_a_service_signs_the_receiver_of_the_page_accepts(tmp_path: Path, receiver: Receiver) -> None:
    with service.running(tmp_path / "data", given=named(receiver)) as running:
        keep(running.url)
        receiver.wait_for(1)
    page = re.search(r"```python\n(# receiver\.py.*?)```", PAGE.read_text(), re.DOTALL)
    assert page is not None
    namespace: dict[str, Any] = {}
    exec(page[1], namespace)
    [message] = receiver.received
    secret = SECRET
    assert namespace["genuine"](message.headers, message.body, secret)
    assert not namespace["genuine"](message.headers, message.body + b" ", secret)
    old = message.headers | {"webhook-timestamp": "1614265330"}
    assert not namespace["genuine"](old, message.body, secret)


# --- In this process


@pytest.fixture
def settings(tmp_path: Path, receiver: Receiver) -> Settings:
    webhooks = {"ris": {"url": receiver.url, "secret": SECRET}}
    return Settings(data=tmp_path / "data", codec_processes=1, webhooks=webhooks)


def test_what_happens_is_logged_without_what_is_nobodys_business(
    archive: Archive, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.configure("json")
    given = iter(
        [
            None,
            Report(1),
            Report(0, "it answered 500", 1.25),
            None,
            Report(1),
            Unavailable("The index can't be used."),
            Report(0, "it answered 410", 1.0, disabled=True),
        ]
    )
    rested: list[float] = []

    def deliver(*_: Any) -> Report | None:
        found = next(given)
        if isinstance(found, Unavailable):
            raise found
        return found

    def stopping(seconds: float) -> bool:
        rested.append(seconds)
        return len(rested) > 7

    monkeypatch.setattr(Delivery, "deliver", deliver)
    [webhook] = deliveries.receivers(settings)
    deliveries.tell(archive, webhook, deliveries.source(settings, archive), "worker", stopping)
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"], line["reason"]) for line in logged] == [
        ("webhook", "warning", "it answered 500"),
        ("webhook", "info", "it takes events again"),
        ("unavailable", "warning", "The index can't be used."),
        ("webhook disabled", "warning", "it answered 410"),
    ]
    assert rested.count(deliveries.REST) == 1

"""Webhooks: every change that is wanted arrives, in order, whatever the receiver does; nobody else gets anything."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from filmroom.archive import Archive
from filmroom.dicom.resources import Resource
from filmroom.errors import BadRequest, NotFound
from filmroom.index import webhooks as rows
from filmroom.protocol.cloud_events import BATCH, ONE, Source
from filmroom.protocol.dialects import DICOMWEB
from filmroom.protocol.signatures import parse_secret
from filmroom.services import partitions
from filmroom.services.delete import delete
from filmroom.services.examination import part
from filmroom.services.store import store
from filmroom.services.webhooks import Delivery, Report, Sender, Standing, Webhook, attempt, delivery, replay, standings
from tests import data
from tests.receiver import SECRET, Receiver, nobody, receiving

SOURCE = Source("https://pacs.example", 7)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def webhook(receiver: Receiver) -> Webhook:
    return Webhook("ris", receiver.url, [parse_secret(SECRET)], from_first=True)


def keep(archive: Archive, *made: Dataset, partition: int = 1, put: bool = False) -> None:
    parts = [part(data.file(one)) for one in made]
    store(archive, DICOMWEB, Resource(partition=partition), parts, replace=put)


def deliver(archive: Archive, webhook: Webhook, owner: str = "worker") -> Report | None:
    with Sender(webhook.url, webhook.secrets, webhook.timeout) as sender:
        return Delivery(archive, webhook, SOURCE, owner, sender).deliver()


def standing(archive: Archive) -> Standing:
    [found] = standings(archive, ["ris"])
    return found


def position(archive: Archive) -> int:
    found = standing(archive).progress
    assert found is not None
    return found.position


def again(archive: Archive) -> None:
    """Have it be tried at once, though it has just failed."""
    replay(archive, "ris", None)


def test_created_updated_and_deleted_are_told_in_order(archive: Archive, receiver: Receiver, webhook: Webhook) -> None:
    made = data.dataset()
    keep(archive, made)
    made.PatientComments = "another version"
    keep(archive, made, put=True)
    delete(archive, Resource(made.StudyInstanceUID))
    assert deliver(archive, webhook) == Report(3)
    types = [event["type"] for one in receiver.received for event in one.events]
    assert types == [f"Microsoft.HealthcareApis.DicomImage{what}" for what in ("Created", "Updated", "Deleted")]
    assert receiver.sequences == [1, 2, 3]
    assert "comment" not in str(receiver.received).lower()


def test_nothing_is_told_twice(archive: Archive, receiver: Receiver, webhook: Webhook) -> None:
    keep(archive, data.dataset())
    assert deliver(archive, webhook) == Report(1)
    assert deliver(archive, webhook) is None
    keep(archive, data.dataset())
    assert deliver(archive, webhook) == Report(1)
    assert receiver.sequences == [1, 2]


def test_a_new_one_begins_with_what_comes(archive: Archive, receiver: Receiver, webhook: Webhook) -> None:
    new = replace(webhook, from_first=False)
    keep(archive, data.dataset())
    assert deliver(archive, new) is None
    keep(archive, data.dataset())
    assert deliver(archive, new) == Report(1)
    assert receiver.sequences == [2]


def test_only_the_events_and_partitions_that_are_wanted_are_told(
    archive: Archive, receiver: Receiver, webhook: Webhook
) -> None:
    there = partitions.make(archive, "there")
    made = data.dataset()
    keep(archive, made)
    keep(archive, data.dataset(), partition=there)
    delete(archive, Resource(made.StudyInstanceUID))
    deliver(archive, replace(webhook, events=frozenset({"created"}), partitions=frozenset({"there"})))
    assert receiver.sequences == [2]
    assert standing(archive).behind == 0


def test_several_are_told_at_once(archive: Archive, receiver: Receiver, webhook: Webhook) -> None:
    keep(archive, *(data.dataset() for _ in range(5)))
    assert deliver(archive, replace(webhook, batch=2)) == Report(5)
    assert [len(one.events) for one in receiver.received] == [2, 2, 1]
    assert {one.headers["content-type"] for one in receiver.received} == {BATCH}


def test_each_by_itself_is_no_array(archive: Archive, receiver: Receiver, webhook: Webhook) -> None:
    keep(archive, data.dataset())
    deliver(archive, webhook)
    assert receiver.received[0].headers["content-type"] == ONE
    assert receiver.received[0].body.startswith(b"{")


def test_what_was_not_taken_is_told_again_and_what_follows_waits(
    archive: Archive, receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST_REST", 600.0)
    keep(archive, *(data.dataset() for _ in range(3)))
    receiver.replies = [(200, {}), (500, {})]
    report = deliver(archive, webhook)
    assert report is not None
    assert (report.told, report.error) == (1, "it answered 500")
    assert position(archive) == 1
    assert deliver(archive, webhook) is None  # not yet
    again(archive)
    assert deliver(archive, webhook) == Report(2)
    assert receiver.sequences == [1, 2, 2, 3]
    ids = [one.headers["webhook-id"] for one in receiver.received]
    assert ids[1] == ids[2] != ids[3]


def test_it_waits_longer_each_time_but_not_for_ever(archive: Archive, receiver: Receiver, webhook: Webhook) -> None:
    keep(archive, data.dataset())
    rests = []
    for failures in (0, 1, 4, 100):
        deliver(archive, webhook)  # begins
        with archive.index.begin() as tx:
            rows.replace_position(tx, "ris", 0)
            for _ in range(failures):
                rows.claim(tx, "ris", "worker", 1.0)
                rows.fail(tx, "ris", "worker", 0, "before", -1.0, disabled=False)
        receiver.replies = [(503, {})]
        report = deliver(archive, webhook)
        assert report is not None
        rests.append(report.rest)
    for rest, most in zip(rests, (1, 2, 16, delivery.LONGEST_REST), strict=True):
        assert most / 2 <= rest <= most


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("120", 120, 120),
        ("0", 0, 1),
        ("99999999999", 3600, 3600),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600, 3600),
        ("soon", 0, 1),
    ],
)
def test_a_receiver_may_say_when(
    archive: Archive, receiver: Receiver, webhook: Webhook, asked: str, least: float, most: float
) -> None:
    keep(archive, data.dataset())
    receiver.replies = [(429, {"retry-after": asked})]
    report = deliver(archive, webhook)
    assert report is not None
    assert least <= report.rest <= most


def test_one_that_is_gone_is_told_no_more_until_a_person_says_so(
    archive: Archive, receiver: Receiver, webhook: Webhook
) -> None:
    keep(archive, data.dataset())
    receiver.replies = [(410, {})]
    report = deliver(archive, webhook)
    assert report is not None
    assert report.disabled
    assert deliver(archive, webhook) is None
    again(archive)
    assert deliver(archive, webhook) == Report(1)


def test_a_redirect_is_not_followed(archive: Archive, receiver: Receiver, webhook: Webhook) -> None:
    keep(archive, data.dataset())
    with receiving() as other:
        receiver.replies = [(307, {"location": other.url})]
        report = deliver(archive, webhook)
        assert other.received == []
    assert report is not None
    assert report.error == "it redirects (307): give the URL that it redirects to"


@pytest.mark.parametrize("how", ["hangs", "trickles"])
def test_one_that_comes_to_no_end_is_given_up(archive: Archive, receiver: Receiver, webhook: Webhook, how: str) -> None:
    keep(archive, data.dataset())
    receiver.hangs.set() if how == "hangs" else setattr(receiver, "trickles", True)
    report = deliver(archive, replace(webhook, timeout=0.2))
    assert report is not None
    assert report.error == "it did not answer in 0.2 seconds"


def test_nobody_there_is_told_without_the_url(archive: Archive, webhook: Webhook) -> None:
    keep(archive, data.dataset())
    report = deliver(archive, replace(webhook, url=nobody()))
    assert report is not None
    assert report.error == "it can't be connected to"
    assert "key=hush" not in repr(webhook)
    assert "whsec" not in repr(webhook)


def test_a_certificate_that_nobody_trusts_is_refused(archive: Archive, webhook: Webhook, tmp_path: Path) -> None:
    keep(archive, data.dataset())
    pem = tmp_path / "certificate.pem"
    own = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    named = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*own, *named, "-keyout", str(pem), "-out", f"{pem}.crt"], check=True, capture_output=True)
    pem.write_text(pem.read_text() + Path(f"{pem}.crt").read_text())
    with receiving(str(pem)) as other:
        report = deliver(archive, replace(webhook, url=other.url))
        assert other.received == []
    assert report is not None
    assert str(report.error).startswith("its certificate is not trusted: self")


def test_a_long_answer_is_not_read_to_its_end(archive: Archive, receiver: Receiver, webhook: Webhook) -> None:
    keep(archive, data.dataset())
    receiver.replies = [(200, {"content-length": "1000000000"})]
    report = deliver(archive, replace(webhook, timeout=0.2))
    assert report is not None
    assert report.told == 0  # no end came in time; had more than a little come, that would have done


def test_one_worker_tells_at_a_time(archive: Archive, receiver: Receiver, webhook: Webhook) -> None:
    keep(archive, data.dataset())
    deliver(archive, webhook, "first")
    keep(archive, data.dataset())
    assert deliver(archive, webhook, "second") is None
    with Sender(webhook.url, webhook.secrets, webhook.timeout) as sender:
        Delivery(archive, webhook, SOURCE, "first", sender).leave()
    assert deliver(archive, webhook, "second") == Report(1)


def test_who_was_taken_for_dead_writes_nothing_and_stops(
    archive: Archive, receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "EVERY", -1.0)  # after each message
    keep(archive, *(data.dataset() for _ in range(3)))
    with Sender(webhook.url, webhook.secrets, webhook.timeout) as sender:
        first = Delivery(archive, webhook, SOURCE, "first", sender)
        send = sender.send

        def meanwhile(message: object) -> object:
            replay(archive, "ris", 2)
            return send(message)  # type: ignore[arg-type]

        monkeypatch.setattr(sender, "send", meanwhile)
        assert first.deliver() == Report(1)
    assert position(archive) == 2


def test_who_is_asked_to_end_sends_no_more(archive: Archive, receiver: Receiver, webhook: Webhook) -> None:
    keep(archive, *(data.dataset() for _ in range(3)))
    asked = iter([False, False, True, True])
    with Sender(webhook.url, webhook.secrets, webhook.timeout) as sender:
        Delivery(archive, webhook, SOURCE, "worker", sender).deliver(lambda: next(asked))
    assert receiver.sequences == [1]
    assert position(archive) == 1


def test_a_person_has_it_told_again(archive: Archive, receiver: Receiver, webhook: Webhook) -> None:
    with pytest.raises(NotFound, match="has not begun yet"):
        replay(archive, "ris", 0)
    keep(archive, data.dataset(), data.dataset())
    deliver(archive, webhook)
    replay(archive, "ris", 1)
    deliver(archive, webhook)
    assert receiver.sequences == [1, 2, 2]
    with pytest.raises(BadRequest, match="no sequence 3 yet; the newest is 2"):
        replay(archive, "ris", 3)


def test_how_far_it_is(archive: Archive, receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_REST", 600.0)
    assert standing(archive) == Standing("ris", None, 0)
    receiver.replies = [(500, {})]
    keep(archive, data.dataset(), data.dataset())
    deliver(archive, webhook)
    found = standing(archive)
    assert found.progress is not None
    assert (found.behind, found.progress.position, found.progress.error) == (2, 0, "it answered 500")
    assert found.progress.not_before > time.time()
    assert found.waiting_since is not None
    again(archive)
    deliver(archive, webhook)
    assert (standing(archive).behind, standing(archive).waiting_since) == (0, None)


@pytest.mark.parametrize("batch", [1, 2])
def test_it_can_be_tried(archive: Archive, receiver: Receiver, webhook: Webhook, batch: int) -> None:
    receiver.replies = [(200, {}), (401, {})]
    tried = replace(webhook, batch=batch)
    assert [attempt(tried, SOURCE).error for _ in range(2)] == [None, "it answered 401"]
    [event] = receiver.received[0].events
    assert event["type"] == "Filmroom.Webhook.Test"
    first, second = (one.headers["webhook-id"] for one in receiver.received)
    assert first != second

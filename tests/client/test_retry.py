"""Which requests are sent again, and when."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest

from filmroom import ClientError, ConnectionFailed, NotFound, Progress, Retry, Unavailable
from filmroom.client import _retry
from tests import data
from tests.client import recorder
from tests.client.recorder import Recorder, Reply

LOST = Reply(0)  # the connection is closed without an answer
DOWN, BUSY, LATE = Reply(503), Reply(429, {"Retry-After": "0"}), Reply(504)


@pytest.mark.parametrize("failures", [[DOWN], [BUSY, LATE], [LOST], [LOST, DOWN, Reply(502)]])
def test_a_get_is_sent_again_until_it_succeeds(client: Any, service: Recorder, failures: list[Reply]) -> None:
    service.replies = [*failures, recorder.json([])]
    assert len(client.search_for_studies()) == 0
    assert len(service.requests) == len(failures) + 1


def test_a_stream_that_has_not_begun_is_asked_for_again(client: Any, service: Recorder) -> None:
    service.replies = [DOWN, LOST, recorder.multipart([data.file()])]
    assert len(client.retrieve_study("1.2")) == 1


def test_an_answer_that_breaks_off_is_asked_for_again_when_nothing_was_handed_out(
    client: Any, service: Recorder
) -> None:
    service.replies = [Reply(200, {"Content-Type": recorder.JSON}, b"[", breaks=True), recorder.json([])]
    assert len(client.search_for_studies()) == 0


def test_a_stream_that_breaks_off_is_not_asked_for_again(client: Any, service: Recorder) -> None:
    whole = recorder.multipart([data.file()])
    service.replies = [Reply(200, whole.headers, whole.body, breaks=True)]
    with pytest.raises(ConnectionFailed):
        client.retrieve_study("1.2")
    assert len(service.requests) == 1


@pytest.mark.parametrize(("reply", "kind"), [(DOWN, Unavailable), (LOST, ConnectionFailed)])
def test_after_the_last_retry_the_failure_is_raised(
    client: Any, service: Recorder, reply: Reply, kind: type[ClientError]
) -> None:
    service.replies = [reply]
    with pytest.raises(kind):
        client.search_for_studies()
    assert len(service.requests) == 4


@pytest.mark.parametrize("reply", [Reply(500), Reply(404), Reply(400)])
def test_what_will_not_pass_is_not_sent_again(client: Any, service: Recorder, reply: Reply) -> None:
    service.replies = [reply]
    with pytest.raises(ClientError):
        client.delete_study("1.2")
    assert len(service.requests) == 1


def test_a_client_may_be_told_not_to_try_again(connect: Callable[..., Any], service: Recorder) -> None:
    service.replies = [DOWN]
    with pytest.raises(Unavailable):
        connect(service.url, retries=0).search_for_studies()
    assert len(service.requests) == 1


def test_a_delete_whose_answer_was_lost_may_find_nothing_left(client: Any, service: Recorder) -> None:
    service.replies = [LOST, Reply(404)]
    client.delete_study("1.2")
    assert [request.method for request in service.requests] == ["DELETE", "DELETE"]


def test_a_delete_that_was_refused_before_may_not(client: Any, service: Recorder) -> None:
    service.replies = [DOWN, Reply(404)]
    with pytest.raises(NotFound):
        client.delete_study("1.2")


STORED = recorder.json({"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2"]}}]}})


@pytest.mark.parametrize("failure", [DOWN, BUSY])
def test_a_store_that_was_not_begun_is_sent_again_whole(client: Any, service: Recorder, failure: Reply) -> None:
    service.replies = [failure, STORED]
    file, progress = data.file(), list[Progress]()
    client.store_instances(file, progress=progress.append)
    assert [recorder.parts_of(request) for request in service.requests] == [[file], [file]]
    assert [step.bytes for step in progress] == [len(file), 0, len(file), len(file)]


@pytest.mark.parametrize("failure", [LOST, LATE, Reply(502), Reply(408)])
def test_a_store_that_may_have_happened_is_not_sent_again(client: Any, service: Recorder, failure: Reply) -> None:
    service.replies = [failure, STORED]
    with pytest.raises(ClientError):
        client.store_instances(data.file())
    assert len(service.requests) == 1


def test_a_replace_may_happen_twice(client: Any, service: Recorder) -> None:
    service.replies = [LOST, LATE, STORED]
    client.store_instances(data.file(), replace=True)
    assert [request.method for request in service.requests] == ["PUT"] * 3


def test_a_service_that_is_not_there_is_tried_again_even_for_a_store(connect: Callable[..., Any]) -> None:
    with pytest.raises(ConnectionFailed, match="ConnectError"):
        connect("http://127.0.0.1:1").store_instances(data.file())


@pytest.mark.parametrize(
    ("method", "attempt", "failure", "waits"),
    [
        ("GET", 2, httpx2.ReadTimeout(""), True),
        ("GET", 3, httpx2.ReadTimeout(""), False),
        ("GET", 0, httpx2.LocalProtocolError(""), False),
        ("GET", 0, httpx2.UnsupportedProtocol(""), False),
        ("POST", 0, httpx2.ConnectTimeout(""), True),
        ("POST", 0, httpx2.PoolTimeout(""), True),
        ("POST", 0, httpx2.WriteError(""), False),
    ],
)
def test_which_failures_are_waited_for(method: str, attempt: int, failure: httpx2.TransportError, waits: bool) -> None:
    assert (Retry().wait_after_failure(method, attempt, failure) is not None) is waits


def test_waits_double_and_are_not_all_alike() -> None:
    retry = Retry(times=9, backoff=1.0, longest=10.0)
    waits = [retry.wait_after_status("GET", attempt, 503, httpx2.Headers()) or 0 for attempt in range(9)]
    assert [0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(waits[:3])] == [True] * 3
    assert all(5.0 <= wait <= 10.0 for wait in waits[4:])
    assert len(set(waits[4:])) > 1


@pytest.mark.parametrize(("asked", "least", "most"), [("7", 7.0, 7.5), ("0", 0.0, 0.5), ("soon", 0.25, 0.5)])
def test_retry_after_is_waited_for(asked: str, least: float, most: float) -> None:
    wait = Retry().wait_after_status("GET", 0, 503, httpx2.Headers({"Retry-After": asked}))
    assert wait is not None
    assert least <= wait <= most


def test_who_asks_for_too_long_a_wait_is_not_asked_again() -> None:
    assert Retry(longest=60).wait_after_status("GET", 0, 503, httpx2.Headers({"Retry-After": "61"})) is None


def test_retry_after_may_be_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=100)
    assert 98 < (_retry.seconds(format_datetime(later, usegmt=True)) or 0) <= 100
    assert _retry.seconds("Wed, 21 Oct 2015 07:28:00 -0000") == 0.0


def test_a_service_that_does_not_answer_times_out(connect: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = connect(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.05, retries=0)
        with pytest.raises(ConnectionFailed, match="timed out"):
            client.search_for_studies()


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 01 Jan 99999 00:00:00 GMT",
        "Mon, 01 Jan 9999999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2020 00:00:00 +99999999999",
        "Mon, 01 Jan 2020 00:00:00 -99999",
    ],
)
def test_a_date_that_is_none_asks_for_nothing(date: str) -> None:
    assert _retry.seconds(date) is None


def test_dates_at_the_ends_of_time_are_dates() -> None:
    assert _retry.seconds("1 Jan 0001 00:00:00 +2359") == 0.0
    assert _retry.seconds("9" * 400) == float("inf")


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("http://pacs.example", "Does it speak https?"),
        ("https://pacs.example", "Does it want a certificate of its clients?"),
    ],
)
def test_a_port_that_hangs_up_is_asked_what_it_wants(service: str, said: str) -> None:
    failure = httpx2.RemoteProtocolError("Server disconnected without sending a response.")
    assert str(_retry.connection_failed(failure, service)).endswith(said)

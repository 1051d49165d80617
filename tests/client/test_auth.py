"""Credentials: bearer tokens and whatever httpx2 knows."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from filmroom import AsyncClient, Client
from tests.client import recorder
from tests.client.recorder import Recorder, Reply


@pytest.fixture(autouse=True)
def _found(service: Recorder) -> None:
    service.replies = [recorder.json([])]


def test_a_token_is_sent_as_it_is(connect: Callable[..., Any], service: Recorder) -> None:
    connect(service.url, token="abc").search_for_studies()
    assert service.last.headers["authorization"] == "Bearer abc"


def test_white_space_around_a_token_is_not_sent(connect: Callable[..., Any], service: Recorder) -> None:
    for token in ("abc\n", lambda: " abc\n"):
        connect(service.url, token=token).search_for_studies()
        assert service.last.headers["authorization"] == "Bearer abc"


def test_what_can_be_no_token_is_refused_and_not_quoted(connect: Callable[..., Any], service: Recorder) -> None:
    with pytest.raises(ValueError, match="must be one word") as refused:
        connect(service.url, token="SECRET\nX-Other: y")
    assert "SECRET" not in str(refused.value)


def test_without_a_token_no_authorization_is_sent(client: Any, service: Recorder) -> None:
    client.search_for_studies()
    assert "authorization" not in service.last.headers


def test_a_token_function_is_asked_before_each_request(connect: Callable[..., Any], service: Recorder) -> None:
    tokens = iter(["one", "two"])
    client = connect(service.url, token=lambda: next(tokens))
    for _ in range(2):
        client.search_for_studies()
    assert [request.headers["authorization"] for request in service.requests] == ["Bearer one", "Bearer two"]


async def _token() -> str:
    return "later"


def test_an_asynchronous_client_awaits_its_token(service: Recorder) -> None:
    async def run() -> None:
        async with AsyncClient(service.url, token=_token) as client:
            await client.search_for_studies()

    asyncio.run(run())
    assert service.last.headers["authorization"] == "Bearer later"


def test_a_synchronous_client_can_not_await_its_token(service: Recorder) -> None:
    token = _token()
    with Client(service.url, token=lambda: token) as client, pytest.raises(TypeError, match="AsyncClient"):
        client.search_for_studies()
    token.close()


def test_any_auth_of_httpx2_will_do(connect: Callable[..., Any], service: Recorder) -> None:
    connect(service.url, auth=("user", "pass")).search_for_studies()
    assert service.last.headers["authorization"] == "Basic dXNlcjpwYXNz"


def test_auth_and_token_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="not both"):
        Client("http://host", auth=("a", "b"), token="c")


def test_credentials_do_not_go_to_another_host(connect: Callable[..., Any], service: Recorder) -> None:
    """A BulkDataURI may lead anywhere. 127.0.0.1 and localhost are two hosts."""
    service.replies = [Reply(200, {"Content-Type": "application/octet-stream"}, b"x")]
    client = connect(service.url, token="secret", headers={"X-Key": "secret"})
    client.retrieve_bulkdata(service.url.replace("127.0.0.1", "localhost") + "/bulkdata/1")
    assert "secret" not in str(service.last.headers)
    client.retrieve_bulkdata("bulkdata/1")
    assert (service.last.headers["authorization"], service.last.headers["x-key"]) == ("Bearer secret", "secret")

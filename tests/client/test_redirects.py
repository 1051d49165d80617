"""Redirects: what is followed, what goes along, and what is an error that says where it led."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from filmroom import BadRequest, BadResponse, Client
from filmroom.client._link import Link
from filmroom.client._messages import Request
from tests import data
from tests.client import recorder
from tests.client.recorder import Recorder, Reply

SIGN_IN = Reply(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>")
SECRET = {"x-api-key": "KEY", "cookie": "session=1"}


@pytest.fixture
def other() -> Iterator[Recorder]:
    with Recorder() as other:
        yield other


def stored(client: Any, **options: Any) -> None:
    client.store_instances(data.file(), **options)


WRITES: dict[str, Callable[[Any], object]] = {
    "POST": stored,
    "PUT": lambda client: stored(client, replace=True),
    "DELETE": lambda client: client.delete_study("1.2"),
}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_read_is_followed_with_all_that_it_asked_for(client: Any, service: Recorder, status: int) -> None:
    service.replies = [Reply(status, {"Location": "/pacs/v2/there?limit=1"}), recorder.json([{}])]
    assert len(client.search_for_studies()) == 1
    first, second = service.requests
    assert (second.method, second.target) == ("GET", "/pacs/v2/there?limit=1")
    assert second.headers["accept"] == first.headers["accept"]


def test_another_server_sees_nothing_of_what_is_for_this_one(
    connect: Callable[..., Any], service: Recorder, other: Recorder
) -> None:
    service.replies, other.replies = [Reply(302, {"Location": f"{other.url}/studies"})], [recorder.json([])]
    client = connect(service.url, token="TOKEN", headers=SECRET)
    client.search_for_studies()
    other.replies = [recorder.multipart([])]
    assert client.retrieve_study("1.2") == []
    assert [request.headers["x-api-key"] for request in service.requests] == ["KEY", "KEY"]
    for request in other.requests:
        assert not {"authorization", *SECRET} & {name.lower() for name in request.headers}


def test_the_same_server_is_asked_with_everything(connect: Callable[..., Any], service: Recorder) -> None:
    service.replies = [Reply(302, {"Location": "/there"}), recorder.json([])]
    connect(service.url, token="TOKEN", headers=SECRET).search_for_studies()
    assert [request.headers["authorization"] for request in service.requests] == ["Bearer TOKEN"] * 2


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://pacs.example/there", True),
        ("https://PACS.example:443/there", True),
        ("https://pacs.example:8443/there", False),
        ("https://other.example/there", False),
    ],
)
def test_https_in_place_of_http_is_the_same_server_to_a_read(url: str, own: bool) -> None:
    link = Link.make("http://pacs.example/v2", None, SECRET, None, "TOKEN", None, 0)
    assert (link.credentials(Request("GET", url, {})) is not None) is own
    assert not link.service.is_same_server(url)


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_write_never_becomes_a_read(client: Any, service: Recorder, method: str, status: int) -> None:
    service.replies = [Reply(status, {"Location": "/login?back=1.2"}), SIGN_IN]
    with pytest.raises(BadResponse, match=rf"redirects the {method} .* to http://127.0.0.1:\d+/login\. "):
        WRITES[method](client)
    assert len(service.requests) == 1


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("status", [307, 308])
def test_a_write_is_followed_to_the_same_server_only(
    client: Any, service: Recorder, other: Recorder, method: str, status: int
) -> None:
    done = Reply(204) if method == "DELETE" else Reply(200)
    service.replies = [Reply(status, {"Location": "/there"}), done]
    WRITES[method](client)
    first, second = service.requests
    assert (second.method, second.target) == (method, "/there")
    assert method == "DELETE" or recorder.parts_of(first) == recorder.parts_of(second)
    service.replies = [Reply(status, {"Location": f"{other.url}/studies"})]
    with pytest.raises(BadResponse, match=f"to {other.url}/studies"):
        WRITES[method](client)
    assert other.requests == []


def test_a_source_that_can_be_read_only_once_is_not_sent_elsewhere(client: Any, service: Recorder) -> None:
    class Pipe:
        def __init__(self) -> None:
            self.left = [data.file(), b""]

        def read(self, _: int) -> bytes:
            return self.left.pop(0)

        def seekable(self) -> bool:
            return False

    service.replies = [Reply(307, {"Location": "/there"})]
    with pytest.raises(BadResponse, match="redirects the POST"):
        client.store_instances(Pipe())


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://pacs.example/", "http://pacs.example:port/"])
def test_where_no_service_can_be_is_a_bad_response(client: Any, service: Recorder, location: str) -> None:
    service.replies = [Reply(302, {"Location": location})]
    with pytest.raises(BadResponse, match="what is not the URL of a service"):
        client.search_for_studies()


def test_a_redirect_loop_is_a_bad_response(client: Any, service: Recorder) -> None:
    service.replies = [Reply(302, {"Location": "/pacs/v2/studies"})]
    with pytest.raises(BadResponse, match="more than 20 times"):
        client.search_for_studies()
    assert len(service.requests) == 21


def test_who_brings_an_http_that_follows_nothing_follows_nothing(service: Recorder) -> None:
    service.replies = [Reply(302, {"Location": "/there"})]
    with httpx2.Client(follow_redirects=False) as http, pytest.raises(BadRequest, match="302"):
        Client(service.url, http=http).search_for_studies()

"""Every error has a status, and none says more than it should."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from starlette.requests import ClientDisconnect, Request

from filmroom import errors
from filmroom.protocol.dialects import ALL
from filmroom.server.errors import HANDLERS, INTERNAL, RETRY_AFTER, STATUSES, known, status_of


def tree(root: type[errors.Error]) -> Iterator[type[errors.Error]]:
    """The errors below; those of the client, which other tests load, never reach the server."""
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from tree(child)


@pytest.mark.parametrize("kind", list(tree(errors.Error)), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status(kind: type[errors.Error]) -> None:
    assert status_of(kind("x")) in range(400, 600)


def test_every_status_is_of_an_error_of_the_tree() -> None:
    assert set(STATUSES) <= set(tree(errors.Error))


def test_a_class_without_a_status_has_that_of_its_ancestor() -> None:
    assert status_of(errors.BadFile("x")) == STATUSES[errors.BadRequest]


def request() -> Request:
    return Request({"type": "http", "method": "GET", "headers": []})


def test_the_message_is_the_body() -> None:
    answer = asyncio.run(known(request(), errors.NotFound("The specified study cannot be found.")))
    assert (answer.status_code, answer.body) == (404, b"The specified study cannot be found.")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Retry-After" not in answer.headers


def test_what_may_heal_says_when_to_try_again() -> None:
    answer = asyncio.run(known(request(), errors.Unavailable("The disk is full.")))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, RETRY_AFTER)


@pytest.mark.parametrize(
    ("dialect", "link", "told"), [("/dicomweb", False, True), ("/dicomweb", True, False), ("/v2", False, False)]
)
def test_a_token_without_the_role_is_told_so_at_the_root_of_the_standard(dialect: str, link: bool, told: bool) -> None:
    """RFC 6750 §3. The Azure service says nothing of it, and with a share link there is no token."""
    scope = dict(request().scope) | ({"prefix": "/shared/x"} if link else {})
    scope["state"] = {"authority": SimpleNamespace(challenge='Bearer realm="x"')}
    scope["dialect"] = next(one for one in ALL if one.root == dialect)
    answer = asyncio.run(known(Request(scope), errors.NoRole("No role.")))
    challenge = 'Bearer realm="x", error="insufficient_scope", error_description="No role."'
    assert (answer.status_code, answer.headers.get("WWW-Authenticate")) == (403, challenge if told else None)


def test_the_unforeseen_is_told_in_a_fixed_sentence() -> None:
    answer = asyncio.run(HANDLERS[Exception](request(), ValueError("Doe^John")))
    assert (answer.status_code, answer.body) == (500, INTERNAL.encode())


def test_a_client_that_went_away_gets_an_empty_answer() -> None:
    answer = asyncio.run(HANDLERS[ClientDisconnect](request(), ClientDisconnect()))
    assert (answer.status_code, answer.body) == (400, b"")

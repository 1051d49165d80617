"""`filmroom webhooks`: what the settings name, how far it is, and what a person can do about it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from filmroom.archive import Archive
from filmroom.cli import deliveries
from filmroom.index import webhooks
from filmroom.settings import Settings
from tests.audit import given
from tests.cli.program import Program, Ran
from tests.receiver import SECRET, Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def filmroom(run: Program, receiver: Receiver, settings: Settings, archive: Archive) -> Program:
    """The program, with a webhook in its settings and data."""
    Path("filmroom.toml").write_text(
        f'data = "{settings.data}"\n[webhooks.ris]\nurl = "{receiver.url}"\nsecret = "{SECRET}"\n'
    )
    return run


def begin(archive: Archive, error: str | None = None, *, disabled: bool = False) -> None:
    with archive.index.begin() as tx:
        webhooks.add(tx, "ris", 0)
        if error:
            webhooks.claim(tx, "ris", "worker", 1.0)
            webhooks.fail(tx, "ris", "worker", 0, error, 60.0, disabled=disabled)


def hides(ran: Ran) -> bool:
    return "hush" not in ran.out + ran.err and SECRET not in ran.out + ran.err


def test_one_that_has_not_begun(filmroom: Program) -> None:
    ran = filmroom("webhooks")
    assert (ran.code, ran.out) == (0, "ris: has not begun; no worker has seen it in the settings\n")


def test_one_that_is_well(filmroom: Program, archive: Archive) -> None:
    begin(archive)
    ran = filmroom("webhooks")
    assert (ran.code, ran.out) == (0, "ris: at 0, has been told everything\n")


@pytest.mark.parametrize(("disabled", "again"), [(True, "disabled"), (False, "next try 20")])
def test_one_that_fails(filmroom: Program, archive: Archive, disabled: bool, again: str) -> None:
    begin(archive, "it answered 500", disabled=disabled)
    ran = filmroom("webhooks")
    assert ran.code == 1
    assert f"failed 1 times, it answered 500; {again}" in ran.out
    [told] = json.loads(filmroom("webhooks", "--json").out)
    assert (told["name"], told["behind"], told["failures"], told["disabled"]) == ("ris", 0, 1, disabled)


def test_one_is_tried(filmroom: Program, receiver: Receiver) -> None:
    receiver.replies = [(200, {}), (401, {})]
    took, refused = filmroom("webhooks", "test", "ris"), filmroom("webhooks", "test", "ris")
    assert (took.code, took.out) == (0, "ris: it took the event\n")
    assert (refused.code, refused.err) == (1, "filmroom: ris: it answered 401\n")
    assert hides(took)
    assert hides(refused)


def test_one_is_told_again_and_that_is_written_down(filmroom: Program, archive: Archive, settings: Settings) -> None:
    assert filmroom("webhooks", "replay", "ris").code == 3  # it never began
    begin(archive, "it answered 410", disabled=True)
    assert filmroom("webhooks", "replay", "ris", "--since", "0").code == 0
    assert filmroom("webhooks").out == "ris: at 0, has been told everything\n"
    ran = filmroom("webhooks", "replay", "ris", "--since", "9")
    assert (ran.code, ran.err) == (3, "filmroom: There is no sequence 9 yet; the newest is 0.\n")
    [line] = given.lines(settings.data)
    assert (line["action"], line["webhook"], line["since"]) == ("replay-webhook", "ris", 0)


def test_a_secret_is_one_that_the_settings_take(filmroom: Program, receiver: Receiver) -> None:
    secret = filmroom("webhooks", "secret").out.strip()
    Settings(webhooks={"ris": {"url": receiver.url, "secret": secret}})


@pytest.mark.parametrize("arguments", [("test",), ("list", "ris"), ("test", "ris", "--since", "1")])
def test_what_is_not_understood(filmroom: Program, arguments: tuple[str, ...]) -> None:
    assert filmroom("webhooks", *arguments).code == 2


def test_one_that_is_not_in_the_settings(filmroom: Program) -> None:
    ran = filmroom("webhooks", "test", "other")
    assert (ran.code, "there is ris" in ran.err) == (3, True)


def test_without_any(run: Program, settings: Settings, archive: Archive) -> None:
    ran = run("webhooks", "--data", settings.data)
    assert (ran.code, ran.out, ran.err) == (0, "", "filmroom: no webhooks\n")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"public_url": "https://pacs.example/archive/"}, "https://pacs.example/archive"),
        ({"host": "::1", "port": 8081}, "http://[::1]:8081"),
    ],
)
def test_events_come_from_where_clients_find_the_service(
    settings: Settings, archive: Archive, given: dict[str, object], url: str
) -> None:
    found = deliveries.source(settings.model_copy(update=given), archive)
    assert (found.url, found.identity) == (url, archive.index.pair()[0])

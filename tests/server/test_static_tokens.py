"""Tokens of the file, found by whom they are shown: what changes there is known, and no request waits for the disk."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from filmroom import tokens
from filmroom.access import BUILT_IN, Access, Roles
from filmroom.errors import Unauthenticated, Unavailable
from filmroom.server import static_tokens
from filmroom.server.static_tokens import StaticTokens

ROLES = Roles(BUILT_IN)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


@pytest.fixture
def known(path: Path) -> Iterator[StaticTokens]:
    made = StaticTokens(path, lambda token: ROLES.access(token.name, token.roles))
    yield made
    made.close()


def make(path: Path) -> tuple[str, str]:
    made, text = tokens.create(path, "me", ["reader"], [], None)
    return made.id, text


async def find(known: StaticTokens, text: str) -> Access:
    shown = tokens.shown(text)
    assert shown is not None
    return await known.find(*shown)


def test_a_token_lets_do_what_its_roles_allow(path: Path, known: StaticTokens) -> None:
    _, text = make(path)
    assert asyncio.run(find(known, text)) == ROLES.access("me", ["reader"])


@pytest.mark.parametrize("given", ["filmroom", "filmroom_", "filmroom__", "filmroom_00000000_x"])
def test_what_is_none_is_not(path: Path, known: StaticTokens, given: str) -> None:
    make(path)
    with pytest.raises(Unauthenticated, match="not known"):
        asyncio.run(find(known, given))


def test_no_part_of_a_token_will_do_for_the_whole(path: Path, known: StaticTokens) -> None:
    id_, text = make(path)
    another, _ = make(path)
    for wrong in (text[:-1], text + "x", text.replace(id_, another)):
        with pytest.raises(Unauthenticated, match="not known"):
            asyncio.run(find(known, wrong))


def test_a_new_token_is_good_at_once_and_a_revoked_one_after_the_next_look_no_more(
    path: Path, known: StaticTokens
) -> None:
    async def ask() -> None:
        with pytest.raises(Unauthenticated):
            await find(known, "filmroom_00000000_x")  # there is no file yet
        id_, text = make(path)
        await find(known, text)
        tokens.revoke(path, id_)
        await known.look()
        with pytest.raises(Unauthenticated, match="was revoked"):
            await find(known, text)

    asyncio.run(ask())


def test_a_file_that_is_gone_has_no_tokens(path: Path, known: StaticTokens) -> None:
    async def ask() -> None:
        _, text = make(path)
        await find(known, text)
        path.unlink()
        await known.look()
        with pytest.raises(Unauthenticated, match="not known"):
            await find(known, text)

    asyncio.run(ask())


def test_a_damaged_file_is_told_until_it_is_right_again(path: Path, known: StaticTokens) -> None:
    async def ask() -> None:
        _, text = make(path)
        await find(known, text)
        good = path.read_text()
        path.write_text("{")
        await known.look()
        with pytest.raises(Unavailable, match="is damaged"):
            await find(known, text)
        path.write_text(good)
        await known.look()
        await find(known, text)

    asyncio.run(ask())


def test_a_mistake_of_ours_lets_nobody_in_and_ends_no_look(
    path: Path, known: StaticTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was revoked meanwhile would stay."""

    def fail(_: Path) -> None:
        raise RuntimeError

    async def ask() -> None:
        _, text = make(path)
        await find(known, text)
        make(path)
        with monkeypatch.context() as patched:
            patched.setattr(tokens, "read", fail)
            await known.look()
            with pytest.raises(Unavailable, match="an internal error"):
                await find(known, text)
        await known.look()
        await find(known, text)

    asyncio.run(ask())


def test_who_is_known_does_not_wait_for_a_file_that_stands_still(
    path: Path, known: StaticTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> None:
        _, text = make(path)
        await find(known, text)
        path.unlink()
        os.mkfifo(path)  # who opens it to read waits until somebody writes
        looking = asyncio.create_task(known.look())
        await asyncio.sleep(0)  # it begins
        await find(known, text)
        assert not looking.done()
        monkeypatch.setattr(static_tokens, "PATIENCE", 0.01)
        with pytest.raises(Unavailable, match="can't be told"):
            await find(known, "filmroom_00000000_x")
        path.write_text('{"tokens": []}')  # returns when it is read
        await looking

    asyncio.run(ask())

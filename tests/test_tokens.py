"""Static tokens: kept as digests, found, revoked, by several at once."""

import json
import threading
from pathlib import Path

import pytest

from filmroom import tokens
from filmroom.errors import Unavailable
from filmroom.tokens import Tokens


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def make(path: Path, name: str = "me") -> tuple[str, str]:
    made, text = tokens.create(path, name, ["reader"], ["north"], None)
    return made.id, text


def test_a_token_is_found(path: Path) -> None:
    id_, text = make(path)
    found = Tokens(path).find(text)
    assert found is not None
    assert (found.id, found.name, found.roles, found.partitions) == (id_, "me", ("reader",), ("north",))


@pytest.mark.parametrize("given", ["", "filmroom", "filmroom_", "filmroom__", "filmroom_00000000_x", "other", "é_é_é"])
def test_what_is_none_is_not(path: Path, given: str) -> None:
    make(path)
    assert Tokens(path).find(given) is None


def test_no_part_of_a_token_will_do_for_the_whole(path: Path) -> None:
    id_, text = make(path)
    another, _ = make(path)
    kept = Tokens(path)
    for wrong in (text[:-1], text + "x", text.replace(id_, another), text.replace("filmroom", "other")):
        assert kept.find(wrong) is None


def test_the_file_tells_nobody_a_token(path: Path) -> None:
    _, text = make(path)
    assert text.rpartition("_")[2] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_changes_are_seen_at_once(path: Path) -> None:
    kept = Tokens(path)
    assert kept.find("filmroom_00000000_x") is None  # there is no file yet
    id_, text = make(path)
    assert kept.find(text)
    assert tokens.revoke(path, id_)
    assert not tokens.revoke(path, id_)
    assert kept.find(text) is None


def test_several_can_make_tokens_at_once(path: Path) -> None:
    threads = [threading.Thread(target=make, args=(path, f"{number}")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.name for one in tokens.read(path)) == [f"{number}" for number in range(8)]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"tokens": [{}]}', '{"tokens": [{"id": 1}]}', '{"tokens": {"a": 1}}']
)
def test_a_damaged_file_is_told(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(Unavailable, match="is damaged"):
        Tokens(path).find("filmroom_x_y")


def test_a_file_that_is_not_there_can_not_be_read(path: Path) -> None:
    with pytest.raises(Unavailable, match="can't be read"):
        tokens.read(path)


def test_where_nothing_can_be_written_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="can't be written"):
        make(tmp_path / "nowhere" / "tokens.json")


def test_the_file_is_json_for_people(path: Path) -> None:
    make(path)
    [one] = json.loads(path.read_text())["tokens"]
    assert set(one) == {"id", "name", "roles", "digest", "created", "expires", "partitions"}

"""Static tokens: kept as digests, found, revoked, by several at once."""

import json
import threading
from pathlib import Path

import pytest

from filmroom import tokens
from filmroom.errors import Unavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def make(path: Path, name: str = "me") -> tuple[str, str]:
    made, text = tokens.create(path, name, ["reader"], ["north"], None)
    return made.id, text


def test_a_token_that_is_shown_has_the_id_and_the_digest_of_the_file(path: Path) -> None:
    id_, text = make(path)
    [kept] = tokens.read(path)
    assert tokens.shown(text) == (kept.id, kept.digest)
    assert (kept.id, kept.name, kept.roles, kept.partitions) == (id_, "me", ("reader",), ("north",))


@pytest.mark.parametrize("given", ["", "other", "é_é_é", "Filmroom_1_2", "eyJhbGciOiJSUzI1NiJ9.e30.x_y"])
def test_what_does_not_look_like_a_token_is_none(given: str) -> None:
    assert tokens.shown(given) is None


def test_the_file_tells_nobody_a_token(path: Path) -> None:
    _, text = make(path)
    assert text.rpartition("_")[2] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_revoked_is_not_in_the_file_any_more(path: Path) -> None:
    id_, _ = make(path)
    assert tokens.revoke(path, id_)
    assert not tokens.revoke(path, id_)
    assert tokens.read(path) == []


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
        tokens.read(path)


@pytest.mark.parametrize("wrong", [{"id": ["x"]}, {"roles": [["x"]]}, {"name": None}, {"expires": "soon"}])
def test_a_file_in_which_something_is_of_the_wrong_type_is_damaged(path: Path, wrong: dict[str, object]) -> None:
    make(path)
    document = json.loads(path.read_text())
    document["tokens"][0] |= wrong
    path.write_text(json.dumps(document))
    with pytest.raises(Unavailable, match="is damaged"):
        tokens.read(path)


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

"""`filmroom token`."""

import json
from pathlib import Path

import pytest

from filmroom import tokens
from filmroom.archive import Archive
from filmroom.settings import Settings
from tests.cli.program import Program


def test_a_token_is_made_listed_and_revoked(run: Program, tmp_path: Path) -> None:
    here = ("--data", tmp_path / "data")
    made = run("token", "create", "--name", "CT 2", "--role", "writer", "--partition", "a", "--expires", "365d", *here)
    assert made.code == 0
    [found] = tokens.read(tmp_path / "data" / "tokens.json")
    assert tokens.shown(made.out.strip()) == (found.id, found.digest)
    assert made.err.startswith(f"Token {found.id} of CT 2, shown this once.")
    [line] = run("token", *here).out.splitlines()
    assert line.startswith(f"{found.id}  CT 2  writer in a  until 20")
    assert run("token", "revoke", found.id, *here).code == 0
    ran = run("token", *here)
    assert (ran.out, ran.err) == ("", "filmroom: no tokens\n")


def test_programs_get_json(run: Program, tmp_path: Path) -> None:
    here = ("--tokens", tmp_path / "mine.json", "--json")
    [made] = json.loads(run("token", "create", "--name", "me", "--role", "admin", *here).out)
    assert made.pop("token").startswith(f"filmroom_{made['id']}_")
    assert json.loads(run("token", *here).out) == [made]
    assert made["expires"] is None


def test_there_need_be_no_data_yet(run: Program, tmp_path: Path) -> None:
    run("token", "create", "--name", "me", "--role", "admin", "--data", tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_the_first_token_says_from_when_on_the_service_asks(run: Program, archive: Archive, settings: Settings) -> None:
    create = ("token", "create", "--name", "me", "--role", "admin", "--data", settings.data)
    assert "asks for tokens from its next start on" in run(*create).err
    assert len(run(*create).err.splitlines()) == 1


def test_a_folder_without_data_is_told(run: Program, tmp_path: Path) -> None:
    here = ("--data", tmp_path / "typo")
    assert f"there is no file of tokens at {tmp_path / 'typo' / 'tokens.json'}" in run("token", *here).err
    assert not (tmp_path / "typo").exists()
    made = run("token", "create", "--name", "me", "--role", "admin", *here)
    assert (made.code, f"There is no data in {tmp_path / 'typo'} yet" in made.err) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "--role", "reader"), "say whose it is"),
        (("create", "--name", "me"), "say what it is for"),
        (("create", "--name", "me", "--role", "nurse"), "there is no role 'nurse'; there are: DICOM Data Owner"),
        (("create", "--name", "me", "--role", "reader", "--partition", "a b"), "digits, hyphens, dots and underscores"),
        (("create", "--name", "me", "--role", "reader", "--expires", "soon"), "is not a length of time"),
        (("revoke",), "name the token to revoke"),
        (("list", "1234"), "only `revoke` takes it"),
        (("list", "--name", "me"), "only `create` takes it"),
    ],
)
def test_what_is_wrong_is_told(run: Program, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ran = run("token", *arguments, "--data", tmp_path)
    assert ran.code == 2
    assert said in " ".join(ran.err.replace("│", " ").split())
    assert not (tmp_path / "tokens.json").exists()


def test_a_token_that_is_not_there_can_not_be_revoked(run: Program, tmp_path: Path) -> None:
    ran = run("token", "revoke", "1234", "--data", tmp_path)
    assert (ran.code, ran.err) == (1, "filmroom: there is no token 1234: `filmroom token` lists them\n")

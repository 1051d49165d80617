"""`filmroom doctor`: a line for each thing, an exit code for scripts, and never a secret."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from filmroom import tokens
from filmroom.archive import Archive
from filmroom.index import webhooks
from filmroom.settings import Settings
from tests.audit import given
from tests.certificates import Authority
from tests.cli.program import Program, Ran
from tests.receiver import SECRET, nobody


def findings(ran: Ran, check: str) -> list[dict[str, Any]]:
    return [one for one in json.loads(ran.out) if one["check"] == check]


def levels(ran: Ran, check: str) -> list[str]:
    return [one["level"] for one in findings(ran, check)]


def test_before_there_is_anything_it_makes_nothing(run: Program, tmp_path: Path) -> None:
    ran = run("doctor")
    assert ran.code == 0
    assert "warning  folder      there is no data folder" in ran.out
    assert ".: " not in ran.out
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_is_well(run: Program, archive: Archive, settings: Settings) -> None:
    ran = run("doctor", "--data", settings.data, "--json")
    assert ran.code == 0
    for check in ("settings", "access", "folder", "index", "files"):
        assert levels(ran, check) == ["ok"], check
    assert list(archive.blobs.list()) == []


def test_a_bad_setting_is_a_problem(run: Program) -> None:
    Path("filmroom.toml").write_text('prot = 8080\nindex = "mysql://hush"\n')
    ran = run("doctor")
    assert ran.code == 1
    assert "problem  settings    There is no setting 'prot'; do you mean 'port'?" in ran.out
    assert "hush" not in ran.out


def test_what_is_set_up_badly(run: Program, archive: Archive, settings: Settings) -> None:
    settings.data.chmod(0o755)
    webhook = f'[webhooks.ris]\nurl = "https://ris.example/?key=hush"\nsecret = "{SECRET}"\n'
    Path("filmroom.toml").write_text(
        f'data = "{settings.data}"\npublic_url = "{nobody()}"\nissuer = "{nobody()}"\naudience = "a"\n{webhook}'
    )
    Path("filmroom.toml").chmod(0o644)
    os.environ["FILMROOM_PROT"] = "1"
    with archive.index.begin() as tx:
        webhooks.add(tx, "ris", 0)
        webhooks.claim(tx, "ris", "worker", 1.0)
        webhooks.fail(tx, "ris", "worker", 0, "it answered 500", 1.0, disabled=False)
    try:
        ran = run("doctor", "--json")
    finally:
        del os.environ["FILMROOM_PROT"]
    assert ran.code == 1
    assert {check: levels(ran, check) for check in ("settings", "issuer", "folder", "webhooks", "public_url")} == {
        "settings": ["warning", "warning"],
        "issuer": ["problem"],
        "folder": ["problem"],
        "webhooks": ["warning"],
        "public_url": ["problem"],
    }
    assert "hush" not in ran.out
    assert SECRET not in ran.out


def test_static_tokens(run: Program, archive: Archive, settings: Settings) -> None:
    path = settings.tokens_file
    _, secret = tokens.create(path, "somebody", ["reader"], [], 0.0)
    ran = run("doctor", "--data", settings.data, "--json")
    assert (levels(ran, "tokens"), levels(ran, "access")) == (["warning"], ["ok"])
    assert secret not in ran.out
    path.write_text("{")
    path.chmod(0o644)
    assert levels(run("doctor", "--data", settings.data, "--json"), "tokens") == ["problem"]


def test_a_public_url_without_tls_is_warned_of(run: Program) -> None:
    Path("filmroom.toml").write_text('public_url = "http://pacs.invalid/"')
    assert levels(run("doctor", "--json"), "public_url") == ["warning", "problem"]


def test_a_certificate_with_which_the_service_does_not_start_is_a_problem(run: Program, tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue("localhost")
    Path("filmroom.toml").write_text(f'tls_certificate = "{issued.certificate}"\ntls_key = "{issued.key}"')
    assert levels(run("doctor", "--json"), "tls") == ["ok"]
    issued.key.write_text("no key")
    assert levels(run("doctor", "--json"), "tls") == ["problem"]


@pytest.mark.parametrize(("days", "level", "words"), [(3, "warning", "renew it"), (-1, "problem", "has expired")])
def test_a_certificate_that_ends_is_told(run: Program, tmp_path: Path, days: int, level: str, words: str) -> None:
    issued = Authority(tmp_path).issue("localhost", days=days)
    Path("filmroom.toml").write_text(f'tls_certificate = "{issued.certificate}"\ntls_key = "{issued.key}"')
    [found] = findings(run("doctor", "--json"), "tls")
    assert found["level"] == level
    assert words in found["text"] + found["advice"]


def test_a_search_of_a_role_that_can_t_be_heeded_is_a_problem(
    run: Program, archive: Archive, settings: Settings
) -> None:
    role = '[roles.{}]\nactions = "read"\nstudies = "{}"\n'.format
    good = f'data = "{settings.data}"\n' + role("north", "InstitutionName=North")
    Path("filmroom.toml").write_text(good)
    assert levels(run("doctor", "--json"), "roles") == ["ok"]
    Path("filmroom.toml").write_text(good + role("tagged", "ProtocolName=x"))
    [found] = findings(run("doctor", "--json"), "roles")
    assert found["level"] == "problem"
    assert "the role tagged" in found["text"]


def test_a_role_with_a_profile_that_is_not_there_is_a_problem(run: Program) -> None:
    Path("filmroom.toml").write_text('[roles.x]\nactions = "read"\ndeidentified = "bsic"\n')
    [found] = findings(run("doctor", "--json"), "roles")
    assert (found["level"], "the profile 'bsic'" in found["text"]) == ("problem", True)


def test_the_audit_trail_is_looked_at(run: Program, archive: Archive, settings: Settings) -> None:
    assert levels(run("doctor", "--data", settings.data, "--json"), "audit") == ["warning"]
    given.written(settings.data)
    assert levels(run("doctor", "--data", settings.data, "--json"), "audit") == ["ok"]
    [path] = given.files(settings.data)
    path.write_bytes(path.read_bytes().replace(b"someone", b"nobody!", 1))
    [found] = findings(run("doctor", "--data", settings.data, "--json"), "audit")
    assert (found["level"], "line 1" in found["text"]) == ("problem", True)


def test_a_syslog_receiver_that_is_not_there_is_a_problem(run: Program, archive: Archive, settings: Settings) -> None:
    given.written(settings.data)
    Path("filmroom.toml").write_text(f'data = "{settings.data}"\naudit_syslog = "tcp://127.0.0.1:1"')
    assert levels(run("doctor", "--json"), "audit") == ["ok", "problem"]
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        port = receiver.getsockname()[1]
        Path("filmroom.toml").write_text(f'data = "{settings.data}"\naudit_syslog = "tcp://127.0.0.1:{port}"')
        assert levels(run("doctor", "--json"), "audit") == ["ok", "ok"]


def test_a_key_without_a_certificate_is_a_problem(run: Program) -> None:
    Path("filmroom.toml").write_text('tls_key = "key.pem"')
    assert "tls_key and tls_client_ca need a tls_certificate" in run("doctor").out


@pytest.mark.parametrize(
    ("settings_file", "check", "level"),
    [
        ('host = "0.0.0.0"\ninsecure = true', "access", "problem"),
        ('public_url = "http://127.0.0.1:1/"', "access", "warning"),
        ('host = "0.0.0.0"\ntokens = "t.json"', "access", "warning"),
        ('host = "0.0.0.0"\ntokens = "t.json"\ntls_certificate = "c.pem"', "access", "ok"),
        ('host = "0.0.0.0"\ntokens = "t.json"\nproxies = ["192.0.2.1"]', "access", "ok"),
        ('host = "0.0.0.0"\ntokens = "t.json"\npublic_url = "https://pacs.invalid"', "access", "ok"),
        ('tokens = "t.json"', "access", "ok"),
        ('public_url = "https://pacs.invalid"', "proxy", "warning"),
        ('public_url = "https://pacs.invalid"\nproxies = ["192.0.2.1"]', "proxy", "ok"),
        ('tokens = "nowhere.json"', "tokens", "warning"),
        ('index = "postgresql://filmroom:hush@127.0.0.1:1/images"', "index", "problem"),
    ],
)
def test_other_settings(run: Program, settings_file: str, check: str, level: str) -> None:
    Path("filmroom.toml").write_text(settings_file)
    Path("filmroom.toml").chmod(0o600)
    ran = run("doctor", "--json")
    assert levels(ran, check) == [level]
    assert "hush" not in ran.out

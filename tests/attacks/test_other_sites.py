"""A page of another site gets a browser neither to read, by a name that it points here, nor to change anything.

In a real browser: test_browser.py.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from filmroom import tokens
from filmroom.server.app import create
from filmroom.settings import Settings

VIEWER = "https://viewer.example.org"
STRANGE = {"Host": "evil.example:8080"}
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-site"},
    {"Origin": "null"},
    {"Origin": f"{VIEWER}.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
]
OWN: list[dict[str, str]] = [
    {},
    {"Origin": "http://127.0.0.1:8080"},
    {"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},  # of a form on a page with Referrer-Policy: no-referrer
    {"Sec-Fetch-Site": "none"},
]


def service(folder: Path, **given: Any) -> TestClient:
    made = Settings(data=folder / "data", codec_processes=1, **given)
    return TestClient(create(made), base_url="http://127.0.0.1:8080")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One on loopback, with no settings."""
    with service(tmp_path_factory.mktemp("plain")) as http:
        yield http


@pytest.mark.parametrize("path", ["/dicomweb/studies", "/v2/studies", "/", "/openapi.json", "/metrics"])
def test_a_name_that_others_point_here_is_not_answered_to(plain: TestClient, path: str) -> None:
    answer = plain.get(path, headers=STRANGE)
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/plain; charset=utf-8")
    assert "setting hosts" in answer.text


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8080", "localhost.", "a.localhost", "127.0.0.1:8080", "10.1.2.3", "[::1]:80", "[fe80::1]"],
)
def test_names_of_this_machine_and_addresses_are_answered_to(plain: TestClient, host: str) -> None:
    assert plain.get("/dicomweb/studies", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "x", "a@localhost", "::1", "localhost:x"],
)
def test_what_only_looks_like_one_is_not(plain: TestClient, host: str) -> None:
    assert plain.get("/dicomweb/studies", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ({"public_url": "https://PACS.example.org/x"}, "pacs.example.org"),
        ({"host": "pacs.example.org"}, "pacs.example.org:8080"),
        ({"hosts": "pacs.lan images.example.org"}, "IMAGES.example.org"),
        ({"hosts": "*"}, "evil.example"),
        ({"host": "0.0.0.0"}, "pacs"),  # no site of the internet has a name without a dot
    ],
)
def test_names_that_settings_give_are_answered_to(tmp_path: Path, given: dict[str, str], host: str) -> None:
    with service(tmp_path, **given) as http:
        assert http.get("/dicomweb/studies", headers={"Host": host}).status_code == 200
        if given.get("hosts") != "*":
            assert http.get("/dicomweb/studies", headers={"Host": "other.example.org"}).status_code == 403


@pytest.mark.parametrize("hosts", ["http://pacs.lan", "pacs.lan:8080", "* pacs.lan", "a/b"])
def test_what_is_no_name_is_refused_as_a_setting(hosts: str) -> None:
    with pytest.raises(ValidationError, match="it must be names such as"):
        Settings(hosts=hosts)


@pytest.mark.parametrize("path", ["/health/check", "/health/ready", "/health/live", "/Health"])
def test_who_balances_load_may_ask_by_any_name(plain: TestClient, path: str) -> None:
    assert plain.get(path, headers=STRANGE).status_code == 200


def test_where_everybody_needs_a_token_any_name_will_do(tmp_path: Path) -> None:
    """A page of another site has none."""
    _, token = tokens.create(tmp_path / "tokens.json", "me", ("admin",), (), None)
    with service(tmp_path, tokens=tmp_path / "tokens.json") as http:
        assert http.get("/dicomweb/studies", headers=STRANGE).status_code == 401
        assert http.get("/dicomweb/studies", headers=STRANGE | {"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_pages_of_other_sites_change_nothing(plain: TestClient, headers: dict[str, str]) -> None:
    before = plain.get("/dicomweb/operations").json()
    for method, path in (
        ("POST", "/dicomweb/sweep"),
        ("POST", "/dicomweb/studies/$bulkUpdate"),
        ("PUT", "/v2/studies"),
        ("DELETE", "/v2/studies/1.2"),
    ):
        answer = plain.request(method, path, headers=headers)
        assert (answer.status_code, "setting cors_origins" in answer.text) == (403, True), path
    assert plain.get("/dicomweb/operations").json() == before
    assert plain.get("/dicomweb/studies", headers=headers).status_code == 200  # no page of another site can read it


@pytest.mark.parametrize("headers", OWN)
def test_programs_and_own_pages_change_what_they_may(plain: TestClient, headers: dict[str, str]) -> None:
    assert plain.post("/dicomweb/sweep", headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ({"cors_origins": VIEWER}, VIEWER),
        ({"cors_origins": "*"}, "https://evil.example"),
        ({"public_url": "https://PACS.example.org/x"}, "https://pacs.example.org"),
    ],
)
def test_pages_of_origins_that_settings_name_change_what_they_may(
    tmp_path: Path, given: dict[str, str], origin: str
) -> None:
    with service(tmp_path, **given) as http:
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        assert http.post("/dicomweb/sweep", headers=headers).status_code == 202
        if given != {"cors_origins": "*"}:
            assert http.post("/dicomweb/sweep", headers=headers | {"Origin": "https://x.org"}).status_code == 403


def test_what_was_refused_stands_in_the_audit_trail(tmp_path: Path) -> None:
    with service(tmp_path) as http:
        http.get("/dicomweb/studies", headers=STRANGE)
        http.post("/dicomweb/sweep", headers=FOREIGN[0])
    written = "".join(path.read_text() for path in (tmp_path / "data" / "audit").glob("*.jsonl"))
    assert written.count('"status":403') == 2

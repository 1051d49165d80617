"""What browsers are told: CORS, and headers that keep what is served from doing harm."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from filmroom.server.app import create
from filmroom.settings import Settings
from tests.messages import sent, store

VIEWER = "https://viewer.example.org"
PATHS = ["/dicomweb/studies", "/v2/studies/1.2/series/1.3", "/health/check", "/nothing"]
Client = Callable[..., httpx2.Client]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Makes clients of a service with settings."""
    with ExitStack() as stack:

        def make(base_url: str = "http://127.0.0.1:8080", **given: object) -> httpx2.Client:
            made = Settings(data=tmp_path / "data", codec_processes=1, **given)  # type: ignore[arg-type]
            return stack.enter_context(TestClient(create(made), base_url=base_url))

        yield make


def preflight(http: httpx2.Client, path: str, origin: str = VIEWER, **more: str) -> httpx2.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "authorization,range,msdicom-request-original",
    }
    return http.options(path, headers=asked | more)


def test_without_the_setting_nobody_is_let_in(client: Client) -> None:
    answer = client().get("/dicomweb/studies", headers={"Origin": VIEWER})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-site"


@pytest.mark.parametrize("path", PATHS)
def test_a_preflight_is_answered_everywhere(client: Client, path: str) -> None:
    answer = preflight(client(cors_origins=VIEWER), path)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == VIEWER
    assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization,range,msdicom-request-original"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


def test_a_viewer_reads_what_it_needs(client: Client) -> None:
    answer = client(cors_origins=f"http://127.0.0.1:3000 {VIEWER}").get("/dicomweb/studies", headers={"Origin": VIEWER})
    assert answer.headers["Access-Control-Allow-Origin"] == VIEWER
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert exposed >= {"Link", "X-Total-Count", "ETag", "Content-Range", "Warning", "erroneous-dicom-attributes"}
    assert "Origin" in answer.headers["Vary"]


def test_an_error_can_be_read_too(client: Client) -> None:
    http = client(cors_origins=VIEWER, requests_per_second=0.01)
    answers = [http.get("/dicomweb/studies/x", headers={"Origin": VIEWER}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 429, 429]
    assert {answer.headers["Access-Control-Allow-Origin"] for answer in answers} == {VIEWER}


@pytest.mark.parametrize(
    "origin", ["https://evil.example.org", "null", VIEWER + ".evil.org", "http://viewer.example.org"]
)
def test_other_origins_are_not_let_in(client: Client, origin: str) -> None:
    http = client(cors_origins=VIEWER)
    assert preflight(http, "/dicomweb/studies", origin).status_code == 400
    answer = http.get("/dicomweb/studies", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_any_origin_never_means_credentials_or_a_private_network(client: Client) -> None:
    http = client(cors_origins="*")
    assert preflight(http, "/dicomweb/studies").headers["Access-Control-Allow-Origin"] == "*"
    private = preflight(http, "/dicomweb/studies", **{"Access-Control-Request-Private-Network": "true"})
    assert "Access-Control-Allow-Private-Network" not in private.headers
    answer = http.get("/dicomweb/studies", headers={"Origin": VIEWER, "Cookie": "a=b"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_named_origin_reaches_a_private_network(client: Client) -> None:
    answer = preflight(client(cors_origins=VIEWER), "/dicomweb", **{"Access-Control-Request-Private-Network": "true"})
    assert answer.headers["Access-Control-Allow-Private-Network"] == "true"


def test_options_without_an_origin_are_still_the_capabilities(client: Client) -> None:
    assert "application" in client(cors_origins=VIEWER).options("/dicomweb/").headers["Content-Type"]


@pytest.mark.parametrize(
    "origins", ["viewer.example.org", f"{VIEWER}/", f"* {VIEWER}", "ftp://x", "https://a@b", "null"]
)
def test_what_is_no_origin_is_refused(origins: str) -> None:
    with pytest.raises(ValidationError, match="it must be origins such as"):
        Settings(cors_origins=origins)


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_headers(client: Client, path: str) -> None:
    headers = client().get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers.get("Cache-Control") == (None if path.startswith("/v2/") else "no-store")
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize(
    ("root", "of_metadata", "of_search"), [("/dicomweb", "private, no-cache", "no-store"), ("/v2", None, None)]
)
def test_what_has_an_etag_may_be_kept_by_one(
    client: Client, root: str, of_metadata: str | None, of_search: str | None
) -> None:
    """The Azure service says nothing of caches."""
    http, made = client(), sent()
    store(http, root, made.content)
    assert http.get(f"{root}{made.instance}/metadata").headers.get("Cache-Control") == of_metadata
    assert http.get(f"{root}/studies").headers.get("Cache-Control") == of_search


def test_what_comes_by_tls_is_to_come_by_tls(client: Client) -> None:
    for http in (client("https://127.0.0.1"), client(public_url="https://pacs.example.org")):
        assert http.get("/").headers["Strict-Transport-Security"] == "max-age=31536000"

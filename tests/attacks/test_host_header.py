"""A Host header makes no URL that leads elsewhere: one that is no name is not repeated, and `public_url` beats all."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from filmroom.server.app import create
from filmroom.settings import Settings
from tests.attacks.conftest import Target, status
from tests.messages import sent, store


@pytest.mark.parametrize(
    "host", [b"evil.example/path", b"a@evil.example", b'evil.example"><script>', b"evil.example evil", b"[evil.example"]
)
def test_what_is_no_name_is_not_repeated(target: Target, host: bytes) -> None:
    fields = b"Host: " + host + b"\r\nConnection: close\r\n\r\n"
    for path in (b"/dicomweb/studies?limit=1", b"/dicomweb/", b"/v2/studies?Nonsense=1", b"/v3/studies"):
        answer = target.raw(b"GET " + path + b" HTTP/1.1\r\n" + fields)
        assert status(answer) < 500
        assert b"evil.example" not in answer, path


def test_with_a_public_url_nobody_else_says_where_the_service_is(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", codec_processes=1, public_url="https://pacs.example.org/", hosts="*")
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    with TestClient(create(settings)) as http:
        made = sent()
        for root in ("/dicomweb", "/v2"):
            answer = store(
                http, root, made.content, method="PUT", headers=forged | {"Accept": "application/dicom+json"}
            )
            assert "https://pacs.example.org" in answer.text
            for path in ("/studies", f"{made.study}/metadata", "/"):
                assert "evil.example" not in http.get(root + path, headers=forged).text

"""Nobody writes lines into the log: each is JSON of the service's own words.

What it never says: tests/server/test_journal.py.
"""

import json

import pytest

from tests.attacks.conftest import Target
from tests.service import wait_until

EVIL = b"%0a%7b%22event%22:%22forged%22%7d%1b%5b31m"


def test_requests_that_look_like_lines(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    fields = (b'User-Agent: {"event":"forged"}', b'X-Request-ID: {"event":"forged"}', b"Referer: forged")
    for path in (b"/forged" + EVIL, b"/dicomweb/studies/" + EVIL, b"/v9" + EVIL, b"/dicomweb/studies?forged" + EVIL):
        target.get(path, *fields)
    target.raw(b"FORGED / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    logged = ""

    def all_logged() -> bool:
        nonlocal logged
        logged += capsys.readouterr().err
        return logged.count('"event": "request"') >= 4

    wait_until(all_logged)
    lines = [json.loads(line) for line in logged.splitlines()]
    assert not [line for line in lines if line["event"] == "forged"]
    assert "\x1b" not in logged

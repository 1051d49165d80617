"""Every measure of the threat model has its test: the files that SECURITY.md names are there, and hold tests."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "SECURITY.md").read_text()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/[\w/]+\.py)`", TEXT))))
def test_a_test_that_is_named_is_there(path: str) -> None:
    assert re.search(r"^(async )?def test_", (ROOT / path).read_text(), re.MULTILINE)


def test_every_threat_names_a_test() -> None:
    rows = re.findall(r"^\| \*\*[STRIDE]\*\*.*$", TEXT, re.MULTILINE)
    assert {row[4] for row in rows} == set("STRIDE")
    assert all("`tests/" in row for row in rows)

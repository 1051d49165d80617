from pathlib import Path

from filmroom.pixels import reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "transfer-syntaxes.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == reference.page()

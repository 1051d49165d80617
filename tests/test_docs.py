"""What the documents promise is there: settings, statuses, links, commands."""

import re
from pathlib import Path

import pytest

from filmroom.server.errors import STATUSES
from filmroom.settings import Settings
from tests import documents

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    assert f"| `{name}` |" in text
    assert f"`FILMROOM_{name.upper()}`" in text


def test_every_default_is_documented_as_it_is() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    for name, field in Settings.model_fields.items():
        if field.default_factory is None and field.default not in (None, ()):
            row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
            default = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
            default = default.lower() if isinstance(field.default, bool) else default  # as TOML has it
            default = " ".join(field.default) if isinstance(field.default, tuple) else default  # as variables have it
            assert f"| `{default}` |" in row


def test_every_status_is_documented() -> None:
    text = (ROOT / "docs/reference/errors.md").read_text()
    for error, status in STATUSES.items():
        assert re.search(rf"^\| {status} \|.*`{error.__name__}`", text, re.MULTILINE)


@pytest.mark.parametrize("document", sorted(documents.REFERENCE.glob("*.md")), ids=lambda path: path.name)
def test_tables_made_from_the_code_are_as_the_code_is(document: Path) -> None:
    text = document.read_text()
    assert text == documents.renewed(text), "run scripts/tables"


def test_every_table_is_in_a_document() -> None:
    text = "".join(document.read_text() for document in documents.REFERENCE.glob("*.md"))
    assert all(f"<!-- made from the code: {name} -->" in text for name in documents.TABLES)


def _anchors(document: Path) -> set[str]:
    """What `#…` can name there, as GitHub makes it of the headings."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ +(.*?) *$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", document.read_text()):
        if "://" not in target:
            place = document.parent / target if target else document
            assert place.exists(), target
            assert not anchor or anchor in _anchors(place), f"{target}#{anchor}"

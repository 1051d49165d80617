"""Pseudonyms of Studies, for who sees them de-identified."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Text
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

_KEY = BigInteger().with_variant(Integer, "sqlite")
_TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add a table, which fills by itself."""
    op.create_table(
        "pseudonym",
        Column("study_key", _KEY, ForeignKey("study.key", ondelete="CASCADE"), primary_key=True),
        Column("profile", BigInteger, primary_key=True, autoincrement=False),
        Column("value", _TEXT, nullable=False),
    )
    op.create_index("pseudonym_value", "pseudonym", ["profile", "value"])

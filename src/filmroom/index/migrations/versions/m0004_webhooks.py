"""How far the change feed was told to webhooks."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Double, Text
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

_TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "webhook",
        Column("name", _TEXT, primary_key=True),
        *(Column(name, BigInteger, nullable=False) for name in ("position", "failures")),
        Column("error", _TEXT),
        Column("not_before", Double, nullable=False),
        Column("disabled", Boolean, nullable=False),
        Column("owner", _TEXT),
        *(Column(name, Double, nullable=False) for name in ("leased_until", "updated")),
    )

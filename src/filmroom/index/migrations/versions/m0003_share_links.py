"""Share links."""

from alembic import op
from sqlalchemy import Column, Double, Text
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

_TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "share_link",
        Column("id", _TEXT, primary_key=True),
        *(Column(name, _TEXT, nullable=False) for name in ("study", "partition", "deidentified")),
        *(Column(name, Double, nullable=False) for name in ("created", "expires")),
    )

"""Expiry of Studies, first versions of updated Instances, failures of operations."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Integer, LargeBinary, Text, text
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

_KEY = BigInteger().with_variant(Integer, "sqlite")
_TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_EXPIRING = text("expires IS NOT NULL")


def upgrade() -> None:
    """Add a column and two tables."""
    op.add_column("study", Column("expires", Double))
    op.create_index("study_expires", "study", ["expires"], sqlite_where=_EXPIRING, postgresql_where=_EXPIRING)
    op.create_table(
        "original",
        Column("watermark", _KEY, ForeignKey("instance.watermark", ondelete="CASCADE"), primary_key=True),
        Column("version", BigInteger, nullable=False),
        *(Column(name, _TEXT, nullable=False) for name in ("SOPClassUID", "AvailableTransferSyntaxUID", "blob")),
        Column("length", BigInteger, nullable=False),
        Column("digest", LargeBinary, nullable=False),
        Column("complete", Boolean, nullable=False),
        Column("frames", BigInteger, nullable=False),
        Column("created", Double, nullable=False),
        *(Column(name, BigInteger) for name in ("frame_start", "frame_bits")),
        Column("frame_spans", LargeBinary),
        *(Column(name, LargeBinary, nullable=False) for name in ("bulk", "metadata")),
    )
    op.create_index("original_blob", "original", ["blob"], unique=True)
    op.create_table(
        "operation_failure",
        Column("key", _KEY, primary_key=True),
        Column("operation", _TEXT, ForeignKey("operation.id", ondelete="CASCADE"), nullable=False),
        *(Column(name, _TEXT, nullable=False) for name in ("item", "message")),
        Column("created", Double, nullable=False),
    )
    op.create_index("operation_failure_of", "operation_failure", ["operation", "key"])

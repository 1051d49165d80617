"""The tables of what the service does, and not of what is stored: operations, share links, webhooks."""

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Integer, Table

from filmroom.index.table_parts import KEY, TEXT, index, metadata

# Links that open one Study to whoever has them (`index/share_links.py`).
share_link = Table(
    "share_link",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("study", TEXT, nullable=False),  # its UID
    Column("partition", TEXT, nullable=False),  # its name
    Column("deidentified", TEXT, nullable=False),  # the name of a profile, or empty
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
)

# Long operations (`index/operations.py`).
operation = Table(
    "operation",
    metadata,
    Column("id", TEXT, primary_key=True),  # 32 hexadecimal digits
    Column("name", TEXT, nullable=False),
    Column("arguments", TEXT, nullable=False),  # JSON, as checkpoint and results
    Column("state", TEXT, nullable=False),
    Column("percent", Integer),  # NULL: nobody knows how much there is to do
    Column("checkpoint", TEXT),  # where to go on, in words of the operation's own
    Column("canceling", Boolean, nullable=False),  # somebody asked for its end
    Column("attempts", Integer, nullable=False),  # begun since its last checkpoint
    Column("owner", TEXT),  # the worker that has it
    Column("leased_until", Double, nullable=False),  # and until when, unless it says that it lives
    Column("created", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("results", TEXT),
    Column("error", TEXT),
    index("operation_state", "state", "created", rows=(10**4, 2000, 1)),
)

# What went wrong with single items of an operation, which went on with the others.
operation_failure = Table(
    "operation_failure",
    metadata,
    Column("key", KEY, primary_key=True),
    Column("operation", ForeignKey("operation.id", ondelete="CASCADE"), nullable=False),
    Column("item", TEXT, nullable=False),  # a path under a root, or the name of a file
    Column("message", TEXT, nullable=False),
    Column("created", Double, nullable=False),
    index("operation_failure_of", "operation", "key", rows=(10**5, 100, 1)),
)

# How far the change feed was told to each webhook of the settings (`index/webhooks.py`).
webhook = Table(
    "webhook",
    metadata,
    Column("name", TEXT, primary_key=True),
    Column("position", BigInteger, nullable=False),  # the sequence of the last change that was told, or is not wanted
    Column("failures", BigInteger, nullable=False),  # since one was told
    Column("error", TEXT),  # of the last of them
    Column("not_before", Double, nullable=False),  # when the next is tried
    Column("disabled", Boolean, nullable=False),  # the receiver is gone for good
    Column("owner", TEXT),  # the worker that tells it
    Column("leased_until", Double, nullable=False),
    Column("updated", Double, nullable=False),
)

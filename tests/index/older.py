"""Indexes that an older version made, on any database: the tables by its migrations, the rows by a dump of it."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, func, insert, select, text

from filmroom.index import migrating
from filmroom.index.database import Database
from filmroom.index.transaction import Transaction

FIRST = Path(__file__).parent / "schema_0001.json"


def make(url: str) -> None:
    """The index of the dump, as it was before there were migrations."""
    database = Database(url, migrating=True)
    with database.begin() as tx:
        migrating.upgrade(tx, "0001")
        tx.core.exec_driver_sql("DROP TABLE alembic_version")
        if tx.dialect.name == "sqlite":
            tx.core.exec_driver_sql("ANALYZE sqlite_schema")  # made the table of what it was told of sizes
        for name, rows in json.loads(FIRST.read_text())["rows"].items():
            table = Table(name, MetaData(), autoload_with=tx.core, resolve_fks=False)
            tx.core.execute(insert(table), [{key: _value(value) for key, value in row.items()} for row in rows])
            _number_on(tx, table)
    database.close()


def write_files(folder: Path) -> None:
    """The files of the dump, where a folder store of its time has them."""
    for name, content in json.loads(FIRST.read_text())["files"].items():
        path = folder / name[12:14] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes.fromhex(content))


def _value(value: Any) -> Any:
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def _number_on(tx: Transaction, table: Table) -> None:
    """PostgreSQL gives keys out of a sequence, which knows nothing of rows that brought theirs."""
    [key, *others] = table.primary_key.columns
    if tx.dialect.name == "postgresql" and not others:
        sequence = tx.core.scalar(
            text("SELECT pg_get_serial_sequence(:table, :key)"), {"table": table.name, "key": key.name}
        )
        if sequence:
            tx.core.execute(select(func.setval(sequence, select(func.max(key)).scalar_subquery())))

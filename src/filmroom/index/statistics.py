"""What SQLite is told of the tables when they are made: the sizes that they will have.

It chooses its ways by them (https://sqlite.org/fileformat2.html#stat1tab), and knows none of an empty database.
"""

from sqlalchemy import Index, Table, text

from filmroom.index.table_parts import metadata
from filmroom.index.transaction import Transaction

_READ = "ANALYZE sqlite_schema"  # makes the table of statistics, and reads it
_INSERT = text("INSERT INTO sqlite_stat1 VALUES (:table, :index, :rows)")


def write(tx: Transaction) -> None:
    """Describe the tables, as `info` of their indexes does, in place of what was said of them before."""
    tx.core.exec_driver_sql(_READ)
    tx.core.exec_driver_sql("DELETE FROM sqlite_stat1")
    for table in metadata.sorted_tables:
        indexes: list[Table | Index] = [table, *table.indexes]  # a table without rowids is its own index
        for index in indexes:
            if rows := index.info.get("rows"):
                values = {"table": table.name, "index": index.name, "rows": " ".join(map(str, rows))}
                tx.core.execute(_INSERT, values)
    tx.core.exec_driver_sql(_READ)

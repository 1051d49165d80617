"""The condition that a column is one of many values, which together are one value of the statement.

SQLite takes a JSON text. PostgreSQL takes an array, for its planner sees how many elements that has. It takes those of
a JSON text for a hundred, and without fresh statistics compares each of a thousand with each row.
"""

import sqlite3
from typing import Any

import orjson
from sqlalchemy import ARRAY, Boolean, cast
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class Listed(list[Any]):
    """The values. What each driver is to be given it finds out by itself: psycopg sees a list."""

    def __conform__(self, protocol: object) -> str | None:
        """What sqlite3 asks of what is none of its types."""
        return orjson.dumps(self).decode() if protocol is sqlite3.PrepareProtocol else None


class IsIn(FunctionElement[bool]):
    """The condition: of a column, and `Listed` or the place for them."""

    inherit_cache = True
    name = "is_in"
    type = Boolean()


@compiles(IsIn, "sqlite")
def _in_sqlite(element: IsIn, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - both are made by Core


@compiles(IsIn, "postgresql")
def _in_postgresql(element: IsIn, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    array = compiler.process(cast(values, ARRAY(column.type)), **options)
    return f"{compiler.process(column, **options)} = ANY ({array})"

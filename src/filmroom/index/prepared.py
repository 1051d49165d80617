"""Statements of the hot paths: written in Core like all others, compiled once, run on the driver's own cursor.

Core's execution of a statement costs several times what SQLite does in it (decision 8). What it does beside is not
done here: no conversion of types, no named columns. So only what the drivers take and give alike may be used: text,
whole numbers, floats and bytes; booleans only going in.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

Values = Mapping[str, Any]
Bind = Callable[[Values], Any]


class Prepared:
    """One statement. Its parameters are given by name."""

    def __init__(
        self, statement: ClauseElement | Callable[[str], ClauseElement], columns: Iterable[str] | None = None
    ) -> None:
        """`columns` are those that an INSERT or UPDATE sets. A function gives the statement for a database's name."""
        self.statement = statement
        self.columns = None if columns is None else list(columns)

    def one(self, tx: Connection, values: Values) -> tuple[Any, ...] | None:
        """Run it and give the first row."""
        text, bind = _compiled(self, tx.dialect)
        row: tuple[Any, ...] | None = tx.connection.cursor().execute(text, bind(values)).fetchone()
        return row

    def run(self, tx: Connection, rows: Sequence[Values]) -> None:
        """Run it once for each of `rows`."""
        text, bind = _compiled(self, tx.dialect)
        tx.connection.cursor().executemany(text, list(map(bind, rows)))


@cache
def _compiled(prepared: Prepared, dialect: Dialect) -> tuple[str, Bind]:
    """The text for a database, and what makes of named values those that its driver takes."""
    statement = prepared.statement
    if not isinstance(statement, ClauseElement):
        statement = statement(dialect.name)
    compiled = statement.compile(dialect=dialect, column_keys=prepared.columns)
    assert isinstance(compiled, SQLCompiler)
    names = compiled.positiontup
    # What the statement itself compares with or sets, such as the name of a counter.
    fixed = {name: parameter.value for name, parameter in compiled.binds.items() if not parameter.required}
    if names is None:
        return compiled.string, lambda values: {**fixed, **values}
    if fixed or len(names) < 2:
        return compiled.string, lambda values: tuple((fixed | dict(values))[name] for name in names)
    return compiled.string, itemgetter(*names)

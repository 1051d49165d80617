"""Statements of the hot paths: written in Core like all others, compiled once, run on the driver's own cursor.

Core's execution of a statement costs several times what SQLite does in it (decision 8). What it does beside is not
done here: no conversion of types, no named columns. So only what the drivers take and give alike may be used: text,
whole numbers, floats and bytes; booleans only going in.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from filmroom.index.transaction import Transaction

Values = Mapping[str, Any]
Bind = Callable[[Values], Any]


class Prepared:
    """One statement. Its parameters are given by name."""

    def __init__(
        self, statement: ClauseElement | Callable[[str], ClauseElement], columns: Iterable[str] | None = None
    ) -> None:
        """`columns` are those that an INSERT or UPDATE sets. A function gives the statement for a database's name."""
        self.statement: Any = statement
        self._columns = None if columns is None else list(columns)
        self._compiled: dict[str, tuple[str, Bind]] = {}  # by the name of the database

    def one(self, tx: Transaction, values: Values) -> tuple[Any, ...] | None:
        """Run it and give the first row."""
        text, bind = self._for(tx.dialect)
        row: tuple[Any, ...] | None = tx.driver.execute(text, bind(values)).fetchone()
        return row

    def all(self, tx: Transaction, values: Values) -> list[tuple[Any, ...]]:
        """Run it and give all rows."""
        text, bind = self._for(tx.dialect)
        rows: list[tuple[Any, ...]] = tx.driver.execute(text, bind(values)).fetchall()
        return rows

    def run(self, tx: Transaction, rows: Sequence[Values]) -> None:
        """Run it once for each of `rows`."""
        text, bind = self._for(tx.dialect)
        tx.driver.cursor().executemany(text, list(map(bind, rows)))

    def _for(self, dialect: Dialect) -> tuple[str, Bind]:
        """The text for a database, and what makes of named values those that its driver takes."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            statement = self.statement
            if not isinstance(statement, ClauseElement):
                statement = statement(dialect.name)
            compiled = self._compiled[dialect.name] = _compile(statement, self._columns, dialect)
        return compiled


def _compile(statement: ClauseElement, columns: list[str] | None, dialect: Dialect) -> tuple[str, Bind]:
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    assert isinstance(compiled, SQLCompiler)
    names = compiled.positiontup
    # What the statement itself compares with or sets, such as the name of a counter.
    fixed = {name: parameter.value for name, parameter in compiled.binds.items() if not parameter.required}
    if names is None:
        return compiled.string, lambda values: {**fixed, **values}
    if fixed or len(names) < 2:
        return compiled.string, lambda values: tuple((fixed | dict(values))[name] for name in names)
    return compiled.string, itemgetter(*names)

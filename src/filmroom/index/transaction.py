"""What functions of the index are handed: a connection on which a transaction has begun.

Statements of the hot paths run on the driver's own connection (`prepared`). Core runs all others on the same one, and
is only called in when the first of them comes: to begin and end a transaction its way takes several times what SQLite
does in it (decision 8).
"""

from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Dialect, Engine
from sqlalchemy.pool import PoolProxiedConnection


class Transaction:
    """One transaction. `Database` begins and ends it."""

    def __init__(self, engine: Engine, connection: PoolProxiedConnection) -> None:
        self.driver: Any = connection.driver_connection
        self._engine, self._connection = engine, connection

    @cached_property
    def core(self) -> Connection:
        """The same connection for Core."""
        return Connection(self._engine, self._connection)

    @property
    def dialect(self) -> Dialect:
        """Which database it is."""
        return self._engine.dialect

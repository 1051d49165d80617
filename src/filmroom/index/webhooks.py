"""Rows of webhooks: how far each was told of the change feed, and which worker tells it. No function commits.

A worker has a webhook for as long as its lease, which it renews with each position that it writes; that fails once
somebody else has it, or somebody has set another position.
"""

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select, update

from filmroom.index.database import upsert
from filmroom.index.service_tables import webhook
from filmroom.index.transaction import Transaction

LONGEST = 3600.0  # seconds: no lease and no wait is longer, unless the clock was set back since


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a webhook was told."""

    name: str
    position: int
    failures: int
    error: str | None
    not_before: float
    disabled: bool
    updated: float

    def due(self, now: float) -> bool:
        """Whether it is time to tell it more."""
        return not self.disabled and not now < self.not_before <= now + LONGEST


_COLUMNS = [webhook.c[name] for name in Progress.__slots__]


def fetch(tx: Transaction, name: str) -> Progress | None:
    """The progress of that webhook, if it ever began."""
    row = tx.core.execute(select(*_COLUMNS).where(webhook.c.name == name)).one_or_none()
    return None if row is None else _read(row)


def add(tx: Transaction, name: str, position: int) -> None:
    """Have a webhook begin after a position, unless it has begun."""
    row = {"name": name, "position": position, "failures": 0, "not_before": 0.0, "disabled": False}
    new = upsert(webhook, tx.dialect.name).values(row | {"leased_until": 0.0, "updated": time.time()})
    tx.core.execute(new.on_conflict_do_nothing())


def claim(tx: Transaction, name: str, owner: str, lease: float) -> Progress | None:
    """Take a webhook; None if another worker has it."""
    now = time.time()
    until = webhook.c.leased_until
    free = or_(webhook.c.owner.is_(None), webhook.c.owner == owner, until < now, until > now + 2 * LONGEST)
    taken = update(webhook).where(webhook.c.name == name, free).values(owner=owner, leased_until=now + lease)
    row = tx.core.execute(taken.returning(*_COLUMNS)).one_or_none()
    return None if row is None else _read(row)


def advance(tx: Transaction, name: str, owner: str, position: int, lease: float) -> bool:
    """Everything up to a position was told. False if `owner` has the webhook no more."""
    now = time.time()
    row = {"position": position, "failures": 0, "error": None, "not_before": 0.0, "updated": now}
    return _write(tx, _held(name, owner), row | {"leased_until": now + lease})


def fail(tx: Transaction, name: str, owner: str, position: int, error: str, rest: float, *, disabled: bool) -> bool:
    """Everything up to a position was told, and what follows could not be. False if `owner` has it no more."""
    now = time.time()
    row = {"position": position, "failures": webhook.c.failures + 1, "error": error, "disabled": disabled}
    return _write(tx, _held(name, owner), row | {"owner": None, "not_before": now + rest, "updated": now})


def release(tx: Transaction, name: str, owner: str) -> None:
    """Leave a webhook to whoever comes next."""
    _write(tx, _held(name, owner), {"owner": None})


def replace_position(tx: Transaction, name: str, position: int | None) -> bool:
    """Go on after another position, or at once where it is. Whoever is telling it finds that out. False: none is."""
    row = {"failures": 0, "error": None, "not_before": 0.0, "disabled": False, "owner": None, "updated": time.time()}
    return _write(tx, webhook.c.name == name, row if position is None else row | {"position": position})


def _held(name: str, owner: str) -> ColumnElement[bool]:
    return and_(webhook.c.name == name, webhook.c.owner == owner)


def _write(tx: Transaction, where: ColumnElement[bool], row: dict[str, Any]) -> bool:
    return tx.core.execute(update(webhook).where(where).values(row)).rowcount == 1


def _read(row: Row[Any]) -> Progress:
    return Progress(**row._mapping)

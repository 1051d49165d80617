"""Rows of long operations: what waits, what runs under whose lease, and how it ended.

A worker has an operation for as long as its lease. It renews the lease in every transaction that it makes for the
operation, and that fails once somebody else has it: so a worker that was taken for dead can't write any more.
"""

import json
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, delete, func, insert, or_, select, update

from filmroom.index.service_tables import operation, operation_failure
from filmroom.index.transaction import Transaction

SECRET = "secret"  # noqa: S105 - the argument of this name is forgotten when the operation ends
LEASE = 120.0  # seconds; a batch takes less
REBUILD = "rebuild"  # the name of the one that fills an index, which is of no use until that has succeeded


class State(StrEnum):
    """The states of the Azure service, in its words."""

    NOT_STARTED = "notStarted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def ended(self) -> bool:
        """Whether nothing follows any more."""
        return self not in _UNENDED


_UNENDED = (State.NOT_STARTED, State.RUNNING)
_LATER = 1e-3  # seconds


@dataclass(frozen=True, slots=True)
class Operation:
    """What is known of an operation."""

    id: str
    name: str
    arguments: Mapping[str, Any]
    state: State
    percent: int | None
    checkpoint: Any
    canceling: bool
    attempts: int
    created: float
    updated: float
    results: Any
    error: str | None
    partition: str | None = None  # the name of the data partition that it works in, where a service says it


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that an operation could not do, and went on without. A batch done twice may say it twice."""

    item: str
    message: str
    created: float


@dataclass(frozen=True, slots=True)
class Count:
    """The operations of a name in a state: how many, when they began, when one was heard of, how far the slowest is."""

    name: str
    state: State
    count: int
    first_created: float
    last_created: float
    updated: float
    percent: int | None


_COLUMNS = [operation.c[name] for name in Operation.__slots__ if name in operation.c]
_JSON = ("arguments", "checkpoint", "results")


def add(tx: Transaction, name: str, arguments: Mapping[str, Any], after: float = 0.0) -> str:
    """Have an operation done; gives its id. It begins after the commit, so a service can add it with its own rows.

    It counts as started later than `after`, whatever the clock says.
    """
    now, made = max(time.time(), after + _LATER), uuid.uuid4().hex
    row = {"id": made, "name": name, "arguments": json.dumps(arguments), "state": State.NOT_STARTED}
    begin = {"canceling": False, "attempts": 0, "leased_until": 0.0, "created": now, "updated": now}
    tx.core.execute(insert(operation).values(row | begin))
    return made


def fetch(tx: Transaction, name: str) -> Operation | None:
    """The operation of that id."""
    row = tx.core.execute(select(*_COLUMNS).where(operation.c.id == name)).one_or_none()
    return None if row is None else _read(row)


def fetch_newest(tx: Transaction, limit: int) -> list[Operation]:
    """The newest operations, the newest first."""
    newest = select(*_COLUMNS).order_by(operation.c.created.desc(), operation.c.id).limit(limit)
    return [_read(row) for row in tx.core.execute(newest)]


def fetch_latest(tx: Transaction, name: str) -> Operation | None:
    """The operation of that name that was started last."""
    newest = select(*_COLUMNS).where(operation.c.name == name).order_by(operation.c.created.desc()).limit(1)
    row = tx.core.execute(newest).one_or_none()
    return None if row is None else _read(row)


def fetch_unended(tx: Transaction, name: str) -> list[Operation]:
    """Those of a name that wait or run."""
    unended = select(*_COLUMNS).where(operation.c.name == name, operation.c.state.in_(_UNENDED))
    return [_read(row) for row in tx.core.execute(unended)]


def count(tx: Transaction) -> list[Count]:
    """How many operations of each name are in each state."""
    created, updated = operation.c.created, operation.c.updated
    told = [func.count(), func.min(created), func.max(created), func.max(updated), func.min(operation.c.percent)]
    found = select(operation.c.name, operation.c.state, *told).group_by(operation.c.name, operation.c.state)
    return [Count(name, State(state), *rest) for name, state, *rest in tx.core.execute(found)]


def is_about(tx: Transaction, name: str, since: float, until: float) -> bool:
    """Whether one of a name waits or runs, or was started between two times."""
    lately = and_(operation.c.created > since, operation.c.created <= until)
    about = select(operation.c.id).where(operation.c.name == name, or_(operation.c.state.in_(_UNENDED), lately))
    return tx.core.scalar(about.limit(1)) is not None


def fetch_next(tx: Transaction, owner: str, names: Collection[str]) -> str | None:
    """The id of the oldest operation, of these names, that a worker may take."""
    free = select(operation.c.id).where(operation.c.name.in_(names), _free(owner))
    return tx.core.scalar(free.order_by(operation.c.created, operation.c.id).limit(1))


def claim(tx: Transaction, wanted: str, owner: str) -> Operation | None:
    """Take an operation; None if another was quicker."""
    row = {"state": State.RUNNING, "attempts": operation.c.attempts + 1, **_lease(owner)}
    taken = update(operation).where(operation.c.id == wanted, _free(owner)).values(row).returning(*_COLUMNS)
    found = tx.core.execute(taken).one_or_none()
    return None if found is None else _read(found)


def renew(tx: Transaction, held: str, owner: str) -> bool | None:
    """Go on having an operation. Gives whether it is to be canceled; None if `owner` has it no more."""
    renewed = update(operation).where(_held(held, owner)).values(_lease(owner)).returning(operation.c.canceling)
    return tx.core.execute(renewed).scalar_one_or_none()


def replace_checkpoint(tx: Transaction, held: str, checkpoint: Any, percent: int | None) -> None:
    """Where to go on, should the worker end here. What got on deserves all its attempts again."""
    row = {"checkpoint": json.dumps(checkpoint), "percent": percent, "attempts": 0}
    tx.core.execute(update(operation).where(operation.c.id == held).values(row))


def finish(tx: Transaction, held: str, owner: str, state: State, results: Any = None, error: str | None = None) -> bool:
    """Write down how an operation ended. False if `owner` has it no more."""
    percent = 100 if state is State.SUCCEEDED else operation.c.percent
    row = {"state": state, "percent": percent, "owner": None, "updated": time.time(), "error": error}
    results = None if results is None else json.dumps(results)
    done = update(operation).where(_held(held, owner)).values(row | {"results": results})
    finished = tx.core.execute(done).rowcount == 1
    _forget_secret(tx, held)
    return finished


def _forget_secret(tx: Transaction, ended: str) -> None:
    is_over = (operation.c.id == ended) & operation.c.state.not_in(_UNENDED)
    told = tx.core.scalar(select(operation.c.arguments).where(is_over))
    arguments = json.loads(told or "{}")
    if arguments.pop(SECRET, None) is not None:
        tx.core.execute(update(operation).where(operation.c.id == ended).values(arguments=json.dumps(arguments)))


def release(tx: Transaction, held: str, owner: str, rest: float = 0.0) -> None:
    """Leave an operation to whoever comes next, in `rest` seconds: that it did not end is not its fault."""
    row = {"owner": None, "leased_until": time.time() + rest, "attempts": _BEGUN - 1}
    tx.core.execute(update(operation).where(_held(held, owner)).values(row))


_BEGUN = case((operation.c.attempts > 0, operation.c.attempts), else_=1)  # a checkpoint since has made it 0


def cancel(tx: Transaction, wanted: str) -> bool:
    """Have an operation end: at once if nobody has begun it, else after its current batch. False if it has ended."""
    waits = operation.c.state == State.NOT_STARTED
    row = {"canceling": True, "state": case((waits, State.CANCELED), else_=operation.c.state), "updated": time.time()}
    told = update(operation).where(operation.c.id == wanted, operation.c.state.in_(_UNENDED)).values(row)
    canceled = tx.core.execute(told).rowcount == 1
    _forget_secret(tx, wanted)
    return canceled


def remove_ended(tx: Transaction, before: float) -> int:
    """Forget what ended before a time; gives how many."""
    old = delete(operation).where(operation.c.state.not_in(_UNENDED), operation.c.updated < before)
    return tx.core.execute(old).rowcount


def add_failures(tx: Transaction, held: str, failures: Iterable[tuple[str, str]]) -> None:
    """Write down items of an operation that failed, each with the reason."""
    rows = [{"operation": held, "item": item, "message": message} for item, message in failures]
    if rows:
        tx.core.execute(insert(operation_failure), [row | {"created": time.time()} for row in rows])


def fetch_failures(tx: Transaction, wanted: str, limit: int, offset: int) -> list[Failure]:
    """Items of an operation that failed, the first to fail first."""
    columns = [operation_failure.c[name] for name in Failure.__slots__]
    failed = select(*columns).where(operation_failure.c.operation == wanted).order_by(operation_failure.c.key)
    return [Failure(*row) for row in tx.core.execute(failed.limit(limit).offset(offset))]


def remove_same(tx: Transaction, name: str, arguments: Mapping[str, Any]) -> int:
    """Forget those of a name and its arguments that succeeded or failed; gives how many."""
    same = (operation.c.name == name) & (operation.c.arguments == json.dumps(arguments))
    gone = delete(operation).where(same, operation.c.state.in_([State.SUCCEEDED, State.FAILED]))
    return tx.core.execute(gone).rowcount


def _read(row: Row[Any]) -> Operation:
    values = dict(row._mapping)
    values |= {name: json.loads(values[name]) for name in _JSON if values[name] is not None}
    return Operation(**values | {"state": State(values["state"])})


def _lease(owner: str) -> dict[str, Any]:
    now = time.time()
    return {"owner": owner, "leased_until": now + LEASE, "updated": now}


def _held(held: str, owner: str) -> ColumnElement[bool]:
    return and_(operation.c.id == held, operation.c.owner == owner, operation.c.state == State.RUNNING)


def _free(owner: str) -> ColumnElement[bool]:
    """What nobody has: or who had it was an earlier process of `owner`, is dead, or lived when the clock was ahead."""
    now = time.time()
    until = operation.c.leased_until
    left = or_(operation.c.owner == owner, until < now, until > now + 2 * LEASE)
    return and_(operation.c.state.in_(_UNENDED), or_(operation.c.state == State.NOT_STARTED, left))

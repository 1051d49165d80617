"""Group commit: requests that store at the same time share one transaction, and so one sync of the disk.

One thread commits while the others wait; whoever is next takes all that have gathered meanwhile. Alone, a request
commits at once. Nobody waits for a timer.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from filmroom.errors import Error
from filmroom.index import instances
from filmroom.index.database import Database
from filmroom.index.instances import NewInstance, Status


@dataclass(slots=True)
class _Request:
    instances: Sequence[NewInstance]
    replace: bool
    statuses: list[Status] = field(default_factory=list)
    error: Error | None = None
    done: bool = False


class GroupCommit:
    """Adds Instances to the index for many threads."""

    def __init__(self, index: Database) -> None:
        self._index = index
        self._turn = threading.Lock()  # held while committing
        self._gathering = threading.Lock()  # held for an instant
        self._waiting: list[_Request] = []

    def add(self, new: Sequence[NewInstance], *, replace: bool) -> list[Status]:
        """As `instances.add`. When it returns, the rows are durable; when it raises, none of them is there."""
        request = _Request(new, replace)
        with self._gathering:
            self._waiting.append(request)
        with self._turn:
            if not request.done:
                self._commit_all()
        if request.error is not None:
            raise request.error
        return request.statuses

    def _commit_all(self) -> None:
        with self._gathering:
            gathered, self._waiting = self._waiting, []
        for replace in (False, True):
            group = [request for request in gathered if request.replace is replace]
            if group and not self._commit(group):
                # What spoils one request must not spoil its neighbours.
                for request in group:
                    self._commit([request])

    def _commit(self, group: Sequence[_Request]) -> bool:
        together = [new for request in group for new in request.instances]
        try:
            with self._index.begin() as tx:
                statuses = iter(instances.add(tx, together, replace=group[0].replace))
        except Error as error:
            for request in group:
                request.error, request.done = error, True
            return len(group) == 1
        for request in group:
            request.statuses = [next(statuses) for _ in request.instances]
            request.error, request.done = None, True
        return True

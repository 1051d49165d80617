"""Group commit: requests that store at the same time share one transaction, and so one sync of the disk.

One thread commits while the others wait; whoever is next takes all that have gathered meanwhile. Alone, a request
commits at once. Nobody waits for a timer. Beside `migrating` it is the one place of the index that begins transactions
for a service: what it adds is all that they hold.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from filmroom import metrics
from filmroom.errors import Unavailable
from filmroom.index import additions
from filmroom.index.additions import NewInstance, NewRows, Status
from filmroom.index.database import Database, GivenUp
from filmroom.index.query_tags import Known


@dataclass(slots=True)
class _Request:
    rows: Sequence[NewRows]
    statuses: list[Status] | None = None  # None: not committed yet
    failure: Unavailable | None = None

    @property
    def waits(self) -> bool:
        return self.statuses is None and self.failure is None


class GroupCommit:
    """Adds Instances to the index for many threads."""

    def __init__(self, index: Database, settle: Callable[[Sequence[str]], None]) -> None:
        """`settle` makes the blobs of keys durable, before rows name them."""
        self.known = Known()
        self._index = index
        self._settle = settle
        self._turn = threading.Lock()  # held while committing
        self._gathering = threading.Lock()  # held for an instant
        self._waiting: list[_Request] = []

    def add(self, new: Sequence[NewInstance]) -> list[Status]:
        """As `additions.add`. When it returns, the rows are durable; when it raises, none of them is there."""
        request = _Request([additions.prepare(one) for one in new])
        with self._gathering:
            self._waiting.append(request)
        with self._turn:
            if request.waits:
                self._commit_gathered()
            if request.waits:
                self._commit([request])
        if request.failure is not None:
            raise Unavailable(str(request.failure)) from request.failure
        assert request.statuses is not None
        return request.statuses

    def _commit_gathered(self) -> None:
        with self._gathering:
            gathered, self._waiting = self._waiting, []
        if len(gathered) > 1:
            # Whatever else goes wrong: each then goes alone, and meets its own error.
            with suppress(Exception):
                self._commit(gathered)

    def _commit(self, group: Sequence[_Request]) -> None:
        together = [rows for request in group for rows in request.rows]
        metrics.group_commit_requests.observe(len(group))
        metrics.group_commit_instances.observe(len(together))
        self._settle([rows.new.key for rows in together])
        try:
            added = iter(self._index.transact(lambda tx: additions.add(tx, together, self.known)))
        except GivenUp:
            raise  # alone it may go through
        except Unavailable as error:
            # It is so for all of them; if each waited for itself, the last would be told after many minutes.
            for request in group:
                request.failure = error
            return
        for request in group:
            request.statuses = [next(added) for _ in request.rows]

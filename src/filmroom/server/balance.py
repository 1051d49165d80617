"""How connections stay spread over the workers: who holds more than a share of them lets one go after an answer.

The kernel deals connections out by chance: of eight, one of two workers gets six or more in a third of all cases, and
keeps them as long as the clients do (decision 9). A client whose connection is closed opens another, dealt anew.
"""

from collections.abc import MutableSequence

ABSENT = 1 << 30  # as many connections seem to be held by a worker that takes none: nobody makes room for it


class Share:
    """The connections of one worker among those of all. Each writes its own number only, so nobody needs a lock."""

    def __init__(self, counts: MutableSequence[int], place: int) -> None:
        """`counts` is shared by the processes; `place` is this worker's."""
        self._counts = counts
        self._place = place

    def begin(self) -> None:
        """The worker, `ABSENT` until now, takes connections."""
        self._counts[self._place] -= ABSENT

    def join(self) -> None:
        """A connection was made."""
        self._counts[self._place] += 1

    def leave(self) -> None:
        """A connection was lost."""
        self._counts[self._place] -= 1

    @property
    def exceeded(self) -> bool:
        """Whether another worker has at least two fewer."""
        return self._counts[self._place] > min(self._counts) + 1

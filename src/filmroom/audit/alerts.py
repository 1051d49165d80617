"""Refusals: one address is refused again and again, which is an alert, and must not fill the disk.

Of what is refused to whom nobody knows, the first of a minute have a line each, so that one sees what they are after;
the others are counted, and the count is a line a minute. What is refused to somebody with a name always has a line.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from filmroom.audit.chain import ALERT, LIMITED
from filmroom.audit.records import Facts

REFUSALS, WINDOW = 10, 60.0  # so many answers 401 and 403 to one address, in so many seconds, are an alert
REFUSED = frozenset({401, 403})
MOST = 1000  # addresses that are known; what more there are, is counted together
NAMELESS = frozenset({"anonymous", None})
OTHERS = "others"

_Key = tuple[str, bool]  # the address, and whether it was refused by a limit


@dataclass(slots=True)
class _Client:
    """What was refused lately; until when it is counted, how often it was since, and the last of it."""

    times: list[float] = field(default_factory=list)
    until: float = 0.0
    counted: int = 0
    last: float = 0.0
    status: int = 0


class Alerts:
    """What each address was refused."""

    def __init__(self) -> None:
        self._clients: dict[_Key, _Client] = {}

    def sift(self, facts: Facts) -> list[Facts]:
        """What is written of it: itself, unless it is counted; and the alert that is due."""
        client, status = str(facts.pop("counted_as", facts.get("client"))), facts.get("status", 0)
        limited = facts["action"] == LIMITED
        if not limited and status not in REFUSED:
            return [facts]
        key, known = self._known((client, limited))
        now = float(facts["time"])
        if now < known.until:
            if facts.get("who_id") is not None or facts.get("who") not in NAMELESS:
                return [facts]
            known.counted, known.last, known.status = known.counted + 1, now, status
            return []
        known.times = [at for at in known.times if now - at < WINDOW] + [now]
        if len(known.times) < REFUSALS:
            return [facts]
        known.times, known.until = [], now + WINDOW
        return [facts] if limited else [facts, _line(key, now, REFUSALS, status, facts.get("who"))]

    def due(self, now: float) -> Iterator[Facts]:
        """The lines of what was counted, a minute after the one before; who was not refused in one is forgotten."""
        for key, known in list(self._clients.items()):
            if known.counted and known.until <= now:
                yield _line(key, known.last, known.counted, known.status)
                known.counted, known.until = 0, known.until + WINDOW
            elif max(known.until, *known.times, 0.0) + WINDOW <= now:
                del self._clients[key]

    def rest(self, now: float) -> float | None:
        """Seconds until there is a line to write; None if there is none."""
        return min((max(one.until - now, 0.0) for one in self._clients.values() if one.counted), default=None)

    def _known(self, key: _Key) -> tuple[_Key, _Client]:
        if key not in self._clients and len(self._clients) >= MOST:
            key = OTHERS, key[1]
        return key, self._clients.setdefault(key, _Client())


def _line(key: _Key, time: float, refused: int, status: int, who: object = None) -> Facts:
    client, limited = key
    action = LIMITED if limited else ALERT
    return {"time": time, "action": action, "who": who, "client": client, "refused": refused, "status": status}

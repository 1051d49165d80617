"""Alerts: one address is refused again and again."""

from filmroom.audit.chain import ALERT
from filmroom.audit.records import Facts

REFUSALS, WINDOW = 10, 60.0  # so many answers 401 and 403 to one address, in so many seconds, are an alert
REFUSED = frozenset({401, 403})
MOST = 100_000  # addresses that are known


class Alerts:
    """When each address was refused lately."""

    def __init__(self) -> None:
        self._refused: dict[str, list[float]] = {}

    def after(self, facts: Facts) -> Facts | None:
        """The alert that is due after this; one for each time that an address gets so far."""
        status = facts.get("status")
        if status not in REFUSED:
            return None
        client, now = str(facts.get("client")), float(facts["time"])
        if len(self._refused) > MOST:
            self._refused.clear()
        times = [at for at in self._refused.get(client, ()) if now - at < WINDOW] + [now]
        due = len(times) == REFUSALS
        self._refused[client] = [] if due else times
        who = {"time": now, "action": ALERT, "who": facts.get("who"), "client": client}
        return who | {"refused": REFUSALS, "status": status} if due else None

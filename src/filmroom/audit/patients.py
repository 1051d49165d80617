"""Whose the Studies are of which the trail tells: asked of the index, a batch at once, and known for a while."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from filmroom.audit.records import Facts
from filmroom.errors import Unavailable

FORGET = 60.0  # seconds for which it is known whose a Study is: an update may change that
MOST = 100_000  # Studies that are known
_UID = re.compile(r"[0-9.]{1,64}")

Study = tuple[int, str]  # the key of its data partition, and its UID
Ask = Callable[[Iterable[Study]], Mapping[Study, str]]  # gives the Patient IDs of those that there are


class Patients:
    """The Patient IDs of Studies."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[Study, str] = {}
        self._forget_at = 0.0

    def tell(self, batch: Iterable[Facts]) -> None:
        """Say whose the Studies are, where that is not said. `partition_key` has served, and goes."""
        if time.monotonic() >= self._forget_at or len(self._known) > MOST:
            self._known, self._forget_at = {}, time.monotonic() + FORGET
        asked, lists = [], []
        for facts in batch:
            key, uid = facts.pop("partition_key", None), facts.get("study")
            if key and facts.get("studies") and "patients" not in facts:
                lists.append((facts, [(key, one) for one in facts["studies"]]))
            if key and uid:
                study = key, uid
                if "patient" not in facts:
                    asked.append((facts, study))
                elif facts["patient"]:  # stored just now, or deleted since it was read: the index may not have it
                    self._known[study] = facts["patient"]
        wanted = {study for _, study in asked} | {study for _, studies in lists for study in studies}
        unknown = {study for study in wanted if study not in self._known and _UID.fullmatch(study[1])}
        if unknown:
            with suppress(Unavailable):  # the requests themselves were told
                self._known |= dict.fromkeys(unknown, "") | dict(self._ask(unknown))
        for facts, study in asked:
            facts["patient"] = self._known.get(study) or None
        for facts, studies in lists:
            found = [self._known.get(study) or None for study in studies]
            facts["patients"] = found if any(found) else None

"""What stands in the trail, for people: its records, and those among them that are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from filmroom.audit import trail
from filmroom.audit.records import Record
from filmroom.dicom.instants import written


@dataclass(frozen=True, slots=True)
class Asked:
    """Which records are wanted; None is any. Times are as the trail has them."""

    study: str | None = None
    patient: str | None = None
    who: str | None = None
    action: str | None = None
    since: str | None = None
    until: str | None = None

    def holds(self, record: Record) -> bool:
        """Whether a record is wanted."""
        time = str(record.get("time", ""))
        return (
            (self.study is None or self.study == record.get("study") or self.study in record.get("studies", ()))
            and (self.patient is None or self.patient in (record.get("patient"), *record.get("patients", ())))
            and (self.who is None or self.who == record.get("who"))
            and (self.action is None or self.action == record.get("action"))
            and (self.since is None or time >= self.since)
            and (self.until is None or time < self.until)
        )


def records(folder: Path, asked: Asked) -> Iterator[Record]:
    """The records that are asked for, the oldest first. What is no record is passed over: `verify` tells of it."""
    for path in trail.files(folder):
        if asked.since is not None and written(path.stat().st_mtime) < asked.since:
            continue  # what is in it was done before it was written
        with path.open("rb") as file:
            for line in file:
                try:
                    record = orjson.loads(line)
                except ValueError:
                    continue
                if isinstance(record, dict) and asked.holds(record):
                    yield record

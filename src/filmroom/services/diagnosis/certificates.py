"""Until when certificates are good."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filmroom.services.diagnosis.findings import Finding, ok, problem, warning

SOON = 14 * 24 * 3600.0  # seconds: who renews by itself does so 30 days before the end


def end(path: Path, until: float) -> Iterator[Finding]:
    """That of a PEM file that can be used, in seconds since 1970."""
    left = until - time.time()
    day = f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC"
    said = f"{path} is good until {day}"
    if left <= 0:
        yield problem(f"{path} has expired on {day}", "renew it: clients refuse it")
    elif left < SOON:
        yield warning(said, "renew it; the service takes the new one without a restart")
    else:
        yield ok(said)

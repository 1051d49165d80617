"""Until when certificates are good."""

import time
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509  # which the tokens of identity providers need: pyjwt[crypto]

from filmroom.services.diagnosis.findings import Finding, ok, problem, warning

SOON = 14 * 24 * 3600.0  # seconds: who renews by itself does so 30 days before the end


def end(path: Path) -> Iterator[Finding]:
    """That of a PEM file that can be used, the first in it."""
    until = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    left = until.timestamp() - time.time()
    said = f"{path} is good until {until:%Y-%m-%d %H:%M} UTC"
    if left <= 0:
        yield problem(f"{path} has expired on {until:%Y-%m-%d %H:%M} UTC", "renew it: clients refuse it")
    elif left < SOON:
        yield warning(said, "renew it; the service takes the new one without a restart")
    else:
        yield ok(said)

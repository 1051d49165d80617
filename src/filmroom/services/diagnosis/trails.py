"""The audit trail: whether it can be written, is as it was written, and reaches the syslog receiver."""

import os
from collections.abc import Iterator
from pathlib import Path

from filmroom.audit import trail, verify
from filmroom.audit.syslog import Receiver
from filmroom.services.diagnosis.findings import Finding, ok, problem, warning

LARGEST = 256 << 20  # bytes of a trail that is read through here


def written(folder: Path, key: Path) -> Iterator[Finding]:
    """The trail in a folder, with the file of the key of its seals."""
    files = trail.files(folder) if folder.is_dir() else []
    if not files:
        yield warning(f"there is no audit trail in {folder.absolute()}", "`filmroom serve` begins it")
        return
    if not os.access(folder, os.W_OK | os.X_OK) or not os.access(files[-1], os.W_OK):
        yield problem(
            f"the audit trail in {folder} can't be written by this user", "run filmroom as its owner, or chown it"
        )
    elif sum(path.stat().st_size for path in files) > LARGEST:
        yield ok(f"the audit trail in {folder} can be written; it is long: `filmroom audit verify` reads it through")
    else:
        found = verify.check(folder, key)
        if found.broken is None:
            yield ok(f"the audit trail in {folder} can be written, and its {found.lines} lines are as they were")
        else:
            yield problem(f"the audit trail is not as it was written: {found.broken}", "see to who changed it, and how")


def sent(receiver: Receiver, url: str) -> Iterator[Finding]:
    """The syslog receiver: a connection to it, over which nothing is sent."""
    try:
        receiver.send([])
    except OSError as error:
        yield problem(
            f"the syslog receiver {url} can't be reached: {error.strerror or error}",
            "audit messages wait in the trail: look at the setting audit_syslog, at the network and the certificates",
        )
    else:
        yield ok(f"the syslog receiver {url} is reached")
    finally:
        receiver.close()

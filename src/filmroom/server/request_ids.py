"""The id of a request: the client's, if it is one that may stand in a header and a log line, else a new one."""

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar

# No dots: what a client puts there by mistake may be a UID, which is not for the log.
_ID = re.compile(rb"[0-9A-Za-z_+/=-]{1,64}")
# Version 00 ends after its four fields; what later ones add is not looked at.
_TRACE = re.compile(rb"(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_BYTES = 16

current: ContextVar[str | None] = ContextVar("request", default=None)  # in threads, too: `Work` takes it along


def find(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """From X-Request-ID, or traceparent (W3C Trace Context §3.2), or made."""
    parents: list[bytes] = []
    for name, value in headers:
        if name == b"x-request-id" and _ID.fullmatch(value):
            return value.decode("ascii")
        if name == b"traceparent":
            parents.append(value)
    trace = _TRACE.fullmatch(parents[0]) if len(parents) == 1 else None  # nobody knows which of several it is
    return secrets.token_hex(_BYTES) if trace is None else trace[1].decode("ascii")

"""The header WWW-Authenticate (RFC 9110 §11.6.1, RFC 6750 §3): how to say who asks, and why what was said won't do."""

import re

from filmroom.errors import Error, Unauthenticated

REALM = "filmroom"


def bearer(issuer: str | None, audience: str | None) -> str:
    """The challenge where tokens of an identity provider are accepted, in the words of the Azure service, or not."""
    told = {"authorization_uri": issuer, "resource_id": audience, "realm": REALM}
    return "Bearer " + ", ".join(f'{name}="{_quoted(value)}"' for name, value in told.items() if value)


def of(challenge: str, error: Error) -> str:
    """With what was wrong. Who gave nothing is told nothing more (RFC 6750 §3.1)."""
    problem = error.problem if isinstance(error, Unauthenticated) else "insufficient_scope"
    return f'{challenge}, error="{problem}", error_description="{_quoted(str(error))}"' if problem else challenge


def _quoted(text: str) -> str:
    """The characters that RFC 6750 §3 allows there; an apostrophe is what comes nearest to a quotation mark."""
    return re.sub(r"[^\x20-\x7e]", "?", text.replace('"', "'").replace("\\", "/"))

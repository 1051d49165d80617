"""Signatures of webhooks by the Standard Webhooks scheme (standardwebhooks.com): HMAC-SHA256 of id, time and body.

The time is signed, so who has seen a message can't send it again to a receiver that refuses old ones.
"""

import base64
import hmac
import secrets
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"


def parse_secret(text: str) -> bytes:
    """The bytes of a secret."""
    return base64.b64decode(text.removeprefix(PREFIX))


def new_secret() -> str:
    """A secret that nobody else has."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(keys: Sequence[bytes], identifier: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """The headers of a message. With several secrets, as while one takes the place of another, either will do."""
    content = f"{identifier}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }

"""A real identity provider on loopback, of Node's `oidc-provider`, and tokens of it."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import pytest

from bench.servers import free_port
from tests.blobs.servers import NODE, SERVERS

PROGRAM = SERVERS / "identity_provider.mjs"
INSTALLED = NODE is not None and (SERVERS / "node_modules" / "oidc-provider").exists()
KEYS = ("one:RS256", "two:ES256")
HERE = "https://images.example"  # what tokens for our service are made for


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """One that runs."""

    issuer: str

    def token(self, roles: str = "reader", audience: str = HERE) -> str:
        """A token for who has these roles, "reader.writer", signed with the first key."""
        asked = {"grant_type": "client_credentials", "resource": audience}
        answer = httpx2.post(f"{self.issuer}/token", data=asked, auth=(roles, "secret"), timeout=30)
        answer.raise_for_status()
        return str(answer.json()["access_token"])


@contextmanager
def running(keys: Sequence[str] = KEYS, port: int | None = None) -> Iterator[IdentityProvider]:
    """A provider with keys of these names and algorithms, for as long as the block. Without Node the test skips."""
    if not INSTALLED:
        pytest.skip("no Node with oidc-provider (tests/servers)")
    command = [str(NODE), str(PROGRAM), str(port or free_port()), "3600", *keys]
    with subprocess.Popen(
        command, cwd=SERVERS, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout
            issuer = next(line.strip() for line in process.stdout if line.startswith("http://127.0.0.1"))
            yield IdentityProvider(issuer)
        finally:
            process.kill()

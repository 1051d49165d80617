"""The tokens of the file, as it is now, and what each lets do.

The file may lie on a disk that stands still. So a thread of its own looks at it, once a second, and whoever asks waits
for that only with a token that is not known yet.
"""

import asyncio
import hmac
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from filmroom import tokens
from filmroom.access import Access
from filmroom.errors import Unauthenticated, Unavailable
from filmroom.server.tries import Tries
from filmroom.tokens import StaticToken

EVERY = 1.0  # seconds between two looks, so that what was revoked is good for no longer than that
PATIENCE = 5.0  # seconds that somebody with a new token waits for a look

log = structlog.get_logger()


class StaticTokens:
    """What is known of the tokens in one file. `access` says what one lets do."""

    def __init__(self, path: Path, access: Callable[[StaticToken], Access]) -> None:
        self._path, self._access = path, access
        self._looking = Tries({"file": self._look})
        self._stamp: tuple[int, int, int] | None = None
        self._wrong: Unavailable | None = None
        self._by_id: dict[str, tuple[StaticToken, Access]] = {}

    async def find(self, id_: str, digest: str) -> Access:
        """What a token lets do. Unauthenticated if it is none of these, or has expired."""
        known = self._known(id_, digest)
        for _ in range(2):  # a look that is under way may be older than the token; the next is not
            if known is None:
                if not await self.look():
                    raise Unavailable("The file of tokens can't be read now: whether the token is good can't be told.")
                known = self._known(id_, digest)
        if known is None:
            raise Unauthenticated("The token is not known, or was revoked.")
        token, access = known
        if token.expires is not None and token.expires <= time.time():
            raise Unauthenticated("The token has expired: ask for a new one.")
        return access

    async def look(self) -> bool:
        """Look whether the file has changed, or wait for somebody else's look; whether that came to its end."""
        return bool((await self._looking.results(PATIENCE))["file"])

    async def go_on(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(EVERY)
            await self.look()

    def close(self) -> None:
        """Wait for the last look."""
        self._looking.close()

    def _known(self, id_: str, digest: str) -> tuple[StaticToken, Access] | None:
        if self._wrong is not None:
            raise Unavailable(str(self._wrong))
        found = self._by_id.get(id_)
        return found if found is not None and hmac.compare_digest(found[0].digest, digest) else None

    def _look(self) -> bool:
        try:
            stamp = self._stat()
            if stamp != self._stamp:
                listed = [] if stamp is None else tokens.read(self._path)
                self._by_id = {one.id: (one, self._access(one)) for one in listed}
                self._stamp = stamp
            self._wrong = None
        except Unavailable as error:
            self._wrong, self._stamp = error, None
        except Exception as error:  # noqa: BLE001 - else nobody would look again, and what is revoked would stay good
            log.error("unforeseen", error=type(error).__name__)  # what it says may be of a token
            self._wrong, self._stamp = Unavailable("The file of tokens can't be read: an internal error."), None
        return True

    def _stat(self) -> tuple[int, int, int] | None:
        """What changes with the file; None if there is none: none was made yet, or all were taken away."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"The file of tokens can't be read: {error.strerror}.") from error
        return found.st_mtime_ns, found.st_ino, found.st_size

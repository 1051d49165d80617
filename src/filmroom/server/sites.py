"""What pages of other sites may not have a browser do here. Pure ASGI.

Read, by a name of their own that they point at this address (DNS rebinding): the browser takes what is here for theirs.
Where nobody has to say who they are, the service therefore answers only to names that are known to be its own, and to
addresses, which nobody can point elsewhere.

Write, although they can't read the answer (cross-site request forgery): a change is refused when the browser says that
a page of another site asks for it. Programs that are no browsers say nothing of that. The rules are those of Go's
net/http (CrossOriginProtection). They hold for who has to say who they are, too: a browser shows the certificate of
its user to whomever a page asks.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from filmroom.errors import Forbidden
from filmroom.protocol import targets
from filmroom.server import errors

ANY = "*"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({b"same-origin", b"none"})  # none: its user typed the URL (Fetch Metadata §2.2)
_ALWAYS = "/health"  # who balances load asks by an address, by the name of a machine, or by none
UNKNOWN = (
    "Nobody has to say who they are here, so the service answers only to addresses, to localhost and to names that the "
    "settings host, public_url and hosts give. If the name that was used is its own, add it to the setting hosts."
)
_FOREIGN = "A page of another site may change nothing here. The setting cors_origins names those that may."

Known = Callable[[bytes], bool]


class Sites:
    """Wraps the application. `known` says whether a Host header is its own; None: it answers to all."""

    def __init__(self, app: ASGIApp, known: Known | None, origins: Sequence[str], public_url: str | None) -> None:
        self.app = app
        self._known = known
        own = [_origin(public_url)] if public_url else []
        self._origins = frozenset(origin.encode("latin-1") for origin in (*origins, *own))
        self._any = ANY in origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or say why not."""
        if scope["type"] == "http" and not scope["path"].lower().startswith(_ALWAYS):
            try:
                self._check(scope["method"], dict(scope["headers"]))
            except Forbidden as error:
                scope["handler"] = "refused"
                await (await errors.known(Request(scope), error))(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _check(self, method: str, headers: dict[bytes, bytes]) -> None:
        host = headers.get(b"host", b"")  # no browser leaves it out
        if self._known is not None and host and not self._known(host):
            raise Forbidden(UNKNOWN)
        if method in _SAFE or self._any:
            return
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        if site in _OWN or origin in self._origins:
            return
        if site is None and (origin is None or origin.partition(b"://")[2] == host.lower()):
            return
        raise Forbidden(_FOREIGN)


def known(host: str, public_url: str | None, more: Sequence[str]) -> Known:
    """Whether a Host header is that of a service with these settings (`more` is `hosts`).

    Beyond loopback a name without a dot will do as well, which no site of the internet has. On loopback it won't: the
    network that a laptop visits may give such a name to a page of its own.
    """
    names = {host.lower(), *more, *([urlsplit(public_url).hostname] if public_url else [])}
    alone = _is_of_this_machine(host)

    @lru_cache(64)
    def is_known(header: bytes) -> bool:
        name = (targets.host(header.decode("latin-1")) or "").lower().removesuffix(".")
        if ANY in names:
            return True
        own = name in names or _is_address(name) or _is_of_this_machine(name) or ("." not in name and not alone)
        return name != "" and own

    return is_known


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_of_this_machine(name: str) -> bool:
    """Browsers look such names up nowhere (RFC 6761 §6.3)."""
    if _is_address(name):
        return ip_address(name.strip("[]")).is_loopback
    return name == "localhost" or name.endswith(".localhost")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()

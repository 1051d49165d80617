"""Who asks: found out before anything else is done under the roots.

By a token in the header Authorization, of an identity provider (`identity`) or of the file of static ones
(`static_tokens`), or by a share link, which is a path before that of a root: `/shared/TOKEN/dicomweb`. A viewer that
can send no header can be given that as its base URL.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from filmroom import tokens
from filmroom.access import ANYBODY, Access, Action, Grant, Reach, Roles
from filmroom.errors import Forbidden, Unauthenticated
from filmroom.protocol import challenges
from filmroom.server.static_tokens import StaticTokens
from filmroom.services import sharing
from filmroom.tokens import StaticToken

if TYPE_CHECKING:
    from filmroom.server.identity import Provider  # loaded where there is one: with cryptography it takes long

Endpoint = Callable[[Request], Awaitable[Response]]

SHARED = "/shared/"
KEPT, KEPT_FOR = 4096, 300.0  # tokens of the provider known to be good, and for how many seconds at most
_LONGEST_NAME = 200  # characters of a name that are written down
_SCOPES = frozenset({"scope", "scp"})
_LONGEST_SUBJECT = 255  # and of a subject (OpenID Connect Core §2)


class Authority:
    """Whom to believe. With neither a provider nor a file of tokens, nobody has to say who they are.

    It belongs to the event loop.
    """

    def __init__(
        self,
        provider: "Provider | None",
        file: Path | None,
        roles: Roles,
        roles_claim: str = "roles",
        name_claim: str = "sub",
    ) -> None:
        self._provider, self._roles, self._roles_claim, self._name_claim = provider, roles, roles_claim, name_claim
        self._tokens = None if file is None else StaticTokens(file, self._of_file)
        self._looking: asyncio.Task[None] | None = None
        self._good: OrderedDict[bytes, tuple[float, Access]] = OrderedDict()  # by digests of tokens: until when
        # The header WWW-Authenticate for who does not say who it is
        self.challenge = challenges.bearer(*((provider.issuer, provider.audiences[0]) if provider else (None, None)))

    async def begin(self) -> None:
        """Know the tokens of the file, and from now on what changes there."""
        if self._tokens is not None:
            await self._tokens.look()
            self._looking = asyncio.create_task(self._tokens.go_on())

    def close(self) -> None:
        """Wait for what is looked at."""
        if self._looking is not None:
            self._looking.cancel()
        for one in (self._tokens, self._provider):
            if one is not None:
                one.close()

    async def identified(self, headers: Iterable[tuple[bytes, bytes]]) -> Access:
        """Who asks. Unauthenticated says why nobody knows."""
        if self._provider is None and self._tokens is None:
            return ANYBODY
        given = [value for name, value in headers if name == b"authorization"]
        if not given:
            raise Unauthenticated("Say who you are: send a token in the header Authorization.", "")
        scheme, _, token = given[0].decode("latin-1").strip().partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("The header Authorization must be 'Bearer' and a token, once.", "invalid_request")
        return await self._whose(token.strip())

    async def _whose(self, token: str) -> Access:
        if self._tokens is not None and (shown := tokens.shown(token)) is not None:
            return await self._tokens.find(*shown)
        if self._provider is None:
            raise Unauthenticated("The token is none of those that `filmroom token` made.")
        digest = hashlib.sha256(token.encode()).digest()
        good = self._good.get(digest)
        if good is not None and good[0] > time.time():
            return good[1]
        claims = await self._provider.verify(token)
        access = self._of_provider(claims)
        until = min(float(claims["exp"]) + self._provider.skew, time.time() + KEPT_FOR)
        self._good[digest] = until, access
        if len(self._good) > KEPT:
            self._good.popitem(last=False)
        return access

    def _of_file(self, token: StaticToken) -> Access:
        access = self._roles.access(token.name, token.roles, f"token:{token.id}")
        return access.narrowed(token.partitions) if token.partitions else access

    def _of_provider(self, claims: Mapping[str, Any]) -> Access:
        name = str(_inside(claims, self._name_claim) or claims.get("sub") or "unnamed")
        subject = str(claims.get("sub") or "")[:_LONGEST_SUBJECT]
        id_ = f"{claims['iss']} {subject}" if subject else ""  # no URL has a blank in it
        return self._roles.access(name[:_LONGEST_NAME], roles_of(claims, self._roles_claim), id_)


class Gate:
    """Wraps the roots: nobody passes who is not known."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put who asks where `admission` finds it, or say why nobody knows them."""
        await (_enter_by_link if scope["path"].startswith(SHARED) else _enter)(scope)
        await self.app(scope, receive, send)


def only_for(action: Action, answer: Endpoint) -> Endpoint:
    """An endpoint beside the roots, which is of all data partitions, for who may do this in all of them."""

    async def endpoint(request: Request) -> Response:
        access = await _enter(request.scope)
        if not access.reaching(action, Reach.SERVICE):
            raise Forbidden(f"{access.name} has no role that allows '{action}' for all data partitions.")
        return await answer(request)

    return endpoint


async def _enter(scope: Scope) -> Access:
    access: Access = await scope["state"]["authority"].identified(scope["headers"])
    scope["access"] = access
    return access


async def _enter_by_link(scope: Scope) -> Access:
    """What follows the token is the path, and what comes before that goes into all URLs that are answered."""
    token, slash, rest = scope["path"].removeprefix(SHARED).partition("/")
    state: Any = Request(scope).state
    link = await state.work.run(sharing.open_link, state.archive, token)
    grant = Grant(frozenset({Action.READ}), (link.partition,), f"StudyInstanceUID={link.study}", link.deidentified)
    access = scope["access"] = Access(f"share link {link.id}", grants=(grant,), id=f"link:{link.id}")
    scope["prefix"] = SHARED + token
    scope["path"] = slash + rest
    return access


def _inside(claims: Mapping[str, Any], path: str) -> Any:
    """A claim; with dots, one inside of others (`realm_access.roles`), unless it has the dots in its name."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def roles_of(claims: Mapping[str, Any], path: str) -> list[str]:
    """The roles of a claim: a list, or a text, which is one role whatever blanks are in it.

    Only scopes are a text of several (RFC 6749 §3.3; `scp` is Entra's): of others, which may be written for people, one
    word must not open what the whole does not name.
    """
    value = _inside(claims, path)
    if isinstance(value, str):
        return value.split() if path.rpartition(".")[2] in _SCOPES else [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []

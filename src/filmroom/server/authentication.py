"""Who asks: found out before anything else is done under the roots.

By a token in the header Authorization, of an identity provider (`identity`) or of the file of static ones (`tokens`),
or by a share link, which is a path before that of a root: `/shared/TOKEN/dicomweb`. A viewer that can send no header
can be given that as its base URL.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from filmroom.access import ANYBODY, Access, Action, Grant
from filmroom.errors import Forbidden, Unauthenticated
from filmroom.protocol import challenges
from filmroom.server.identity import Claims, Provider
from filmroom.server.work import Work
from filmroom.services import sharing
from filmroom.tokens import StaticToken, Tokens, is_one

Endpoint = Callable[[Request], Awaitable[Response]]

SHARED = "/shared/"
_LONGEST_NAME = 200  # characters of a name that are written down


@dataclass(frozen=True, slots=True)
class Authority:
    """Whom to believe, and what roles allow. With neither provider nor tokens, nobody has to say who they are."""

    provider: Provider | None = None
    tokens: Tokens | None = None
    roles: Mapping[str, Grant] = field(default_factory=dict)
    roles_claim: str = "roles"
    name_claim: str = "sub"
    default_role: str | None = None  # of whoever is known and has no role

    @property
    def required(self) -> bool:
        """Whether who asks has to say who they are."""
        return self.provider is not None or self.tokens is not None

    @property
    def challenge(self) -> str:
        """The header WWW-Authenticate for who did not."""
        if self.provider is None:
            return challenges.bearer(None, None)
        return challenges.bearer(self.provider.issuer, self.provider.audiences[0])

    async def identified(self, request: Request) -> Access:
        """Who asks. Unauthenticated says why nobody knows."""
        if not self.required:
            return ANYBODY
        given = request.headers.getlist("authorization")
        if not given:
            raise Unauthenticated("Say who you are: send a token in the header Authorization.", "")
        scheme, _, token = given[0].strip().partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("The header Authorization must be 'Bearer' and a token, once.", "invalid_request")
        return await self.identify(request.state.work, token.strip())

    async def identify(self, work: Work, token: str) -> Access:
        """Whose token it is. Unauthenticated if it is nobody's."""
        if self.tokens is not None and is_one(token):
            return self._of_file(self.tokens.find(token))
        if self.provider is None:
            raise Unauthenticated("The token is none of those that `filmroom token` made.")
        claims = self.provider.known(token)
        if claims is None:
            claims = await work.run(self.provider.verify, token)
        return self._of_provider(claims)

    def _of_file(self, token: StaticToken | None) -> Access:
        if token is None:
            raise Unauthenticated("The token is not known, or was revoked.")
        if token.expires is not None and token.expires <= time.time():
            raise Unauthenticated("The token has expired: ask for a new one.")
        access = self._with_roles(token.name, token.roles)
        return access.narrowed(token.partitions) if token.partitions else access

    def _of_provider(self, claims: Claims) -> Access:
        name = _inside(claims, self.name_claim) or claims.get("sub") or "unnamed"
        return self._with_roles(str(name)[:_LONGEST_NAME], _listed(_inside(claims, self.roles_claim)))

    def _with_roles(self, name: str, named: Iterable[str]) -> Access:
        given = tuple(dict.fromkeys(named))
        known = tuple(role for role in given if role in self.roles)
        if not known and self.default_role is not None:
            given = known = (self.default_role,)
        return Access(name, given, tuple(self.roles[role] for role in known))


class Gate:
    """Wraps the roots: nobody passes who is not known."""

    def __init__(self, app: ASGIApp, authority: Authority) -> None:
        self.app = app
        self.authority = authority

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put who asks where `admission` finds it, or say why nobody knows them."""
        scope["challenge"] = self.authority.challenge
        if scope["path"].startswith(SHARED):
            await _enter_by_link(scope)
        else:
            scope["access"] = await self.authority.identified(Request(scope))
        await self.app(scope, receive, send)


def only_for(action: Action, authority: Authority, answer: Endpoint) -> Endpoint:
    """An endpoint beside the roots, which is of all data partitions, for who may do this in all of them."""

    async def endpoint(request: Request) -> Response:
        request.scope["challenge"] = authority.challenge
        access = request.scope["access"] = await authority.identified(request)
        if all(one.partitions for one in access.grants_for(action)):
            raise Forbidden(f"{access.name} has no role that allows '{action}' for all data partitions.")
        return await answer(request)

    return endpoint


async def _enter_by_link(scope: Scope) -> None:
    """What follows the token is the path, and what comes before that goes into all URLs that are answered."""
    token, slash, rest = scope["path"].removeprefix(SHARED).partition("/")
    state: Any = Request(scope).state
    link = await state.work.run(sharing.open_link, state.archive, token)
    grant = Grant(frozenset({Action.READ}), (link.partition,), f"StudyInstanceUID={link.study}", link.deidentified)
    scope["access"] = Access(f"share link {link.id}", grants=(grant,))
    scope["prefix"] = SHARED + token
    scope["path"] = slash + rest


def _inside(claims: Claims, path: str) -> Any:
    """A claim; with dots, one inside of others (`realm_access.roles`), unless it has the dots in its name."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _listed(value: object) -> list[str]:
    """Roles as a list, or as a text with blanks between (RFC 6749 §3.3)."""
    if isinstance(value, str):
        return value.split()
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []

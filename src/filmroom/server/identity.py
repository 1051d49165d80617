"""Tokens of an identity provider (OpenID Connect): who made them, for whom, until when, and what they say.

The provider says by Discovery (OpenID Connect Discovery 1.0 §4) where its keys are. They are fetched when the first
token comes, again after a while, and when a token names one that is not known: providers change keys at any time.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import jwt
import structlog

from filmroom import metrics
from filmroom.errors import Unauthenticated, Unavailable
from filmroom.server.tries import Tries

log = structlog.get_logger()

KEYS_AGE = 3600.0  # seconds after which keys are fetched anew
LEAST_AGE = 30.0  # and before which they are not, whatever keys are named: who names some must not make us ask for more
REST = 10.0  # seconds after a failure before the provider is asked again
PATIENCE = 5.0  # seconds that the provider may take
WAITED = 10.0  # seconds that a token waits for its keys, which are two answers
LONGEST = 16 * 1024  # characters of a token

_DISCOVERY = "/.well-known/openid-configuration"
Claims = Mapping[str, Any]


class Provider:
    """The tokens of one provider; `skew` is by how many seconds clocks may differ. It belongs to the event loop.

    The provider is asked in a thread of its own, one time at once: with one that does not answer, and any number of
    tokens whose keys are made up, no thread of those waits that requests need.
    """

    def __init__(self, issuer: str, audiences: Sequence[str], algorithms: Sequence[str], skew: float) -> None:
        self.issuer, self.audiences, self.skew = issuer, audiences, skew
        self._algorithms = algorithms
        self._asking = Tries({"provider": self._ask})
        self._named = ""  # how tokens name the issuer, as it says itself; nothing before it has answered
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._fetched = self._failed = -float("inf")

    async def verify(self, token: str) -> Claims:
        """What a token says. Unauthenticated says why it is refused."""
        if len(token) > LONGEST:
            raise Unauthenticated(f"The token is longer than {LONGEST} characters.")
        header = _header(token)
        if header.get("alg") not in self._algorithms:
            raise Unauthenticated(
                f"The token is signed by '{header.get('alg')}'; accepted is {' or '.join(self._algorithms)}."
            )
        key = await self._key(header.get("kid"))
        return await asyncio.to_thread(self._decode, token, key)

    def close(self) -> None:
        """Wait for what is asked."""
        self._asking.close()

    def _decode(self, token: str, key: jwt.PyJWK) -> Claims:
        try:
            return dict(
                jwt.decode(
                    token,
                    key,
                    algorithms=list(self._algorithms),
                    audience=list(self.audiences),
                    issuer=self._named,
                    leeway=self.skew,
                    options={"require": ["exp", "iss", "aud"]},
                )
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(_reason(error, self._named, self.audiences)) from error

    async def _key(self, wanted: object) -> jwt.PyJWK:
        """The key of that name. A token that names none is of the only one."""
        await self._refresh(unknown=wanted is not None and str(wanted) not in self._keys)
        keys = self._keys
        if not self._named:
            raise Unavailable("The identity provider does not answer: whether the token is good can't be told.")
        found = next(iter(keys.values())) if wanted is None and len(keys) == 1 else keys.get(str(wanted))
        if found is None:
            raise Unauthenticated("The token is signed by a key that the identity provider does not have.")
        return found

    async def _refresh(self, *, unknown: bool) -> None:
        """Have the keys fetched if it is time for that; `unknown`: that of the token is not among them."""
        now = time.monotonic()
        if now - self._fetched < (LEAST_AGE if unknown else KEYS_AGE) or now - self._failed < REST:
            return
        if self._asking.under_way and self._keys and not unknown:
            return  # another waits for new ones; those that there are will do
        await self._asking.results(WAITED)

    def _ask(self) -> None:
        try:
            self._named, self._keys = fetch(self.issuer)
            self._fetched = time.monotonic()
            metrics.identity_provider_failing.set(0)
        except Unavailable as error:
            metrics.identity_provider_failing.set(1)
            log.error("identity provider", reason=str(error))
            self._failed = time.monotonic()


def fetch(issuer: str) -> tuple[str, dict[str | None, jwt.PyJWK]]:
    """How an issuer names itself, and its keys by their names. Unavailable if it can't be reached or says neither."""
    try:
        with httpx2.Client(timeout=PATIENCE, follow_redirects=False) as client:
            said = _json(client, issuer.rstrip("/") + _DISCOVERY)
            listed = _json(client, str(said["jwks_uri"]))["keys"]
            keys = {one.get("kid"): key for one in listed if (key := _usable(one)) is not None}
            return str(said["issuer"]), keys
    except httpx2.HTTPError as error:
        raise Unavailable(f"The identity provider {issuer} can't be reached: {type(error).__name__}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(f"The identity provider {issuer} does not say where its keys are, or which.") from error


def _json(client: httpx2.Client, url: str) -> dict[str, Any]:
    response = client.get(url)
    response.raise_for_status()
    return dict(response.json())


def _usable(key: dict[str, Any]) -> jwt.PyJWK | None:
    """A key for signatures, if it is of a kind that is known here."""
    if key.get("use", "sig") != "sig":
        return None
    try:
        return jwt.PyJWK(key)
    except jwt.PyJWTError:
        return None


def _header(token: str) -> dict[str, Any]:
    try:
        return jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise Unauthenticated("The token is not a JSON Web Token (RFC 7519).") from None


def _reason(error: jwt.PyJWTError, issuer: str, audiences: Sequence[str]) -> str:
    """Which of the conditions does not hold, most telling first."""
    for kind, sentence in _REASONS.items():
        if isinstance(error, kind):
            return sentence.format(issuer=issuer, audiences=" or ".join(audiences), error=error)
    return "The token can't be understood."


_REASONS: Mapping[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "The token has expired: get a new one from the identity provider.",
    jwt.ImmatureSignatureError: "The token is not valid yet: compare the clocks of this machine and the provider's.",
    jwt.InvalidAudienceError: "The token is for another service: its claim 'aud' must be {audiences}.",
    jwt.InvalidIssuerError: "The token is of another identity provider: its claim 'iss' must be {issuer}.",
    jwt.MissingRequiredClaimError: "{error}.",
    jwt.InvalidSignatureError: "The signature of the token is wrong.",
    jwt.InvalidAlgorithmError: "The token is signed in a way that its key is not for.",
}

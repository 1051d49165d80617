"""Tokens of an identity provider (OpenID Connect): who made them, for whom, until when, and what they say.

The provider says by Discovery (OpenID Connect Discovery 1.0 §4) where its keys are. They are fetched when the first
token comes, again after a while, and when a token names one that is not known: providers change keys at any time. They
are believed because of TLS alone, so the document must be that of the issuer, and the keys must come by https.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jwt
import structlog

from filmroom import metrics
from filmroom.errors import Unauthenticated, Unavailable
from filmroom.server.tries import Tries
from filmroom.services.diagnosis import reach

log = structlog.get_logger()

KEYS_AGE = 3600.0  # seconds after which keys are fetched anew
LEAST_AGE = 30.0  # and before which they are not, whatever keys are named: who names some must not make us ask for more
REST = 10.0  # seconds after a failure before the provider is asked again
PATIENCE = 5.0  # seconds that the provider may take
WAITED = 10.0  # seconds that a token waits for its keys, which are two answers
LONGEST = 16 * 1024  # characters of a token

_DISCOVERY = "/.well-known/openid-configuration"
_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}  # by how algorithms begin (RFC 7518 §3.1, RFC 8037)
Claims = Mapping[str, Any]
Key = Mapping[str, Any]  # a JSON Web Key (RFC 7517)


class Provider:
    """The tokens of one provider; `skew` is by how many seconds clocks may differ. It belongs to the event loop.

    The provider is asked in a thread of its own, one time at once: with one that does not answer, and any number of
    tokens whose keys are made up, no thread of those waits that requests need.
    """

    def __init__(self, issuer: str, audiences: Sequence[str], algorithms: Sequence[str], skew: float) -> None:
        self.issuer, self.audiences, self.skew = issuer, audiences, skew
        self._algorithms = algorithms
        self._asking = Tries({"provider": self._ask})
        self._keys: Sequence[Key] | None = None  # None: it has never answered
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
        key = await self._key(header["alg"], header.get("kid"))
        return await asyncio.to_thread(self._decode, token, key, header["alg"])

    def close(self) -> None:
        """Wait for what is asked."""
        self._asking.close()

    def _decode(self, token: str, key: Key, algorithm: str) -> Claims:
        try:
            return dict(
                jwt.decode(
                    token,
                    jwt.PyJWK(dict(key), algorithm),
                    algorithms=[algorithm],
                    audience=list(self.audiences),
                    issuer=self.issuer,
                    leeway=self.skew,
                    options={"require": ["exp", "iss", "aud"]},
                )
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(_reason(error, self.issuer, self.audiences)) from error

    async def _key(self, algorithm: str, wanted: str | None) -> Key:
        """The key of that name. A token that names none is of the only one that can have signed it so."""
        await self._refresh(known=bool(self._named(wanted)))
        if self._keys is None:
            raise Unavailable(
                "The identity provider does not answer as it should: whether the token is good can't be told."
            )
        named = self._named(wanted)
        if not named:
            raise Unauthenticated("The token is signed by a key that the identity provider does not have.")
        fitting = [one for one in named if _fits(one, algorithm)]
        if not fitting:
            raise Unauthenticated(_REASONS[jwt.InvalidAlgorithmError])
        if wanted is None and len(fitting) > 1:
            raise Unauthenticated("The token does not name its key ('kid'), and the identity provider has several.")
        return fitting[0]

    def _named(self, wanted: str | None) -> list[Key]:
        return [one for one in self._keys or () if wanted is None or one.get("kid") == wanted]

    async def _refresh(self, *, known: bool) -> None:
        """Have the keys fetched if it is time for that; `known`: that of the token is among them."""
        now, away = time.monotonic(), self._failed > self._fetched
        if now - self._fetched < (KEYS_AGE if known and not away else LEAST_AGE) or now - self._failed < REST:
            return
        if self._asking.under_way and known:
            return  # another waits for new ones; those that there are will do
        await self._asking.results(0.0 if known and away else WAITED)

    def _ask(self) -> None:
        try:
            self._keys = fetch(self.issuer)
            self._fetched = time.monotonic()
            metrics.identity_provider_failing.set(0)
        except Unavailable as error:
            metrics.identity_provider_failing.set(1)
            log.error("identity provider", reason=str(error))
            self._failed = time.monotonic()


def fetch(issuer: str) -> list[Key]:
    """The keys of an issuer. Unavailable if it can't be reached, is another, or does not say which they are."""
    try:
        with httpx2.Client(timeout=PATIENCE, follow_redirects=False) as client:
            said = _json(client, issuer.rstrip("/") + _DISCOVERY)
            named, place = str(said["issuer"]), str(said["jwks_uri"])
            if named != issuer:  # OpenID Connect Discovery 1.0 §4.3: then nothing of it may be used
                raise Unavailable(
                    f"The identity provider at {issuer} names itself {named}: the setting issuer must be that, to the "
                    "letter, as tokens have it."
                )
            if not place.startswith("https://") and _host(place) != _host(issuer):
                raise Unavailable(
                    f"The identity provider {issuer} has its keys at {place}: whoever can change what comes over http "
                    "could make tokens."
                )
            return [one for one in _json(client, place)["keys"] if _is_usable(one)]
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:  # the latter: SSL_CERT_FILE can't be read
        raise Unavailable(f"The identity provider {issuer} can't be reached: {reach.why(error)}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(f"The identity provider {issuer} does not say where its keys are, or which.") from error


def _host(url: str) -> tuple[str, str | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname


def _json(client: httpx2.Client, url: str) -> dict[str, Any]:
    response = client.get(url)
    response.raise_for_status()
    return dict(response.json())


def _is_usable(key: dict[str, Any]) -> bool:
    """Whether it is for signatures, and of a kind that is known here."""
    if key.get("use", "sig") != "sig":
        return False
    try:
        jwt.PyJWK(key)
    except jwt.PyJWTError:
        return False
    return True


def _fits(key: Key, algorithm: str) -> bool:
    """Whether it can have signed so. A key need not say how it signs (RFC 7517 §4.4)."""
    return bool(key["kty"] == _KEY_TYPES[algorithm[:2]] and (key.get("alg") or algorithm) == algorithm)


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
    jwt.InvalidKeyError: "The token is signed in a way that its key is not for.",
}

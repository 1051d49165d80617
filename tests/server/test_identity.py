"""Tokens of a real identity provider, and what is wrong with those that are refused."""

import asyncio
import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bench.servers import free_port
from filmroom import metrics, setting_values
from filmroom.errors import Unauthenticated, Unavailable
from filmroom.server import identity
from filmroom.server.identity import Claims, Provider
from filmroom.settings import Settings
from tests import identity_provider
from tests.identity_provider import HERE, IdentityProvider

ALGORITHMS = Settings.model_fields["algorithms"].default


@pytest.fixture(scope="module")
def issuing() -> Iterator[IdentityProvider]:
    with identity_provider.running() as provider:
        yield provider


def trusting(issuer: str, audiences: tuple[str, ...] = ("other", HERE)) -> Provider:
    return Provider(issuer, audiences, ALGORITHMS, skew=60.0)


def verify(provider: Provider, token: str) -> Claims:
    return asyncio.run(provider.verify(token))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "PS256"])
def test_a_token_says_who_it_is_and_which_roles(algorithm: str) -> None:
    with identity_provider.running([f"only:{algorithm}"]) as issuing:
        provider, token = trusting(issuing.issuer), issuing.token("reader.writer")
        claims = verify(provider, token)
    assert (claims["sub"], claims["roles"]) == ("reader.writer", ["reader", "writer"])


def test_what_a_refused_token_is_refused_for(issuing: IdentityProvider) -> None:
    token = issuing.token()
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[:-8]}AAAAAAAA"
    for given, provider, reason in (
        ("nonsense", trusting(issuing.issuer), "is not a JSON Web Token"),
        (token, trusting(issuing.issuer, audiences=("other",)), "'aud' must be other"),
        (forged, trusting(issuing.issuer), "The signature of the token is wrong"),
        ("x" * 20_000, trusting(issuing.issuer), "longer than 16384 characters"),
    ):
        with pytest.raises(Unauthenticated, match=reason):
            verify(provider, given)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_that_anybody_could_make_is_refused(issuing: IdentityProvider, algorithm: str) -> None:
    """With the public key as if it were a secret, and with none (RFC 8725 §2.1)."""
    public = json.dumps(httpx2.get(f"{issuing.issuer}/jwks").json()["keys"][0])
    claims = {"iss": issuing.issuer, "aud": HERE, "sub": "me", "exp": 4e9, "roles": ["admin"]}
    parts = ({"alg": algorithm, "kid": "one"}, claims)
    signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    seal = b"" if algorithm == "none" else hmac.digest(public.encode(), signed, "sha256")
    made = (signed + b"." + base64.urlsafe_b64encode(seal).rstrip(b"=")).decode()
    with pytest.raises(Unauthenticated, match=f"signed by '{algorithm}'; accepted is RS256"):
        verify(trusting(issuing.issuer), made)


def test_a_token_of_another_provider_is_refused(issuing: IdentityProvider) -> None:
    with (
        identity_provider.running(["other:RS256"]) as other,
        pytest.raises(Unauthenticated, match="a key that the identity provider does not have"),
    ):
        verify(trusting(issuing.issuer), other.token())


def test_a_key_that_is_new_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "LEAST_AGE", 0.0)
    port = free_port()
    with identity_provider.running(["old:RS256"], port) as issuing:
        provider = trusting(issuing.issuer)
        verify(provider, before := issuing.token())
    with identity_provider.running(["new:ES256"], port) as issuing:
        assert verify(provider, issuing.token())["sub"] == "reader"
    with pytest.raises(Unauthenticated, match="does not have"):
        verify(provider, before)


def test_keys_are_kept_while_the_provider_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "KEYS_AGE", 0.0)
    with identity_provider.running() as issuing:
        provider = trusting(issuing.issuer)
        verify(provider, issuing.token())
        another = issuing.token("writer")
    assert verify(provider, another)["sub"] == "writer"
    assert metrics.REGISTRY.get_sample_value("filmroom_identity_provider_failing") == 1
    with identity_provider.running() as issuing:
        verify(trusting(issuing.issuer), issuing.token())
    assert metrics.REGISTRY.get_sample_value("filmroom_identity_provider_failing") == 0


def test_a_provider_that_never_answered_is_unavailable() -> None:
    provider = trusting(f"http://127.0.0.1:{free_port()}")
    token = jwt.encode({"sub": "me"}, _private_key(), "ES256", {"kid": "one"})
    for _ in range(2):  # the second is not even tried
        with pytest.raises(Unavailable, match="does not answer"):
            verify(provider, token)


def _private_key() -> Any:
    return jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).prepare_key(KEY)


KEY = """-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY/PuoAoGCCqGSM49
AwEHoUQDQgAEPR3tU2Fta9ktY+6P9G0cWO+0kETA6SFs38GecTyudlHz6xvCdz8q
EKTcWGekdmdDPsHloRNtsiCa697B2O9IFA==
-----END EC PRIVATE KEY-----
"""


@contextmanager
def answering(document: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """A server that says what it is told to, and what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if (hanging := document.pop("hanging", None)) is not None:
                hanging.wait(60)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        document |= {"issuer": url, "jwks_uri": f"{url}/jwks"} | document
        yield url, asked
        server.shutdown()
        thread.join()


OWN_KEY = jwt.algorithms.ECAlgorithm.to_jwk(_private_key().public_key(), as_dict=True) | {"kid": "own"}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"exp": 600}, "has expired"),
        ({"exp": -3600, "nbf": -600}, "is not valid yet"),
        ({"exp": -3600, "aud": None}, 'missing the "aud" claim'),
        ({"aud": HERE}, 'missing the "exp" claim'),
    ],
)
def test_a_token_has_its_time_and_says_what_it_is_for(said: dict[str, Any], reason: str) -> None:
    """Times in seconds before now; a minute's difference between clocks is allowed for."""
    now = time.time()
    claims: dict[str, Any] = {"aud": HERE, "sub": "me"}
    claims |= {name: value if isinstance(value, str) else value and now - value for name, value in said.items()}
    claims = {name: value for name, value in claims.items() if value is not None}
    with answering({"keys": [OWN_KEY]}) as (issuer, _):
        good = jwt.encode({"iss": issuer, "aud": HERE, "exp": now - 50}, _private_key(), "ES256", {"kid": "own"})
        verify(trusting(issuer), good)
        with pytest.raises(Unauthenticated, match=reason):
            verify(trusting(issuer), jwt.encode({"iss": issuer} | claims, _private_key(), "ES256", {"kid": "own"}))


def test_keys_that_are_not_known_are_asked_for_now_and_then_alone() -> None:
    with answering({"keys": []}) as (issuer, asked):
        provider = trusting(issuer)
        for number in range(10):
            with pytest.raises(Unauthenticated):
                verify(provider, jwt.encode({}, _private_key(), "ES256", {"kid": f"{number}"}))
    assert asked == ["/.well-known/openid-configuration", "/jwks"]


def test_what_is_no_discovery_document_is_told() -> None:
    with answering({"keys": None}) as (issuer, _), pytest.raises(Unavailable, match="where its keys are"):
        identity.fetch(issuer)


def test_a_provider_that_names_itself_otherwise_is_not_believed() -> None:
    """To the letter (OpenID Connect Discovery 1.0 §4.3)."""
    with answering({"keys": [OWN_KEY]}) as (issuer, asked):
        for given in (f"{issuer}/", issuer.replace("127.0.0.1", "localhost")):
            with pytest.raises(Unavailable, match="names itself http://127"):
                identity.fetch(given)
    assert asked == ["/.well-known/openid-configuration"] * 2


def test_keys_do_not_come_by_http() -> None:
    with (
        answering({"jwks_uri": "http://provider.invalid/jwks"}) as (issuer, _),
        pytest.raises(Unavailable, match="has its keys at http://provider.invalid/jwks"),
    ):
        identity.fetch(issuer)


def test_a_place_of_keys_that_is_no_url_is_told() -> None:
    with answering({"jwks_uri": "https://provider.invalid:keys/"}) as (issuer, _), pytest.raises(Unavailable):
        identity.fetch(issuer)


RSA = rsa.generate_private_key(65537, 2048)


def _public(key: Any, **more: str) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return kind.to_jwk(key.public_key(), as_dict=True) | more


def _signed(issuer: str, key: Any, algorithm: str, kid: str | None = None) -> str:
    claims = {"iss": issuer, "aud": HERE, "sub": "me", "exp": time.time() + 60}
    return jwt.encode(claims, key, algorithm, None if kid is None else {"kid": kid})


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "PS256", "PS512"])
def test_a_key_that_does_not_say_how_it_signs_is_good_for_all_of_its_kind(algorithm: str) -> None:
    with answering({"keys": [_public(RSA, kid="own")]}) as (issuer, _):
        provider = Provider(issuer, [HERE], setting_values.ALGORITHMS, 0.0)
        assert verify(provider, _signed(issuer, RSA, algorithm, "own"))["sub"] == "me"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (_public(RSA, kid="own", alg="RS256"), "PS256"),  # it says for what it is
        (_public(RSA, kid="own"), "ES256"),
        ({"kty": "oct", "k": "c2VjcmV0", "kid": "own"}, "ES256"),
        (OWN_KEY, "ES384"),  # another curve
    ],
)
def test_a_key_is_for_nothing_else(key: dict[str, Any], algorithm: str) -> None:
    signer = (
        RSA
        if algorithm.startswith("PS")
        else ec.generate_private_key(ec.SECP384R1() if algorithm == "ES384" else ec.SECP256R1())
    )
    with answering({"keys": [key]}) as (issuer, _), pytest.raises(Unauthenticated, match="that its key is not for"):
        verify(trusting(issuer), _signed(issuer, signer, algorithm, "own"))


def test_a_token_that_names_no_key_is_of_the_only_one_that_can_have_signed_it() -> None:
    with answering({"keys": [OWN_KEY, _public(RSA, kid="other")]}) as (issuer, _):
        assert verify(trusting(issuer), _signed(issuer, _private_key(), "ES256"))["sub"] == "me"


def test_a_token_that_names_none_of_several_keys_is_refused_for_that() -> None:
    with (
        answering({"keys": [_public(RSA, kid="own"), _public(RSA, kid="other")]}) as (issuer, _),
        pytest.raises(Unauthenticated, match="does not name its key"),
    ):
        verify(trusting(issuer), _signed(issuer, RSA, "RS256"))


def test_while_a_provider_hangs_tokens_of_known_keys_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds that it fails has waited for it; nobody does after that, also when it is asked again."""
    monkeypatch.setattr(identity, "KEYS_AGE", 0.0)
    monkeypatch.setattr(identity, "REST", 0.0)
    monkeypatch.setattr(identity, "PATIENCE", 60.0)

    async def tried(issuer: str, document: dict[str, Any], hanging: threading.Event) -> None:
        provider, token = trusting(issuer), _signed(issuer, _private_key(), "ES256", "own")
        await provider.verify(token)
        document["issuer"] = "another"
        await provider.verify(token)
        document["hanging"] = hanging
        for _ in range(3):
            assert (await asyncio.wait_for(provider.verify(token), 30))["sub"] == "me"
        hanging.set()
        await asyncio.to_thread(provider.close)

    document: dict[str, Any] = {"keys": [OWN_KEY]}
    hanging = threading.Event()
    with answering(document) as (issuer, _):
        try:
            asyncio.run(tried(issuer, document, hanging))
        finally:
            hanging.set()

"""Static tokens, for a site without an identity provider: kept in a file, hashed.

A token is drawn by chance, 32 bytes of it, so that a plain digest is enough: nobody can try them all.
"""

import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from filmroom.durable import sync, sync_folder
from filmroom.errors import Unavailable

_PREFIX = "filmroom"  # programs that look for secrets in places where none belong find it by this
_ID_BYTES, _SECRET_BYTES = 4, 32


@dataclass(frozen=True, slots=True)
class StaticToken:
    """What is known of a token. Times are seconds since 1970; one that does not expire has none."""

    id: str
    name: str
    roles: tuple[str, ...]
    digest: str
    created: float
    expires: float | None = None
    partitions: tuple[str, ...] = ()


def create(
    path: Path, name: str, roles: Iterable[str], partitions: Iterable[str], lifetime: float | None
) -> tuple[StaticToken, str]:
    """Add a token to the file, which is made if it is not there; and the token itself, which nobody can tell again."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    now = time.time()
    made = StaticToken(
        id=secrets.token_hex(_ID_BYTES),
        name=name,
        roles=tuple(roles),
        digest=_digest(secret),
        created=now,
        expires=None if lifetime is None else now + lifetime,
        partitions=tuple(partitions),
    )
    _change(path, lambda tokens: [*tokens, made])
    return made, f"{_PREFIX}_{made.id}_{secret}"


def revoke(path: Path, id_: str) -> bool:
    """Take a token out of the file; whether it was there."""
    before: list[StaticToken] = []

    def without(tokens: list[StaticToken]) -> list[StaticToken]:
        before.extend(tokens)
        return [one for one in tokens if one.id != id_]

    _change(path, without)
    return any(one.id == id_ for one in before)


def read(path: Path) -> list[StaticToken]:
    """The tokens of a file. Unavailable if it can't be read."""
    try:
        return _parse(path.read_bytes())
    except OSError as error:
        raise Unavailable(f"The file of tokens {path} can't be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise Unavailable(f"The file of tokens {path} is damaged: make its tokens anew, in another file.") from error


def shown(text: str) -> tuple[str, str] | None:
    """The id and the digest of a token that somebody shows; None if it does not look like one of these."""
    prefix, _, rest = text.partition("_")
    id_, _, secret = rest.partition("_")
    return (id_, _digest(secret)) if prefix == _PREFIX else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _change(path: Path, change: Callable[[list[StaticToken]], list[StaticToken]]) -> None:
    """Of several that change the file each takes its turn; who reads it finds it whole."""
    try:
        with path.with_suffix(".lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            tokens = change(read(path) if path.exists() else [])
            written = path.with_suffix(".new")
            with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(_format(tokens))
                file.flush()
                sync(file.fileno())
            written.replace(path)
            sync_folder(path.parent)
    except OSError as error:
        raise Unavailable(f"The file of tokens {path} can't be written: {error.strerror}.") from error


def _format(tokens: Iterable[StaticToken]) -> bytes:
    return orjson.dumps({"tokens": [asdict(one) for one in tokens]}, option=orjson.OPT_INDENT_2)


def _parse(text: bytes) -> list[StaticToken]:
    listed: list[dict[str, Any]] = orjson.loads(text)["tokens"]
    found = [
        StaticToken(**one | {"roles": tuple(one["roles"]), "partitions": tuple(one["partitions"])}) for one in listed
    ]
    for one in found:
        texts = (one.id, one.name, one.digest, *one.roles, *one.partitions)
        if not all(isinstance(text, str) for text in texts) or not isinstance(one.expires, float | int | None):
            raise TypeError(one.id)
    return found

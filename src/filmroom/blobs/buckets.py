"""Buckets of object stores by URL: how they are reached, and what is said when they can't be.

    s3://bucket/prefix    Amazon S3 and what speaks its language
    az://container/prefix Azure Blob Storage
    gs://bucket/prefix    Google Cloud Storage

Requests are tried again with jitter, for a limited time. Of what a library reports nothing but the status and the
code of the store is repeated: a URL may hold a signature.
"""

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from filmroom.errors import Unavailable

try:
    import obstore
    from obstore import exceptions as refusals
    from obstore import store as stores
except ModuleNotFoundError:  # pragma: no cover - the tests have it
    obstore = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from obstore.store import ObjectStore

T = TypeVar("T")
_TRIES = 6  # when the connection breaks off, of what does no harm if it was done already: obstore does not repeat it
_PAUSE = 0.2  # seconds at most before the second try, twice as long before each one after

# The name of a store's class, by scheme, and what its own options begin with in variables, which may be left out.
SCHEMES = {"s3": ("S3Store", "aws_"), "az": ("AzureStore", "azure_"), "gs": ("GCSStore", "google_")}
CLIENT = frozenset(
    {
        *("allow_http", "allow_invalid_certificates", "proxy_url", "root_certificate"),
        *("connect_timeout", "read_timeout", "timeout"),
    }
)
STORAGE_CLASS = "storage_class"
PART = 8 << 20  # of an upload in parts; what is not larger is put in one piece
_UPLOADS = 3  # parts of one file on their way at once, all in memory
# Without an answer for that long a request is given up, and the time that a body takes to the store counts. A process
# has 224 MB on their way at most (objects._THREADS and _UPLOADS), for which 30 Mbit/s are enough.
_TIMES: dict[str, Any] = {"connect_timeout": "5s", "read_timeout": "60s", "timeout": "5m"}
_RETRIES: dict[str, Any] = {
    "max_retries": 6,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
}

# What a person can do about it, by the code that the store gives, else by the status.
_REASONS = {
    "NoSuchBucket": "there is no such bucket; make it, or correct the setting",
    "ContainerNotFound": "there is no such container; make it, or correct the setting",
    "InvalidAccessKeyId": "the store does not know the access key",
    "SignatureDoesNotMatch": "the secret key is not the right one",
    "AuthenticationFailed": "the account key or the token is not the right one, or this machine's clock is wrong",
    "AuthorizationFailure": "the account does not let this machine in, or its key is not the right one",
    "AuthorizationPermissionMismatch": "the identity has no role that allows it; Storage Blob Data Contributor does",
    "RequestTimeTooSkewed": "the clock of this machine differs from that of the store; set it",
    "ExpiredToken": "the credentials have run out; renew them",
    "SlowDown": "the store asks for fewer requests; try again",
    "401": "the store asks for credentials, or does not take those it was given",
    "403": "the credentials do not allow it",
    "404": "there is no such bucket; make it, or correct the setting",
    "416": "the store does not have the bytes asked for",
    "429": "the store asks for fewer requests; try again",
    "507": "the store is full",
}
_BROKEN = re.compile(r"ConnectionReset|IncompleteMessage|BrokenPipe|ConnectionAborted|ChannelClosed|kind: Decode")
_LATER = {"408", "429"}  # of 4xx, those that say to try again
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>\s*(\w{1,60})\s*</Code>")


class Broken(Unavailable):
    """The connection broke off; nobody knows whether the store did as it was told."""


class Beyond(Exception):
    """The range begins behind the end of the object."""


class Refused(Unavailable):
    """The store answered that it does not want this; `general` is what it would say of other objects, too."""

    def __init__(self, message: str, reason: str, code: str, general: bool) -> None:
        super().__init__(message)
        self.reason, self.code, self.general = reason, code, general


class Absent(Exception):
    """There is no object of that name."""


class Present(Exception):
    """There is an object of that name already."""


def connect(
    url: str, options: Mapping[str, str], what: str = "blob store", setting: str = "blobs_options"
) -> "ObjectStore":
    """The part of a bucket that a URL names. Nothing is asked of the store yet.

    `options` are those of obstore, https://developmentseed.org/obstore; what is not given is taken from the usual
    variables of the store (AWS_*, AZURE_*, GOOGLE_*).
    """
    if obstore is None:  # pragma: no cover
        raise Unavailable(f"The {what} can't be used: a bucket needs filmroom[objects], install that.")
    parts = urlsplit(url)
    name, prefix = SCHEMES[parts.scheme]
    client = {key: _switch(value) for key, value in options.items() if key in CLIENT}
    config = {key.removeprefix(prefix): value for key, value in options.items() if key not in {*CLIENT, STORAGE_CLASS}}
    if parts.scheme == "s3":
        config.setdefault("checksum_algorithm", "SHA256")  # which the store compares with what it got
    try:
        made: ObjectStore = getattr(stores, name)(
            parts.netloc,
            prefix=unquote(parts.path.strip("/")) or None,
            config=config,
            client_options={**_TIMES, **client},
            retry_config=_RETRIES,
        )
    except (refusals.BaseError, ValueError, TypeError, OSError) as error:
        raise Unavailable(f"The {what} can't be used: {_of_options(error, setting)}.") from None
    return made


def attributes(options: Mapping[str, str]) -> dict[str, str] | None:
    """What goes with each put of a file."""
    return {"Storage-Class": options[STORAGE_CLASS]} if options.get(STORAGE_CLASS) else None


def put_in_parts(
    store: "ObjectStore", path: str, content: bytes | bytearray | Path | Iterator[bytes], with_it: dict[str, str] | None
) -> None:
    """Put what is large; `with_it` are its attributes. What goes wrong midway removes the parts sent until then."""
    obstore.put(
        store,
        path,
        content,
        attributes=with_it,
        use_multipart=True,
        chunk_size=PART,
        max_concurrency=_UPLOADS,
    )


def _switch(value: str) -> str | bool:
    return {"true": True, "false": False}.get(value.lower(), value)


def _of_options(error: Exception, setting: str) -> str:
    """Not a word of what was given: a key may stand in it."""
    if isinstance(error, refusals.UnknownConfigurationKeyError):
        return f"{setting} has an option that this kind of store does not know"
    return f"its URL or {setting} is not right, or a credential is missing"


@contextmanager
def translated(doing: str, what: str = "blob store") -> Iterator[None]:
    """What the store says, in words that help; what its answers mean for a single object, as an exception of ours."""
    try:
        yield
    except refusals.AlreadyExistsError:
        raise Present from None
    except refusals.InvalidPathError:  # a name that was never one of ours
        raise
    except (refusals.BaseError, OSError) as error:
        said = str(error)
        status, code = _found(_STATUS, said), _found(_CODE, said)
        if isinstance(error, FileNotFoundError) and code not in {"NoSuchBucket", "ContainerNotFound"}:
            raise Absent from None
        if status == "416":
            raise Beyond from None
        reason = _reason(error, said, status, code)
        message = f"The {what} can't be {doing}: {reason}."
        if status.startswith("4") and status not in _LATER:
            raise Refused(message, reason, code, status == "401" or code in _REASONS) from None
        kind = Broken if not status and _BROKEN.search(said) else Unavailable
        raise kind(message) from None


def persistently(work: Callable[[], T]) -> T:
    """Do what may be done twice, and again if the connection breaks off."""
    for tried in range(_TRIES - 1):
        try:
            return work()
        except Broken:
            time.sleep(random.uniform(0, _PAUSE * 2**tried))  # noqa: S311 - not for secrets
    return work()


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _reason(error: Exception, said: str, status: str, code: str) -> str:
    shown = f" ({' '.join(filter(None, (status, code)))})" if status else ""
    if "non-partial" in said or "NotPartial" in said:
        return "it sends whole objects to who asks for a range, and is of no use here"
    if reason := _REASONS.get(code) or _REASONS.get(status):
        return reason + shown
    if status:
        return f"the store reports an error{shown}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if _BROKEN.search(said):
        return "the connection broke off"
    if "kind: Connect," in said:
        return "its host is not reached"
    if "imeout" in said:
        return "it did not answer in time"
    return f"the store reports {type(error).__name__}"

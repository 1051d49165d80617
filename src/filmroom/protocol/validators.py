"""Validators and conditional requests (RFC 9110 §8.8 and §13): ETag, Last-Modified, and what a client has already."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache

from filmroom.errors import PreconditionFailed


@dataclass(frozen=True, slots=True)
class Validator:
    """What tells one version of a representation from another. Weak: not each byte need be the same."""

    tag: str  # without quotes
    modified: float | None = None  # seconds since 1970
    weak: bool = False

    @property
    def etag(self) -> str:
        return f'W/"{self.tag}"' if self.weak else f'"{self.tag}"'

    @property
    def headers(self) -> dict[str, str]:
        if self.modified is None:
            return {"ETag": self.etag}
        return {"ETag": self.etag, "Last-Modified": _date(int(self.modified))}


def _named(lines: Sequence[str]) -> frozenset[str]:
    """What If-Match or If-None-Match names: *, or ETags, quoted, weak, in a list (RFC 9110 §13.1.1, §13.1.2)."""
    return frozenset(one.strip() for line in lines for one in line.split(","))


def check(validator: Validator, if_match: Sequence[str], if_unmodified_since: str | None) -> None:
    """Refuse another version than the request is about: by If-Match or, only without that, by the date (§13.2.2).

    A weak ETag matches nothing here (§13.1.1).
    """
    if if_match:
        named = _named(if_match)
        if "*" in named:
            return
        if validator.weak:
            raise PreconditionFailed(f"The ETag {validator.etag} is weak, and If-Match takes strong ones alone.")
        if f"W/{validator.etag}" in named and validator.etag not in named:
            raise PreconditionFailed(f"If-Match names {validator.etag} as a weak ETag, and takes strong ones alone.")
        if validator.etag not in named:
            raise PreconditionFailed(f"What is stored now has the ETag {validator.etag}, which If-Match does not name.")
        return
    since = None if if_unmodified_since is None else _seconds(if_unmodified_since)
    if since is not None and validator.modified is not None and int(validator.modified) > since:
        raise PreconditionFailed(f"What is stored was stored at {_date(int(validator.modified))}, after that time.")


def is_known(validator: Validator, if_none_match: Sequence[str], if_modified_since: str | None) -> bool:
    """Whether the client has this version, by the one header or, only without that, by the other (§13.2.2)."""
    if if_none_match:
        return "*" in _named(if_none_match) or is_named(validator, if_none_match)
    since = None if if_modified_since is None else _seconds(if_modified_since)
    return since is not None and validator.modified is not None and int(validator.modified) <= since


def is_named(validator: Validator, if_none_match: Sequence[str]) -> bool:
    """Whether one of the ETags is of this version; weak ones do (RFC 9110 §13.1.2)."""
    return validator.tag in {one.removeprefix("W/").strip('"') for one in _named(if_none_match) if one != "*"}


def allows_range(validator: Validator, if_range: str | None) -> bool:
    """Whether a part would fit to what the client has (§13.1.5): only if that is the same to the byte."""
    if if_range is None:
        return True
    text = if_range.strip()
    if text.startswith(('"', "W/")):
        return not validator.weak and text == validator.etag
    return not validator.weak and validator.modified is not None and _seconds(text) == int(validator.modified)


@lru_cache(maxsize=1024)
def _date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


def _seconds(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, OverflowError):
        return None

"""Ranges of bytes (RFC 9110 §14): what `Range` asks for of a representation of known length."""

import re

from filmroom.errors import NotSatisfiable

UNIT = "bytes"
MOST = 64  # ranges in one request; with more, or with more bytes than there are, the header is passed over (§14.2)

_RANGE = re.compile(r"\s*(?:(?P<first>[0-9]{1,18})\s*-\s*(?P<last>[0-9]{1,18})?|-\s*(?P<suffix>[0-9]{1,18}))\s*")


def parse(header: str | None, length: int) -> list[tuple[int, int]] | None:
    """Offset and length of each range, in the order asked for; None if the header asks for nothing that is understood.

    Ranges that begin after the end are left out; if all do, that is an error.
    """
    unit, equals, text = (header or "").partition("=")
    if not equals or unit.strip().lower() != UNIT:
        return None
    named = [_RANGE.fullmatch(one) for one in text.split(",") if one.strip()]
    if not named or len(named) > MOST:
        return None
    ranges = []
    for found in named:
        if found is None or (found["last"] and int(found["last"]) < int(found["first"])):
            return None
        first, end = _bounds(found, length)
        if first < end:
            ranges.append((first, end - first))
    if not ranges:
        raise NotSatisfiable(f"The Range header asks for bytes that are not there: there are {length}.", length)
    return ranges if len(ranges) == 1 or sum(size for _, size in ranges) <= length else None


def _bounds(found: re.Match[str], length: int) -> tuple[int, int]:
    if found["suffix"]:
        return max(0, length - int(found["suffix"])), length
    return int(found["first"]), min(length, int(found["last"]) + 1 if found["last"] else length)


def content_range(offset: int, size: int, length: int) -> str:
    """The value of Content-Range."""
    return f"{UNIT} {offset}-{offset + size - 1}/{length}"


def unsatisfied(length: int) -> str:
    """The value of Content-Range with the status 416."""
    return f"{UNIT} */{length}"

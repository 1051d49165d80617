"""Dates moved back by days (PS3.15 §E.3.6): the time of the day stays, and so do intervals."""

import re
from datetime import date, timedelta

_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")  # with points: ACR-NEMA (PS3.5 §6.2)
_DATE_TIME = re.compile(r"(\d{4})(?:(\d{2})(?:(\d{2})((?:\d{2}){0,3}(?:\.\d{1,6})?))?)?([+-]\d{4})?")


def moved(vr: str, text: str, days: int) -> str | None:
    """A value of VR DA or DT; None if it is none, or would come to lie before the year 1."""
    found = (_DATE_TIME if vr == "DT" else _DATE).fullmatch(text.strip(" \0"))
    if found is None:
        return None
    try:
        day = date(*(int(digits or 1) for digits in found.groups()[:3])) - timedelta(days)
    except (ValueError, OverflowError):
        return None
    # Of what is known to a year or a month, no more is known afterwards.
    known = sum(len(digits or "") for digits in found.groups()[:3])
    return f"{day:%Y%m%d}".zfill(8)[:known] + "".join(rest or "" for rest in found.groups()[3:])

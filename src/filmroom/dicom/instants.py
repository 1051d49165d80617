"""Dates, times and moments (PS3.5 §6.2: DA, TM, DT) as text that sorts, and what a moment is in UTC.

Also how moments are written where nothing is DICOM: in JSON, and in the audit trail.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

# The first and last instant there are, written as DT. A value of lower precision takes the rest from one of
# them: position is meaning, in DA and TM as well, which are slices of a DT.
EARLIEST = "00010101000000.000000"
LATEST = "99991231235959.999999"
BLANK = " \t\r\n\0"  # what pads values
SLICES = {"DA": slice(0, 8), "TM": slice(8, 21), "DT": slice(0, 21)}
_SHAPES = {
    "DA": re.compile(r"[0-9]{8}"),
    "TM": re.compile(r"[0-9]{2}([0-9]{2}([0-9]{2}(\.[0-9]{1,6})?)?)?"),
    "DT": re.compile(r"[0-9]{4}([0-9]{2}([0-9]{2}([0-9]{2}([0-9]{2}([0-9]{2}(\.[0-9]{1,6})?)?)?)?)?)?"),
}
# PS3.5 Table 6.2-1: -1200 to +1400. So in a range -2024 is a year, and -0500 is an offset.
_OFFSET = re.compile(r"[+-](?:0[0-9]|1[0-4])[0-5][0-9]")
_OFFSET_AT_THE_END = re.compile(rf"(?P<local>[0-9.]+)(?P<offset>{_OFFSET.pattern})")


def fold(vr: str, value: str) -> str:
    """A stored value, completed to the earliest instant that it may mean. What breaks the rules stays as it is."""
    # PS3.5 Table 6.2-1, notes: old files separate the parts of dates by "." and of times by ":".
    plain = value.replace(":", "") if vr == "TM" else value.replace(".", "", 2) if vr == "DA" else _no_offset(value)
    return start(vr, plain) if _SHAPES[vr].fullmatch(plain) else value


def start(vr: str, text: str) -> str:
    """The earliest instant that a value means."""
    return text + EARLIEST[SLICES[vr]][len(text) :]


def end(vr: str, text: str) -> str:
    """The latest instant that a value means."""
    return text + LATEST[SLICES[vr]][len(text) :]


def exists(vr: str, text: str) -> bool:
    """Whether it is a value of the VR, without an offset, and a day and time that there are."""
    if not _SHAPES[vr].fullmatch(text):
        return False
    whole = EARLIEST[: SLICES[vr].start] + text
    try:
        _moment(whole + EARLIEST[len(whole) :])
    except ValueError:
        return False
    return True


def offset(text: str) -> str | None:
    """An offset from UTC as "+0100". The sign may be a blank, which is what "+" in a URL is read as."""
    signed = text if text[:1] in ("+", "-") else f"+{text.strip()}"
    return signed if _OFFSET.fullmatch(signed) else None


def split(text: str) -> tuple[str, str | None]:
    """A value of the VR DT without its offset, and the offset."""
    found = _OFFSET_AT_THE_END.fullmatch(text)
    return (found["local"], found["offset"]) if found else (text, None)


def utc(local: str, zone: str) -> str:
    """A whole DT of a timezone, in UTC. At the ends of the calendar it stays as it is."""
    east = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
    try:
        moment = _moment(local) - (east if zone[0] == "+" else -east)
    except (ValueError, OverflowError):
        return local
    return f"{moment:%Y%m%d%H%M%S}".rjust(14, "0") + local[14:]


def days_from(date: str, days: int) -> str:
    """The date so many days later, or before."""
    try:
        return f"{datetime.strptime(date, '%Y%m%d') + timedelta(days):%Y%m%d}".rjust(8, "0")
    except (ValueError, OverflowError):
        return date


def written(seconds: float) -> str:
    """A moment in seconds since 1970, by RFC 3339 in UTC with its microseconds: 2026-01-31T14:30:05.123456Z."""
    whole = math.floor(seconds)
    microseconds = round((seconds - whole) * 1_000_000)
    if microseconds == 1_000_000:
        whole, microseconds = whole + 1, 0
    return f"{_second(whole)}.{microseconds:06}Z"


@lru_cache(64)  # many things are written down in one second, and it takes four times as long to make it anew
def _second(whole: int) -> str:
    return datetime.fromtimestamp(whole, UTC).replace(tzinfo=None).isoformat()


def _moment(whole: str) -> datetime:
    second = int(whole[12:14])
    if second > 60:  # PS3.5 Table 6.2-1: 60 is a leap second
        raise ValueError(whole)
    minute = datetime(int(whole[:4]), int(whole[4:6]), int(whole[6:8]), int(whole[8:10]), int(whole[10:12]))
    return minute + timedelta(seconds=min(second, 59))


def _no_offset(value: str) -> str:
    return re.split(r"[+\-]", value, maxsplit=1)[0]

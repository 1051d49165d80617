"""Values of matching keys as PS3.5 §6.2 writes them, from those of Python and from what people type."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

from pydicom.valuerep import PersonName

from filmroom.dicom import attributes, instants, ranges, wording
from filmroom.dicom.conditions import NO_VALUE, Negotiated
from filmroom.errors import BadParameter

_TIME = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
# What has ranges (PS3.4 C.2.2.2.5), and how ISO 8601 has it: the moment, and its timezone
_TYPED = {
    "DA": re.compile(f"({_DATE})()"),
    "TM": re.compile(f"({_TIME})()"),
    "DT": re.compile(f"({_DATE}(?:[T ]{_TIME})?)(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?"),
}
_RIGHT = {
    "DA": "20260131, 2026-01-31, 2026-01-01..2026-03-31",
    "TM": "143000, 14:30, 08:00..12:00",
    "DT": "20260131143000, 2026-01-31T14:30, 2026-01-01..2026-03-31T12:00",
}
_NO_MOMENT = replace(wording.STANDARD, instant="", no_ends="")  # what is wrong is said in the words of who typed it
_NEGOTIATED = Negotiated()


def vr_of(path: str) -> str:
    """The VR of an attribute, or of the last of a path; "" of what is private or none."""
    tag = attributes.parse(path.rpartition(".")[2])
    return (attributes.vr(tag) or "") if tag is not None else ""


def written(key: str, value: Any) -> Any:
    """Dates and times of Python in the form that the attribute takes. All else as it is."""
    if isinstance(value, list | tuple | set | frozenset):
        return [written(key, item) for item in value]
    return _moment(vr_of(key), value) if isinstance(value, date | time) else value


def of_key(path: str, value: Any) -> str | list[str]:
    """What a matching key is sent with: one text, or several, of which any does.

    What would make the key match everything, and is hardly meant to, is refused.
    """
    if isinstance(value, tuple):
        return _range(path, value)
    if isinstance(value, str | bytes | Mapping | PersonName) or not isinstance(value, Collection):
        return _text(path, value)
    if not value:
        raise ValueError(f"{path} has an empty list of values; a key that is to match anything is left out.")
    return [_text(path, item) for item in value]


def _range(path: str, value: tuple[Any, ...]) -> str:
    if vr_of(path) not in _TYPED:
        raise ValueError(f"{path} has no ranges, which tuples are for: dates and times have. Is a list meant?")
    if len(value) != 2 or value == (None, None):
        raise ValueError(f"{path}: a range is a tuple of the first and the last, of which one may be None.")
    ends = "-".join("" if end is None else _text(path, end) for end in value)
    return _checked(path, ends, ends)


def _text(path: str, value: Any) -> str:
    if value is None or isinstance(value, bool | bytes | Mapping):
        raise ValueError(f"{value!r} is no value of {path}; a key that is to match anything is left out.")
    vr = vr_of(path)
    if isinstance(value, date | time):
        return _moment(vr, value)
    return _iso(path, vr, value) if isinstance(value, str) and vr in _TYPED else str(value)


def _moment(vr: str, value: date | time) -> str:
    """In the form of the attribute's VR; where that has none, by the type of the value."""
    if isinstance(value, time) or (vr == "TM" and isinstance(value, datetime)):
        return value.strftime("%H%M%S") + _fraction(value)
    if vr == "DT" and isinstance(value, datetime):
        return value.strftime("%Y%m%d%H%M%S") + _fraction(value) + value.strftime("%z")[:5]
    return value.strftime("%Y%m%d")


def _fraction(value: datetime | time) -> str:
    return f".{value.microsecond:06}" if value.microsecond else ""


def _iso(path: str, vr: str, text: str) -> str:
    """A date or a time, or two with ".." between them, that may be typed as ISO 8601 has them.

    2026-01-31 as it stands would be a range that begins in the year 2026.
    """
    first, dots, last = text.partition("..")
    try:
        sent = "-".join(_plain(vr, end.strip()) for end in (first, last)) if dots else _plain(vr, text)
    except ValueError:
        raise _wrong(path, text) from None
    return _checked(path, text, sent)


def _checked(path: str, typed: str, sent: str) -> str:
    """What no service can understand is told before it is sent. Universal and Empty Value Matching are no dates."""
    plain, vr = sent.strip(instants.BLANK), vr_of(path)
    if not plain.strip("*") or plain == NO_VALUE:
        return sent
    tag = attributes.parse(path.rpartition(".")[2]) or 0
    try:
        if vr == "TM" and "-" in plain:  # together with dates a range may end earlier in the day than it begins
            ranges.ends(tag, vr, plain, _NO_MOMENT)
        else:
            ranges.asked(tag, vr, plain, _NO_MOMENT, _NEGOTIATED)
    except BadParameter as error:
        raise ValueError(str(error)) if str(error) else _wrong(path, typed) from None
    return sent


def _wrong(path: str, text: str) -> ValueError:
    return ValueError(f"{text!r} is no date, time or range of {path}; right are: {_RIGHT[vr_of(path)]}.")


def _plain(vr: str, text: str) -> str:
    """As exact as it was typed."""
    typed = _TYPED[vr].fullmatch(text)
    if typed is None:
        return text
    (time if vr == "TM" else datetime).fromisoformat(typed[1])
    zone = "+0000" if typed[2] == "Z" else (typed[2] or "").replace(":", "")
    return re.sub("[-:T ]", "", typed[1]) + zone

"""Dates, times and moments as matching keys ask for them: single values and ranges (PS3.4 C.2.2.2.1 and C.2.2.2.5)."""

import re

from filmroom.dicom import attributes, instants
from filmroom.dicom.conditions import Equal, Moments, Negotiated, Range, Zoned
from filmroom.dicom.wording import Wording
from filmroom.errors import BadParameter

_FORMATS = {
    "DA": ("Date", "yyyyMMdd", "20260131"),
    "TM": ("Time", "HHmmss.FFFFFF where HH is mandatory", "1430"),
    "DT": ("DateTime", "yyyyMMddHHmmss.FFFFFF where yyyy is mandatory", "20260131143000"),
}


def asked(tag: int, vr: str, value: str, said: Wording, negotiated: Negotiated | None) -> Equal | Range | Zoned:
    """Single Value or Range Matching of a date, time or both (PS3.4 C.2.2.2.5)."""
    if vr == "DT" and negotiated:
        return _moment(tag, value, said, negotiated.zone)
    if vr == "DT" and (value.count("-") > 1 or "+" in value):
        raise BadParameter(said.offset.format(keyword=attributes.name(tag), value=value))
    if "-" not in value:
        return Equal(instants.start(vr, _checked_instant(tag, vr, value, value, said)))
    found = ends(tag, vr, value, said)
    check_order(tag, vr, value, found, said)
    return found


def ends(tag: int, vr: str, value: str, said: Wording) -> Range:
    """The ends of a range of dates or times, wherever they lie."""
    first, _, last = (part.strip(instants.BLANK) for part in value.partition("-"))
    if not first and not last:
        raise BadParameter(said.no_ends)
    return Range(
        instants.start(vr, _checked_instant(tag, vr, first, value, said)) if first else None,
        instants.end(vr, _checked_instant(tag, vr, last, value, said)) if last else None,
    )


def check_order(tag: int, vr: str, value: str, found: Range | Moments, said: Wording) -> None:
    """Refuse a range that ends before it begins."""
    if found.first is not None and found.last is not None and found.first > found.last:
        first, _, last = (part.strip(instants.BLANK) for part in value.partition("-"))
        kind = _FORMATS[vr][0].lower()
        raise BadParameter(
            said.order.format(keyword=attributes.name(tag), kind=kind, value=value, first=first, last=last)
        )


# One DT, and how a range is told from an offset: -2024 is no offset, and -05002024 is none either.
_ONE = r"[0-9.]+(?:[+\- ](?:0[0-9]|1[0-4])[0-5][0-9](?![0-9]))?"
_MOMENT = re.compile(rf"(?P<only>{_ONE})|(?P<first>{_ONE})?\s*-\s*(?P<last>{_ONE})?")


def _moment(tag: int, value: str, said: Wording, zone: str | None) -> Equal | Range | Zoned:
    """A DT, or a range of them, with offsets from UTC or without."""
    found = _MOMENT.fullmatch(value)
    if found is None:
        raise _no_instant(tag, "DT", value, value, said)
    texts = [found["only"] or found["first"], found["only"] or found["last"]]
    if not any(texts):
        raise BadParameter(said.no_ends)
    (first, zone_of_first), (last, zone_of_last) = (instants.split((text or "").replace(" ", "+")) for text in texts)
    for local in filter(None, (first, last)):
        _checked_instant(tag, "DT", local, value, said)
    plain: Equal | Range
    if found["only"]:
        first = last = instants.start("DT", first)
        plain = Equal(first)
    else:
        first, last = first and instants.start("DT", first), last and instants.end("DT", last)
        plain = Range(first or None, last or None)
    zone = zone_of_first or zone_of_last or zone
    if zone is None:
        if isinstance(plain, Range):
            check_order(tag, "DT", value, plain, said)
        return plain
    in_utc = Range(
        instants.utc(first, zone_of_first or zone) if first else None,
        instants.utc(last, zone_of_last or zone) if last else None,
    )
    check_order(tag, "DT", value, in_utc, said)
    return Zoned(in_utc, plain, None)


def _checked_instant(tag: int, vr: str, text: str, value: str, said: Wording) -> str:
    if not instants.exists(vr, text):
        raise _no_instant(tag, vr, text, value, said)
    return text


def _no_instant(tag: int, vr: str, text: str, value: str, said: Wording) -> BadParameter:
    kind, form, example = _FORMATS[vr]
    facts = {"keyword": attributes.name(tag), "kind": kind, "form": form, "example": example}
    return BadParameter(said.instant.format(text=text, value=value, **facts))

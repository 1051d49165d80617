"""Dates and the times that belong to them, asked for together or in a timezone (PS3.4 C.2.2.2.5, PS3.18 §8.3.4.1)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from filmroom.dicom import instants, ranges
from filmroom.dicom.conditions import NO_VALUE, Condition, Equal, Moments, Negotiated, Range, TimeOfDay, Zoned
from filmroom.dicom.instants import SLICES
from filmroom.dicom.wording import Wording

TIMEZONE = 0x00080201  # TimezoneOffsetFromUTC

# The time that belongs to a date. The date of birth has none, and is the same in all timezones.
TIMES: Mapping[int, int] = MappingProxyType(
    {
        0x00080020: 0x00080030,  # StudyDate, StudyTime
        0x00080021: 0x00080031,  # SeriesDate, SeriesTime
        0x00080023: 0x00080033,  # ContentDate, ContentTime
        0x00400244: 0x00400245,  # PerformedProcedureStepStartDate, PerformedProcedureStepStartTime
    }
)
DATES: Mapping[int, int] = MappingProxyType({time: date for date, time in TIMES.items()})
_DATE_ENDS = SLICES["DA"].stop
_MIDNIGHT, _DAY_ENDS = instants.EARLIEST[_DATE_ENDS:], instants.LATEST[_DATE_ENDS:]
_FURTHEST = 2  # days between the dates of one moment: from -1200 to +1400


def conditions(asked: Mapping[int, str], negotiated: Negotiated, said: Wording) -> dict[int, Condition | None]:
    """What the keys ask for that are not as the others: by attribute, None for a time that went into its date's."""
    asked = {tag: value for tag, value in asked.items() if not _is_no_value(value.strip(instants.BLANK), negotiated)}
    found: dict[int, Condition | None] = {}
    for date, time in TIMES.items():
        if date in asked and time in asked and _form(asked[date]) == _form(asked[time]) != "":
            found |= {date: _combined(date, time, asked, negotiated.zone, said), time: None}
        elif negotiated.zone is not None:
            found |= dict(_zoned(date, time, asked, negotiated, said))
    return found


def in_utc(date: str, time: str, zone: str) -> str | None:
    """The moment that a folded date and time name in a timezone. None if they are no date and time."""
    if not instants.exists("DA", date) or not instants.exists("TM", time):
        return None
    return instants.utc(date + time, zone)


def _is_no_value(value: str, negotiated: Negotiated) -> bool:
    """Universal and Empty Value Matching are the same for all attributes."""
    return not value.strip("*") or (negotiated.empty and value == NO_VALUE)


def _form(value: str) -> str:
    """Which ends a range has, as "|-|", "|-" or "-|"; nothing of what is no range."""
    first, dash, last = (part.strip(instants.BLANK) for part in value.partition("-"))
    return f"{'|' if first else ''}-{'|' if last else ''}" if dash else ""


def _combined(date: int, time: int, asked: Mapping[int, str], zone: str | None, said: Wording) -> Condition:
    """Both are ranges with the same ends: one range, from the first date and time to the last."""
    dates = ranges.ends(date, "DA", asked[date], said)
    times = ranges.ends(time, "TM", asked[time], said)
    moments = Moments(
        None if dates.first is None or times.first is None else dates.first + times.first,
        None if dates.last is None or times.last is None else dates.last + times.last,
    )
    wrong, vr = (time, "TM") if dates.first == dates.last else (date, "DA")
    ranges.check_order(wrong, vr, asked[wrong], moments, said)
    return moments if zone is None else _of_dates(Range(moments.first, moments.last), moments, zone)


def _zoned(
    date: int, time: int, asked: Mapping[int, str], negotiated: Negotiated, said: Wording
) -> Iterator[tuple[int, Condition]]:
    """A date or a time alone, in a timezone."""
    zone = negotiated.zone or "+0000"
    for tag, vr in ((date, "DA"), (time, "TM")):
        if tag not in asked:
            continue
        plain = ranges.asked(tag, vr, asked[tag], said, negotiated)
        assert not isinstance(plain, Zoned)  # only a DT has an offset of its own
        if isinstance(plain, Equal):
            first: str | None = plain.value
            last: str | None = plain.value
        else:
            first, last = plain.first, plain.last
        if vr == "DA":
            days = Range(first and first + _MIDNIGHT, last and last + _DAY_ENDS)
            yield tag, _of_dates(days, plain, zone)
        else:
            yield tag, _of_times(first or _MIDNIGHT, last or _DAY_ENDS, plain, zone)


def _of_dates(local: Range, plain: Condition, zone: str) -> Zoned:
    return Zoned(
        Range(local.first and instants.utc(local.first, zone), local.last and instants.utc(local.last, zone)),
        plain,
        Range(
            local.first and instants.days_from(local.first[:_DATE_ENDS], -_FURTHEST),
            local.last and instants.days_from(local.last[:_DATE_ENDS], _FURTHEST),
        ),
    )


def _of_times(first: str, last: str, plain: Condition, zone: str) -> Zoned:
    """Times within a day there may be around midnight in UTC."""
    begins, ends = (instants.utc(f"20000102{time}", zone)[_DATE_ENDS:] for time in (first, last))
    if begins <= ends:
        return Zoned(TimeOfDay((Range(begins, ends),)), plain, None)
    return Zoned(TimeOfDay((Range(begins, _DAY_ENDS), Range(_MIDNIGHT, ends))), plain, None)

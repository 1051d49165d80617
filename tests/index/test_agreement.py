"""What the index finds is what a plain and slow reading of the rules finds."""

import re
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from filmroom.dicom import matching
from filmroom.dicom.resources import Level, Resource
from filmroom.index import search
from filmroom.index.database import Database
from filmroom.protocol import queries
from filmroom.protocol.dialects import DICOMWEB
from tests.index import given as rows

many = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
_numbers = count()


def found(database: Database, stored: dict[str, Any], *asked: tuple[str, str]) -> bool:
    """Whether a search at /dicomweb finds a Study with these values. Examples share a database, so it is named."""
    study = f"1.2.{next(_numbers)}"
    rows.add(database, rows.new(study, f"{study}.1", f"{study}.1.1", **stored))
    query, warnings = queries.parse(DICOMWEB, Level.STUDY, Resource(), [("StudyInstanceUID", study), *asked])
    assert not warnings
    with database.read() as tx:
        return bool(search.search(tx, query))


def like(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None


# --- Text

TEXT = st.text(alphabet="abÉß %_/\\.[('\"*?山\0", min_size=1, max_size=6)


@many
@given(stored=st.lists(TEXT, min_size=1, max_size=3), asked=TEXT)
def test_text(database: Database, stored: list[str], asked: str) -> None:
    pattern = matching.fold("LO", asked).replace("\0", "")
    values = [value for text in stored if (value := matching.fold("LO", text).replace("\0", ""))]
    expected = not asked.strip(matching.BLANK).strip("*") or any(like(pattern, value) for value in values)
    assert found(database, {"StudyDescription": tuple(stored)}, ("StudyDescription", asked)) == expected


# --- Names

GROUP = st.text(alphabet="abÉ^ %_/\\'山", max_size=4)
NAME = st.lists(GROUP, min_size=1, max_size=3).map("=".join)
ASKED_NAME = st.text(alphabet="abÉ^=*?%_山", min_size=1, max_size=6)


def places(name: str) -> list[str]:
    return ["=" * place + group for place, group in enumerate(name.split("=")) if group]


@many
@given(stored=st.lists(NAME, min_size=1, max_size=2), asked=ASKED_NAME)
@example(stored=["=_=\\"], asked="_??")  # no group, and all from the second on is none
def test_names(database: Database, stored: list[str], asked: str) -> None:
    whole = [name for text in stored if (name := matching.fold("PN", text))]
    placed = [place for name in whole for place in places(name)]
    alone = [place.lstrip("=") for place in placed]

    def holds(wanted: str) -> bool:
        values = whole + placed
        return any(like(wanted, value) for value in (values if wanted.startswith("=") else values + alone))

    folded = matching.fold("PN", asked)
    wanted = [place for place in places(folded) or [folded] if "*" not in place or place.strip("=*")]
    expected = not asked.strip("*") or all(holds(place) for place in wanted) if wanted else True
    if not folded:
        expected = False
    assert found(database, {"PatientName": tuple(stored)}, ("PatientName", asked)) == expected


# --- Dates and times

DATE = st.dates(datetime(2024, 2, 26).date(), datetime(2024, 3, 3).date()).map("{:%Y%m%d}".format)
TIME = (
    st.times().map(lambda time: f"{time:%H%M%S.%f}").flatmap(lambda text: st.sampled_from([text, text[:4], text[:2]]))
)
ZONE = st.sampled_from(["-1200", "-0330", "+0000", "+0100", "+1400"])
FORMS = ("{0}", "{0}-{1}", "{0}-", "-{1}")
FORM = st.sampled_from(FORMS)
DAY_ENDS = "235959.999999"


def moved(date: str, time: str, zone: str, to: str) -> tuple[str, str]:
    """A date and time in another timezone."""
    hours, minutes = (int(to[:3]) - int(zone[:3]), int(to[0] + to[3:]) - int(zone[0] + zone[3:]))
    moment = datetime.strptime(date + time, "%Y%m%d%H%M%S.%f") + timedelta(hours=hours, minutes=minutes)
    return f"{moment:%Y%m%d}", f"{moment:%H%M%S.%f}"


def completed(time: str, rest: str = "000000.000000") -> str:
    return time + rest[len(time) :]


def within(form: str, value: str, first: str, last: str) -> bool:
    if form == "{0}":
        return value == first
    return ("{0}" not in form or first <= value) and ("{1}" not in form or value <= last)


@settings(many, max_examples=300)
@given(
    date=DATE, time=TIME, zone=st.none() | ZONE, dates=st.tuples(DATE, DATE).map(sorted),
    times=st.tuples(TIME, TIME), of_dates=FORM, of_times=FORM, asked_zone=st.none() | ZONE,
)  # fmt: skip
def test_dates_and_times(
    database: Database, date: str, time: str, zone: str | None, dates: list[str], times: tuple[str, str],
    of_dates: str, of_times: str, asked_zone: str | None,
) -> None:  # fmt: skip
    combined = of_dates == of_times != "{0}"
    first, last = completed(times[0]), completed(times[1], DAY_ENDS)
    if first > last and of_times == "{0}-{1}" and (not combined or dates[0] == dates[1]):
        times, first, last = (times[1], times[0]), completed(times[1]), completed(times[0], DAY_ENDS)
    there = (date, completed(time))
    if zone and asked_zone:
        there = moved(*there, zone, asked_zone)
    if combined:
        expected = within(of_dates, "".join(there), dates[0] + first, dates[1] + last)
    else:
        expected = within(of_dates, there[0], *dates) and within(of_times, there[1], first, last)
    stored = {"StudyDate": date, "StudyTime": time} | ({"TimezoneOffsetFromUTC": zone} if zone else {})
    asked = [("StudyDate", of_dates.format(*dates)), ("StudyTime", of_times.format(*times))]
    asked += [("TimezoneOffsetFromUTC", asked_zone)] if asked_zone else []
    assert found(database, stored, *asked) == expected


# --- Lists

CODES = st.lists(st.sampled_from(["CT", "MR", "PT", "US"]), min_size=1, max_size=3, unique=True)


@many
@given(stored=CODES, asked=CODES, several=st.booleans())
def test_lists(database: Database, stored: list[str], asked: list[str], several: bool) -> None:
    expected = all(code in stored for code in asked) if several else any(code in stored for code in asked)
    keys = (("PatientSex", "\\".join(asked)), ("multiplevaluematching", str(several).lower()))
    assert found(database, {"PatientSex": tuple(stored)}, *keys) == expected

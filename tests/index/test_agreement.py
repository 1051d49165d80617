"""What the index finds is what a plain and slow reading of the rules finds."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from filmroom.dicom import instants, matching
from filmroom.dicom.query_tags import BUILT_IN, QueryTag
from filmroom.dicom.resources import Level, Resource
from filmroom.index import query_tags, search
from filmroom.index.database import Database
from filmroom.protocol import queries
from filmroom.protocol.dialects import DICOMWEB
from tests.index import given as rows
from tests.index.given import declared

many = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
_numbers = count()


def found(database: Database, stored: dict[str, Any], *asked: tuple[str, str]) -> bool:
    """Whether a search at /dicomweb finds a Study with these values. Examples share a database, so it is named."""
    return found_of(database, Level.STUDY, BUILT_IN, [stored], *asked)


def found_of(
    database: Database, level: Level, tags: Sequence[QueryTag], stored: list[dict[str, Any]], *asked: tuple[str, str]
) -> bool:
    """The same of a Series with Instances with these values, or of one of them."""
    study = f"1.2.{next(_numbers)}"
    for number, values in enumerate(stored):
        rows.add(database, rows.new(study, f"{study}.1", f"{study}.1.{number}", **values))
    query, warnings = queries.parse(DICOMWEB, level, Resource(), [("StudyInstanceUID", study), *asked], lambda: tags)
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
    expected = not asked.strip(instants.BLANK).strip("*") or any(like(pattern, value) for value in values)
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


# --- Query tags

CODE_VALUES = st.lists(st.sampled_from(["a", "A ", "b", "ab", " "]), max_size=2).map(tuple)
ITEMS = st.lists(st.tuples(CODE_VALUES, CODE_VALUES), max_size=3)
# By all of the values; None leaves the key out, "" asks for none.
ASKED = st.none() | st.sampled_from(["", "?", "a*", "*b"]) | st.lists(st.sampled_from("ab"), min_size=1, max_size=2)
INSIDE = ("ScheduledProcedureStepID", "RequestedProcedureID")
SEQUENCE = "RequestAttributesSequence"


def meets(values: tuple[str, ...], asked: str | list[str] | None) -> bool:
    """Whether the values of an attribute meet a key."""
    folded = [text for value in values if (text := matching.fold("SH", value))]
    if asked == "":
        return not folded
    return asked is None or all(any(like(one, text) for text in folded) for one in [*_several(asked)])


def _several(asked: str | list[str]) -> list[str]:
    return [asked] if isinstance(asked, str) else asked


def _key(name: str, asked: str | list[str] | None) -> list[tuple[str, str]]:
    return [] if asked is None else [(name, "\\".join(_several(asked)) or '""')]


NEGOTIATED = (("emptyvaluematching", "true"), ("multiplevaluematching", "true"))


@many
@given(stored=st.lists(ITEMS, min_size=1, max_size=3), asked=st.tuples(ASKED, ASKED))
def test_keys_of_one_sequence(database: Database, stored: list[Any], asked: tuple[Any, Any]) -> None:
    """Of a Series the newest Instance counts that has a value in the sequence; no Items are as one without values."""
    with_values = [items for items in stored if any(not meets(values, "") for item in items for values in item)]
    items = with_values[-1] if with_values else []
    expected = any(all(map(meets, item, asked)) for item in items or [((), ())])
    instances = [
        {SEQUENCE: tuple(rows.elements(**dict(zip(INSIDE, item, strict=True))) for item in items)} for items in stored
    ]
    keys = [key for name, value in zip(INSIDE, asked, strict=True) for key in _key(f"{SEQUENCE}.{name}", value)]
    assert found_of(database, Level.SERIES, BUILT_IN, instances, *keys, *NEGOTIATED) == expected


@many
@given(stored=CODE_VALUES, asked=ASKED)
def test_a_tag_outside_of_sequences(database: Database, stored: tuple[str, ...], asked: Any) -> None:
    with database.read() as tx:
        tags = [one.tag for one in query_tags.fetch_all(tx)]
    if not tags:
        tags = declared(database, QueryTag(0, "00102180", "SH", Level.STUDY))
    key = _key("Occupation", asked)
    assert found_of(database, Level.STUDY, tags, [{"Occupation": stored}], *key, *NEGOTIATED) == meets(stored, asked)

"""A statement whose form is compiled once finds the same as one that Core makes anew, whatever the values."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filmroom.dicom.conditions import AllOf, AnyOf, Empty, Equal, Key, Moments, OneOf, Range, Wildcard, Words, Zoned
from filmroom.dicom.conditions import TimeOfDay as Times
from filmroom.dicom.order import By
from filmroom.dicom.query import Query
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import Level, Resource
from filmroom.dicom.views import View
from filmroom.index import forms, search
from filmroom.index.database import Database
from filmroom.index.forms import Part
from filmroom.index.tables import instance, series, study
from filmroom.index.transaction import Transaction
from tests.index import given as rows
from tests.index.given import tag

TEXT = st.text(alphabet="abc", max_size=2)
DAYS_OF_STUDIES = ["20240101", "20240102", "20240103"]
DATES = st.sampled_from(DAYS_OF_STUDIES)
TIMES = st.sampled_from(["080000.000000", "120000.000000", "235959.999999"])
UIDS = st.lists(TEXT, max_size=5).map(tuple).map(OneOf)
PATTERNS = st.text(alphabet="ab*?%_", max_size=3).map(Wildcard)
ENDS = st.none() | TEXT.filter(bool)
PLAIN = st.one_of(TEXT.map(Equal), UIDS, PATTERNS, st.builds(Range, ENDS, ENDS), st.just(Empty()))
LISTS = st.lists(UIDS | PATTERNS, min_size=1, max_size=3).map(tuple)
TEXTS = PLAIN | LISTS.map(AnyOf) | st.lists(PLAIN | LISTS.map(AnyOf), min_size=1, max_size=3).map(tuple).map(AllOf)
NAMES = TEXTS | st.lists(TEXT.filter(bool), min_size=1, max_size=2).map(tuple).map(Words)
DAYS = st.builds(Range, st.none() | DATES, st.none() | DATES)
HOURS = st.builds(Range, st.none() | TIMES, st.none() | TIMES)
MOMENTS = st.builds(str.__add__, DATES, TIMES)
OF_TIME = st.one_of(
    DAYS,
    st.builds(Moments, st.none() | MOMENTS, st.none() | MOMENTS),
    st.builds(Zoned, st.builds(Range, st.none() | MOMENTS, st.none() | MOMENTS), DAYS, st.none() | DAYS),
)
OF_DAY = st.builds(Zoned, st.lists(HOURS, min_size=1, max_size=2).map(tuple).map(Times), HOURS, st.none())
NUMBERS = st.sampled_from(["1", "2", "x", "1" * 30]).map(Equal) | st.just(Empty())
SETS = TEXT.map(Equal) | st.lists(TEXT, max_size=3).map(tuple).map(OneOf) | st.just(Empty())
OF_STUDIES = {
    **dict.fromkeys(("StudyID", "PatientID"), TEXTS), "PatientName": NAMES, "StudyDate": OF_TIME, "StudyTime": OF_DAY,
    "NumberOfStudyRelatedInstances": NUMBERS, "ModalitiesInStudy": PLAIN, "SOPClassesInStudy": SETS,
}  # fmt: skip
TAGS = (
    QueryTag(0, "00102110", "LO", Level.STUDY),  # Allergies
    QueryTag(0, "00102000", "LO", Level.STUDY),  # MedicalAlerts
    QueryTag(0, "00400275.00400009", "SH", Level.SERIES),  # RequestAttributesSequence.ScheduledProcedureStepID
    QueryTag(0, "00400275.00401001", "SH", Level.SERIES),  # RequestAttributesSequence.RequestedProcedureID
)
KEYS = st.lists(
    st.sampled_from(sorted(OF_STUDIES)).flatmap(lambda name: st.builds(Key, st.just(tag(name)), OF_STUDIES[name])),
    max_size=3,
)


@st.composite
def queries(draw: st.DrawFn, tags: list[QueryTag]) -> Query:
    level = draw(st.sampled_from(Level))
    of_tags = st.lists(st.builds(lambda by, one: Key(by.tag, one, by), st.sampled_from(tags), PLAIN), max_size=3)
    keys = [one for one in draw(KEYS) + draw(of_tags) if one.by is None or one.by.level <= level]
    one_of_view = st.builds(lambda one, by: (*one, *by), KEYS, of_tags).filter(bool)
    seen = draw(st.none() | st.lists(one_of_view, max_size=2).map(tuple))
    order = draw(
        st.lists(st.builds(By, st.sampled_from([tag("PatientName"), tag("StudyID")]), st.booleans()), max_size=2)
    )
    place = (*(draw(st.none() | TEXT) for _ in order), draw(st.integers(0, 9)))
    return replace(
        rows.asked(level, Resource(draw(st.none() | st.just("1")), view=View(seen)), limit=draw(st.integers(1, 9))),
        keys=tuple(keys),
        offset=draw(st.integers(0, 1)),
        order=tuple(order),
        after=draw(st.none() | st.just(place)),
        every_value=draw(st.booleans()),
    )


@pytest.fixture(scope="module")
def tags(shared: Database) -> list[QueryTag]:
    made = rows.declared(shared, *TAGS)
    for number, text in enumerate(["a", "ab", "b", "c", ""]):
        day = DAYS_OF_STUDIES[number % 3]
        said: dict[str, Any] = {"StudyID": (text, "b"), "PatientName": f"{text}={text}b", "Allergies": text}
        said |= {"StudyDate": day, "StudyTime": "12", "MedicalAlerts": "b", "Modality": text or "c"}
        said |= {"TimezoneOffsetFromUTC": "+0100"} if number % 2 else {}
        item = rows.elements(ScheduledProcedureStepID=text, RequestedProcedureID="b")
        rows.add(shared, rows.new(str(number), f"{number}.1", f"{number}.2", RequestAttributesSequence=item, **said))
    return made


def both(tx: Transaction, statement: Part) -> tuple[list[Any], list[Any]]:
    return forms.rows(tx, statement), [tuple(row) for row in tx.core.execute(forms.in_core(statement))]


# Of conditions of which one can't be met Core leaves only that.
@pytest.mark.filterwarnings("ignore:SELECT statement has a cartesian product")
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_search_finds_what_it_finds_when_it_is_made_anew(
    shared: Database, tags: list[QueryTag], data: st.DataObject
) -> None:
    query = data.draw(queries(tags))
    with shared.read() as tx:
        others = search.further(tx, query)
        found, anew = both(tx, search._page(query, others))
        assert found == anew
        assert [match.place[-1] for match in search.search(tx, query)] == [row[0] for row in anew]
        keys, _ = search.matching(query, others)
        assert search.count(tx, query) == len(tx.core.execute(forms.in_core(keys)).all())


def test_values_are_no_part_of_the_form() -> None:
    def form(**keys: Any) -> Any:
        return search._page(rows.asked(Level.STUDY, **keys)).form

    assert form(PatientID="a", PatientName="b*") == form(PatientID="c", PatientName="d*e")
    assert form(PatientName="b*") != form(PatientName="*b")
    assert form(StudyDate="20240101-") != form(StudyDate="-20240101")
    uids = [f"1.{number}" for number in range(9)]
    of_uids = [form(StudyInstanceUID=OneOf(tuple(uids[:many]))) for many in range(5, 10)]
    assert of_uids[0] == of_uids[1] == of_uids[2] == of_uids[3] != of_uids[4]


def test_a_long_list_finds_the_same_as_a_short_one_and_is_one_form_whatever_its_length(
    shared: Database, tags: list[QueryTag]
) -> None:
    def asked(more: int) -> Part:
        uids = ("1", "3", *(f"9.{number}'\"\\é" for number in range(more)))
        return search._page(rows.asked(Level.STUDY, StudyInstanceUID=OneOf(uids), limit=9))

    with shared.read() as tx:
        short, long = forms.rows(tx, asked(0)), forms.rows(tx, asked(5000))
        assert short == long == both(tx, asked(300))[1]
        assert len(short) == 2
    assert asked(5000).form == asked(300).form


@pytest.mark.parametrize("more", [2, 5000])
def test_a_list_of_numbers_may_be_long(shared: Database, tags: list[QueryTag], more: int) -> None:
    numbers = ("1", *map(str, range(100, 100 + more)))
    query = rows.asked(Level.STUDY, NumberOfStudyRelatedInstances=OneOf(numbers), limit=9)
    with shared.read() as tx:
        assert len(forms.rows(tx, search._page(query))) == len(tags) + 1


def _copied(tx: Transaction, many: int) -> None:
    """Copies of all Studies, Series and Instances, with keys and UIDs of their own."""
    keys = {"key", "study_key", "series_key", "watermark"}
    for table, uid in ((study, "StudyInstanceUID"), (series, "SeriesInstanceUID"), (instance, "SOPInstanceUID")):
        names = [f'"{column.name}"' for column in table.columns]
        copy = [
            f"{name} + number" if name[1:-1] in keys else f"{name} || number" if name[1:-1] in (uid, "blob") else name
            for name in names
        ]
        tx.driver.execute(
            f"INSERT INTO {table.name} ({', '.join(names)}) "
            f"SELECT {', '.join(copy)} FROM {table.name}, generate_series(1, {many}) number"
        )


@rows.only("postgresql")
@pytest.mark.parametrize("level", [Level.SERIES, Level.INSTANCE])
def test_postgresql_does_not_join_a_long_list_row_by_row_when_it_has_no_statistics(
    database: Database, level: Level
) -> None:
    rows.add(database, rows.new("1", "2", "3"))
    uids = OneOf(tuple(f"1{number}" for number in range(1024)))
    page = search._page(rows.asked(level, StudyInstanceUID=uids))
    values = {f"given{number}": value for number, value in enumerate(page.values)}
    with database.begin() as tx:
        _copied(tx, 8000)
        text, bind = forms._prepared(page.form)._for(tx.dialect)
        plan = [row[0] for row in tx.driver.execute(f"EXPLAIN {text}", bind(values))]
    assert not [step for step in plan if "Nested Loop" in step]

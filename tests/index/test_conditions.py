import hashlib
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filmroom.dicom import matching
from filmroom.dicom.conditions import AllOf, Condition, Empty, Equal, OneOf, Range, Wildcard, Words
from filmroom.dicom.resources import Level
from filmroom.errors import BadParameter
from filmroom.index import conditions, search
from filmroom.index.database import Database
from tests.index import given as rows

# Of three component groups at most: the DICOM JSON Model has no more (PS3.18 §F.2.2).
NAMES = st.text(alphabet="abÉ^= %_/\\*?.[(+'\"ß山", max_size=8).map(lambda name: "=".join(name.split("=")[:3]))
DATES = st.from_regex(r"[12][09][0-9]{2}(0[1-9]|1[0-2])[0-2][0-9]", fullmatch=True)
TIMES = st.from_regex(r"([01][0-9])([0-5][0-9]([0-5][0-9](\.[0-9]{1,6})?)?)?", fullmatch=True)
UIDS = st.from_regex(r"1(\.[0-9]){0,2}", fullmatch=True)


_numbers = iter(range(10**9))


def holds(database: Database, condition: Condition, keyword: str, stored: str) -> bool:
    """Whether a Study with the stored value is found. Examples share a database, so it is asked for by its UID, too."""
    study = f"1.2.{next(_numbers)}"
    values: dict[str, Any] = {keyword: stored}
    keys: dict[str, Any] = {keyword: condition}
    rows.add(database, rows.new(study, study + ".1", study + ".2", **values))
    found = rows.matches(database, rows.asked(Level.STUDY, StudyInstanceUID=study, **keys))
    return found == [study]


many = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(stored=NAMES, asked=NAMES)
def test_equality_is_that_of_folded_values(shared: Database, stored: str, asked: str) -> None:
    value = matching.fold("LO", asked)
    expected = bool(value) and value == matching.fold("LO", stored)
    assert holds(shared, Equal(value), "PatientID", stored) == expected
    value = matching.fold("LO", stored)
    assert holds(shared, Equal(value), "PatientID", stored) == bool(value)


@many
@given(stored=NAMES, asked=NAMES.map(lambda text: text.replace("^", "*").replace("=", "?")))
def test_wildcards_are_those_of_the_standard(shared: Database, stored: str, asked: str) -> None:
    pattern, value = matching.fold("PN", asked), matching.fold("PN", stored)
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    expected = bool(value) and re.fullmatch(expression, value, re.DOTALL) is not None
    assert holds(shared, Wildcard(pattern), "PatientName", stored) == expected


@many
@given(
    stored=NAMES, asked=st.lists(st.text(alphabet="abÉ%_/\\*?.[(+'ß山", min_size=1, max_size=3), min_size=1, max_size=3)
)
def test_words_follow_one_another_each_as_a_beginning(shared: Database, stored: str, asked: list[str]) -> None:
    wanted = matching.words(" ".join(asked)).split()
    there = matching.words(stored).split()
    starts = range(len(there) - len(wanted) + 1)
    expected = any(all(have.startswith(want) for have, want in zip(there[at:], wanted, strict=False)) for at in starts)
    assert holds(shared, Words(tuple(wanted)), "PatientName", stored) == expected


@many
@given(stored=DATES, first=st.none() | DATES, last=st.none() | DATES)
def test_ranges_of_dates_include_both_ends(shared: Database, stored: str, first: str | None, last: str | None) -> None:
    expected = (first or "0") <= stored <= (last or "9")
    assert holds(shared, Range(first, last), "StudyDate", stored) == expected


@many
@given(stored=TIMES, first=TIMES, last=TIMES)
def test_ranges_of_times_include_all_of_what_they_name(shared: Database, stored: str, first: str, last: str) -> None:
    """10-11 includes 11:59:59.999999."""
    first, last = sorted((first, last))
    condition = rows.read("StudyTime", f"{first}-{last}")
    assert condition is not None
    value = matching.fold("TM", stored).replace(".", "")
    expected = (
        first.replace(".", "").ljust(12, "0")
        <= value
        <= last.replace(".", "") + "235959999999"[len(last.replace(".", "")) :]
    )
    assert holds(shared, condition, "StudyTime", stored) == expected


@many
@given(stored=UIDS, asked=st.lists(UIDS, min_size=2, max_size=4))
def test_a_list_matches_any_of_its_values(shared: Database, stored: str, asked: list[str]) -> None:
    assert holds(shared, OneOf(tuple(asked)), "PatientID", stored) == (stored in asked)


def test_neighbours_are_told_from_words_apart(database: Database) -> None:
    for number, name in enumerate(("John^Doe", "John^Q^Doe", "Doe^John", "Joan^Donner=佐藤")):
        rows.add(database, rows.new(f"1.{number}", f"2.{number}", f"3.{number}", PatientName=name))
    assert rows.matches(database, rows.asked(Level.STUDY, PatientName="jo do", fuzzy=True)) == ["1.3", "1.0"]
    assert rows.matches(database, rows.asked(Level.STUDY, PatientName="ohn", fuzzy=True)) == []


@pytest.mark.parametrize(("asked", "found"), [("3", ["1.0"]), ("0003", ["1.0"]), ("33", []), (str(2**70), [])])
def test_numbers_are_equal_whatever_their_spelling(database: Database, asked: str, found: list[str]) -> None:
    rows.add(database, rows.new("1", "1.0", "1.1", SeriesNumber="03"))
    assert rows.matches(database, rows.asked(Level.SERIES, SeriesNumber=asked)) == found


@pytest.mark.parametrize("condition", [Equal("1"), OneOf(("1", "2")), Range(None, None), Wildcard("*"), Wildcard("1*")])
def test_nothing_matches_an_attribute_without_a_value(database: Database, condition: Condition) -> None:
    rows.add(database, rows.new("1", "2", "3", StudyID=()), rows.new("2", "2", "3"))
    assert rows.matches(database, rows.asked(Level.STUDY, StudyID=condition)) == []


def test_nul_in_a_key_is_as_in_a_value(database: Database) -> None:
    rows.add(database, rows.new("1", "2", "3", StudyID="a\0b"))
    assert rows.matches(database, rows.asked(Level.STUDY, StudyID=Equal("a\0b"))) == ["1"]
    assert rows.matches(database, rows.asked(Level.STUDY, StudyID=Wildcard("a\0b*"))) == ["1"]


def test_a_value_that_is_far_too_long_is_stored_and_found(database: Database) -> None:
    """However long: PostgreSQL has no index on a text of more than 2,700 bytes."""
    long = "".join(hashlib.sha256(bytes([number])).hexdigest() for number in range(80))
    values: dict[str, Any] = dict.fromkeys(("PatientID", "AccessionNumber", "PatientName", "Modality"), long)
    rows.add(database, rows.new("1", "2", "3", **values))
    for keyword in values:
        for asked, found in ((long, ["2"]), (long[:100] + "*", ["2"]), (long[:100], [])):
            keys: dict[str, Any] = {keyword: asked}
            assert rows.matches(database, rows.asked(Level.SERIES, **keys)) == found


def test_nul_in_a_modality_is_no_part_of_it(database: Database) -> None:
    rows.add(database, rows.new("1", "2", "3", Modality="C\0T"))
    [found] = rows.answers(database, rows.asked(Level.STUDY, returned=["ModalitiesInStudy"], ModalitiesInStudy="CT"))
    assert rows.value(found, "ModalitiesInStudy") == "CT"


def test_nul_in_a_sop_class_is_no_part_of_it(database: Database) -> None:
    rows.add(database, rows.new("1", "2", "3", sop_class="1.2\0.3"))
    [found] = rows.answers(database, rows.asked(Level.STUDY, returned=["SOPClassesInStudy"]))
    assert rows.value(found, "SOPClassesInStudy") == "1.2.3"


def test_a_pattern_that_is_too_long_is_refused(database: Database) -> None:
    assert rows.matches(database, rows.asked(Level.STUDY, StudyID=Wildcard("a" * 4095 + "*"))) == []
    assert rows.matches(database, rows.asked(Level.STUDY, StudyID=Wildcard("a" + "*" * 9000))) == []
    with pytest.raises(BadParameter, match="4096"):
        rows.matches(database, rows.asked(Level.STUDY, PatientName=Words(("a",) * 2000)))
    with pytest.raises(BadParameter, match="4096"):
        rows.matches(database, rows.asked(Level.STUDY, StudyID=Wildcard("a" * 4096 + "*")))


@pytest.mark.parametrize(("keyword", "named"), [("PatientComments", "PatientComments"), ("00091001", "00091001")])
def test_an_attribute_without_a_column_is_refused(database: Database, keyword: str, named: str) -> None:
    keys: dict[str, Any] = {keyword: Equal("x")}
    with pytest.raises(BadParameter, match=named):
        rows.matches(database, rows.asked(Level.STUDY, **keys))


@pytest.mark.parametrize(
    ("asked", "found"),
    [("CT", ["1"]), ("ct", ["1"]), ("C?", ["1"]), ("MR", ["2", "1"]), ("XA", []), ("CT\\MR", ["2", "1"])],
)
@pytest.mark.parametrize("level", Level)
def test_one_series_of_the_modality_will_do(database: Database, asked: str, found: list[str], level: Level) -> None:
    new = rows.new
    rows.add(database, new("1", "1.1", "1.2", Modality="CT"), new("1", "1.3", "1.4", Modality="MR"))
    rows.add(database, new("2", "2.1", "2.2", Modality="MR"), new("3", "3.1", "3.2"))
    with database.read() as tx:
        query = rows.asked(level, ModalitiesInStudy=asked)
        studies = [match.resource.study for match in search.search(tx, query)]
    assert list(dict.fromkeys(studies)) == found


def test_nothing_beside_the_columns_is_looked_for_where_nothing_matches(database: Database) -> None:
    rows.add(database, rows.new("1", "2", "3", PatientName="Yamada=山田", StudyID=("a", "b")))
    keys = rows.asked(Level.STUDY, PatientName="山*", StudyID="b", PatientID="1", StudyDate="20240101-").keys
    others = rows.asked(Level.STUDY, PatientName="doe*", StudyID="a", ModalitiesInStudy="CT").keys
    with database.read() as tx:
        assert [key.tag for key in conditions.matched_further(tx, (*keys, *others))] == [
            rows.tag("PatientName"), rows.tag("StudyID")
        ]  # fmt: skip


def test_first_values_alone_are_compared_unless_all_are_asked_for(database: Database) -> None:
    rows.add(database, rows.new("1", "2", "3", PatientName="Yamada=山田", StudyID=("a", "b")))
    for keys in ({"StudyID": "b"}, {"PatientName": "yamada"}, {"PatientName": "山田"}):
        asked: dict[str, Any] = keys
        query = rows.asked(Level.STUDY, **asked)
        assert rows.matches(database, query) == []
        assert rows.matches(database, replace(query, every_value=True)) == ["1"]


def test_several_conditions_may_be_met_by_different_values(database: Database) -> None:
    rows.add(
        database, rows.new("1", "2", "3", StudyID=("a", "b"), Modality="CT"), rows.new("1", "4", "5", Modality="MR")
    )
    for keyword, first, other, absent in (("StudyID", "b", "a", "c"), ("ModalitiesInStudy", "ct", "mr", "pt")):
        for second, found in ((other, ["1"]), (absent, [])):
            keys: dict[str, Any] = {keyword: AllOf((Equal(first), Equal(second)))}
            assert rows.matches(database, replace(rows.asked(Level.STUDY, **keys), every_value=True)) == found


@pytest.mark.parametrize("keyword", ["StudyID", "PatientName", "StudyDate", "ModalitiesInStudy"])
def test_no_value(database: Database, keyword: str) -> None:
    values: dict[str, Any] = {"StudyID": "1", "PatientName": "Doe", "StudyDate": "20240101", "Modality": "CT"}
    rows.add(database, rows.new("1", "1.1", "1.2", **values), rows.new("2", "2.1", "2.2", StudyID=()))
    keys: dict[str, Any] = {keyword: Empty()}
    assert rows.matches(database, rows.asked(Level.STUDY, **keys)) == ["2"]


def test_no_sop_class(database: Database) -> None:
    rows.add(database, rows.new("1", "1.1", "1.2"), rows.new("2", "2.1", "2.2", sop_class=""))
    assert rows.matches(database, rows.asked(Level.STUDY, SOPClassesInStudy=Empty())) == ["2"]


@pytest.mark.parametrize("asked", [Equal("1.2_3"), OneOf(()), Wildcard("1*"), Equal("1")])
def test_sop_classes_are_whole_uids(database: Database, asked: Condition) -> None:
    rows.add(database, rows.new("1", "1.1", "1.2", sop_class="1.2.3"), rows.new("1", "1.1", "1.3", sop_class="1.2.4"))
    assert rows.matches(database, rows.asked(Level.STUDY, SOPClassesInStudy="1.2.4")) == ["1"]
    assert rows.matches(database, rows.asked(Level.STUDY, SOPClassesInStudy=asked)) == []


def test_too_many_sop_classes_are_refused(database: Database) -> None:
    assert rows.matches(database, rows.asked(Level.STUDY, SOPClassesInStudy=OneOf(("1",) * 200))) == []
    with pytest.raises(BadParameter, match="SOPClassesInStudy is given 201 values, and it takes 200 at most"):
        rows.matches(database, rows.asked(Level.STUDY, SOPClassesInStudy=OneOf(("1",) * 201)))


def test_nul_in_a_word_is_nothing(database: Database) -> None:
    rows.add(database, rows.new("1", "2", "3", PatientName="Doe"))
    assert rows.matches(database, rows.asked(Level.STUDY, PatientName="d\0oe", fuzzy=True)) == ["1"]

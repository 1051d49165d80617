import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom.conditions import (
    AllOf,
    AnyOf,
    Condition,
    Empty,
    Equal,
    Negotiated,
    OneOf,
    Range,
    Wildcard,
    Words,
    Zoned,
)
from filmroom.dicom.matching import Manner, condition, fold, groups, takes_list, takes_several, words
from filmroom.dicom.wording import AZURE
from filmroom.errors import BadParameter

STUDY_DATE, STUDY_TIME, CONTENT_DATE_TIME = 0x00080020, 0x00080030, 0x0040A13A
PATIENT_NAME, PATIENT_ID, STUDY_UID, MODALITY, SERIES_NUMBER, PATIENT_SIZE = (
    0x00100010, 0x00100020, 0x0020000D, 0x00080060, 0x00200011, 0x00101020,
)  # fmt: skip


def ask(tag: int, vr: str, value: str, *, fuzzy: bool = False) -> Condition | None:
    """A matching key in the Standard's dialect."""
    return condition(tag, vr, value, Manner(wildcards=True, lists=True, fuzzy=fuzzy))


def negotiate(tag: int, vr: str, value: str, *, fuzzy: bool = False, zone: str | None = None) -> Condition | None:
    """A matching key at /dicomweb, with all that can be asked for beyond plain matching."""
    negotiated = Negotiated(empty=True, several=True, zone=zone)
    return condition(tag, vr, value, Manner(True, True, fuzzy, negotiated=negotiated))


def ask_azure(tag: int, vr: str, value: str, *, fuzzy: bool = False) -> Condition | None:
    return condition(tag, vr, value, Manner(False, False, fuzzy, AZURE, strict=True))


@pytest.mark.parametrize(
    ("vr", "stored", "folded"),
    [
        ("LO", " Knee \0", "knee"),
        ("CS", "ct ", "ct"),
        ("LO", "Éa", "éa"),
        ("LO", "E\u0301a", "éa"),
        ("LO", "Straße", "strasse"),
        ("UI", "1.2\0", "1.2"),
        ("PN", "Müller^Jörg^^ ", "muller^jorg"),
        ("PN", "Yamada^Tarou=山田^太郎=やまだ^たろう", "yamada^tarou=山田^太郎=やまた\u3099^たろう"),
        ("PN", "Doe^J^=^=", "doe^j"),
        ("DA", "20240229", "20240229"),
        ("DA", "2024.02.29", "20240229"),
        ("DA", "Yesterday", "Yesterday"),
        ("TM", "10", "100000.000000"),
        ("TM", "10:11:12.5", "101112.500000"),
        ("DT", "2024", "20240101000000.000000"),
        ("DT", "20240229101112.5+0100", "20240229101112.500000"),
        ("IS", " 03", "3"),
        ("IS", "three", "three"),
        ("DS", "1e1", "10.0"),
        ("US", "7", "7"),
    ],
)
def test_folded_values(vr: str, stored: str, folded: str) -> None:
    assert fold(vr, stored) == folded


@given(st.sampled_from(["PN", "LO", "UI", "DA", "TM", "DT", "IS", "DS"]), st.text())
def test_folding_twice_is_folding_once(vr: str, text: str) -> None:
    assert fold(vr, fold(vr, text)) == fold(vr, text)


@given(st.text())
def test_case_and_composition_do_not_count(text: str) -> None:
    assert fold("LO", unicodedata.normalize("NFD", text)) == fold("LO", text)
    assert fold("PN", unicodedata.normalize("NFD", text)) == fold("PN", text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Doe^John", " doe john "), ("Doe, J.^=山田", " doe j. 山田 "), ("", " "), ("^^", " "), (" Ä \0", " a ")],
)
def test_the_words_of_a_name(name: str, expected: str) -> None:
    assert words(name) == expected


@pytest.mark.parametrize("value", ["", " ", "\0", "*", "***"])
def test_universal_matching(value: str) -> None:
    assert ask(PATIENT_ID, "LO", value) is None
    assert ask(STUDY_DATE, "DA", value) is None


def test_text_is_compared_folded() -> None:
    assert ask(PATIENT_ID, "LO", "Id1 ") == Equal("id1")


def test_wildcards() -> None:
    assert ask(PATIENT_ID, "LO", "*Id?") == Wildcard("*id?")
    assert ask(PATIENT_NAME, "PN", "Doe^*") == Wildcard("doe^*")
    assert ask(STUDY_UID, "UI", "1.2*") == Equal("1.2*")


def test_wildcards_of_azure_are_literal() -> None:
    assert ask_azure(PATIENT_ID, "LO", "*Id?") == Equal("*id?")
    assert ask_azure(PATIENT_ID, "LO", "*") == Equal("*")


@pytest.mark.parametrize("value", [r"1.2\1.3", "1.2,1.3", " 1.2 ,1.3,,1.2"])
def test_a_list_of_uids(value: str) -> None:
    assert ask(STUDY_UID, "UI", value) == OneOf(("1.2", "1.3"))
    assert ask_azure(STUDY_UID, "UI", value) == Equal(value.strip())


def test_a_list_of_codes() -> None:
    assert ask(MODALITY, "CS", "CT,MR") == OneOf(("ct", "mr"))
    assert ask(MODALITY, "CS", "CT") == Equal("ct")
    assert takes_list("CS")
    assert not takes_list("LO")


def test_a_comma_in_text_is_text() -> None:
    assert ask(PATIENT_ID, "LO", "a,b") == Equal("a,b")


@pytest.mark.parametrize("value", ["jo do", "Jo^Dó", " jo,  do "])
def test_fuzzy_names_are_words(value: str) -> None:
    assert ask(PATIENT_NAME, "PN", value, fuzzy=True) == Words(("jo", "do"))
    assert ask_azure(PATIENT_NAME, "PN", value, fuzzy=True) == Words(("jo", "do"))


def test_fuzzy_is_for_names_only() -> None:
    assert ask(PATIENT_ID, "LO", "a b", fuzzy=True) == Equal("a b")


@pytest.mark.parametrize(("vr", "value"), [("UI", ","), ("UI", "\\"), ("CS", ", ,"), ("PN", "^"), ("PN", "=^, ,")])
def test_text_that_holds_nothing_to_compare_matches_nothing(vr: str, value: str) -> None:
    assert ask(PATIENT_NAME, vr, value, fuzzy=True) == OneOf(())


@pytest.mark.parametrize(
    ("value", "pattern"),
    [("*Doe John*", "*doe?john*"), ("* doe, j *", "*doe?j*"), ("D?e *", "d?e*")],
)
def test_a_fuzzy_pattern_takes_any_separator(value: str, pattern: str) -> None:
    assert ask(PATIENT_NAME, "PN", value, fuzzy=True) == Wildcard(pattern)


@pytest.mark.parametrize("sign", [",", "^", "=", " ", "*"])
def test_a_name_of_many_signs_costs_no_more_than_others(sign: str) -> None:
    for fuzzy in (False, True):
        for value in (f"*x{sign * 200_000}x", f"*x{sign * 200_000}*"):
            assert ask(PATIENT_NAME, "PN", value, fuzzy=fuzzy) is not None
            assert negotiate(PATIENT_NAME, "PN", value, fuzzy=fuzzy) is not None


@pytest.mark.parametrize("value", ["doe* j*", "Doe*^J", "doe, j**"])
def test_a_star_behind_a_fuzzy_word_says_nothing_more(value: str) -> None:
    assert ask(PATIENT_NAME, "PN", value, fuzzy=True) == Words(("doe", "j"))


def test_an_open_fuzzy_pattern_finds_the_middle_of_a_name() -> None:
    asked = ask(PATIENT_NAME, "PN", "*oe john*", fuzzy=True)
    assert isinstance(asked, Wildcard)
    pattern = asked.pattern.replace("?", ".").replace("*", ".*")
    assert re.fullmatch(pattern, fold("PN", "Doe^John^^^"))


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("DA", "20240229", Equal("20240229")),
        ("DA", "20240101-20241231", Range("20240101", "20241231")),
        ("DA", "20240101-", Range("20240101", None)),
        ("DA", "-20241231", Range(None, "20241231")),
        ("DA", " 20240101 - 20240101 ", Range("20240101", "20240101")),
        ("TM", "10", Equal("100000.000000")),
        ("TM", "10-11", Range("100000.000000", "115959.999999")),
        ("TM", "235960", Equal("235960.000000")),
        ("TM", "101112.5-", Range("101112.500000", None)),
        ("DT", "2023-2024", Range("20230101000000.000000", "20241231235959.999999")),
        ("DT", "-202402", Range(None, "20240231235959.999999")),
    ],
)
def test_dates_and_times(vr: str, value: str, expected: Condition) -> None:
    assert ask(STUDY_DATE, vr, value) == expected


@pytest.mark.parametrize("value", ["2024", "20240230", "2024-02-29", "20241301-", "today", "2024022٣", "00000101"])
def test_a_date_that_is_none(value: str) -> None:
    with pytest.raises(BadParameter) as error:
        ask_azure(STUDY_DATE, "DA", value)
    assert "is invalid for attribute 'StudyDate'. Date should be valid and formatted as yyyyMMdd." in str(error.value)


def test_the_message_for_a_bad_date() -> None:
    with pytest.raises(BadParameter) as error:
        ask_azure(STUDY_DATE, "DA", "2024")
    assert str(error.value) == (
        "Invalid query: specified Date value '2024' is invalid for attribute 'StudyDate'. "
        "Date should be valid and formatted as yyyyMMdd."
    )


@pytest.mark.parametrize("value", ["1", "24", "1060", "101061", "10:11", "10.5"])
def test_a_time_that_is_none(value: str) -> None:
    with pytest.raises(BadParameter, match=r"formatted as HHmmss\.FFFFFF where HH is mandatory"):
        ask_azure(STUDY_TIME, "TM", value)


def test_a_date_time_that_is_none() -> None:
    with pytest.raises(BadParameter, match=r"attribute '00091001'.*yyyyMMddHHmmss\.FFFFFF where yyyy is mandatory"):
        ask_azure(0x00091001, "DT", "20241")


def test_a_range_that_runs_backwards() -> None:
    with pytest.raises(BadParameter) as error:
        ask_azure(STUDY_DATE, "DA", "20240102-20240101")
    assert str(error.value) == (
        "Invalid query: specified date range '20240102-20240101' is invalid.\n"
        "The first part date 20240102 should be lesser than or equal to the second part date 20240101."
    )


def test_a_range_without_ends() -> None:
    with pytest.raises(BadParameter, match="Both parts in the range cannot be empty"):
        ask_azure(STUDY_DATE, "DA", "-")


@pytest.mark.parametrize("value", ["2023-2024-0100", "2023+0100-2024", "20240301001500+0100"])
def test_offsets_are_not_supported(value: str) -> None:
    with pytest.raises(BadParameter, match="contains offset which is not supported"):
        ask_azure(CONTENT_DATE_TIME, "DT", value)


def test_numbers_are_compared_as_numbers() -> None:
    assert ask(SERIES_NUMBER, "IS", "0003") == Equal(fold("IS", "+3 "))
    assert ask(PATIENT_SIZE, "DS", "1.80") == Equal(fold("DS", "1.8"))


@pytest.mark.parametrize(("tag", "vr", "kind"), [(SERIES_NUMBER, "IS", "long"), (PATIENT_SIZE, "DS", "double")])
def test_what_is_no_number(tag: int, vr: str, kind: str) -> None:
    with pytest.raises(BadParameter, match=f"is not a valid {kind} value"):
        ask_azure(tag, vr, "x")


@pytest.mark.parametrize(
    ("tag", "vr", "value", "said"),
    [
        (STUDY_DATE, "DA", "2020-09-22", "'2020-09-22' is not a value to search StudyDate by: write 20260131, or"),
        (STUDY_TIME, "TM", "10:11", "'10:11' is not a value to search StudyTime by: write 1430, or"),
        (STUDY_DATE, "DA", "-", "A range needs a beginning or an end"),
        (STUDY_DATE, "DA", "20240102-20240101", "The range '20240102-20240101' of StudyDate ends before it begins"),
        (CONTENT_DATE_TIME, "DT", "2023+0100-2024", "offset from UTC, as in '2023+0100-2024': leave the offset out"),
        (SERIES_NUMBER, "IS", "x", "SeriesNumber is searched by a number, and 'x' is none."),
    ],
)
def test_the_plain_sentences_say_what_was_written_and_what_is_right(tag: int, vr: str, value: str, said: str) -> None:
    with pytest.raises(BadParameter, match=re.escape(said)):
        ask(tag, vr, value)


@pytest.mark.parametrize("vr", ["LO", "PN", "SH"])
def test_a_huge_value_is_compared_by_its_beginning(vr: str) -> None:
    """To normalise so many accents in turn would take minutes."""
    assert fold(vr, "a" + "\u0301\u0323" * (1 << 19)) == fold(vr, "a" + "\u0301\u0323" * (1 << 18))


def test_a_name_that_is_asked_for_has_not_endless_words() -> None:
    with pytest.raises(BadParameter, match="PatientName is given 21 words, and 20 can be searched by at once"):
        ask(PATIENT_NAME, "PN", "a " * 21, fuzzy=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("CT\\P*", AnyOf((Wildcard("p*"), OneOf(("ct",))))),
        ("C?,P?", AnyOf((Wildcard("c?"), Wildcard("p?")))),
        ("CT,*", None),
        ("C*", Wildcard("c*")),
    ],
)
def test_a_list_may_hold_wildcards(value: str, expected: Condition | None) -> None:
    assert ask(MODALITY, "CS", value) == expected


@pytest.mark.parametrize("value", [str(2**64), str(-(2**63) - 1)])
def test_a_number_has_64_bits(value: str) -> None:
    with pytest.raises(BadParameter, match="is not a valid long value"):
        ask_azure(SERIES_NUMBER, "IS", value)


def test_no_value() -> None:
    assert negotiate(PATIENT_ID, "LO", '""') == negotiate(STUDY_DATE, "DA", ' "" ') == Empty()
    assert ask(PATIENT_ID, "LO", '""') == Equal('""')


def test_all_of_several_values() -> None:
    assert negotiate(MODALITY, "CS", r"CT\MR") == AllOf((Equal("ct"), Equal("mr")))
    assert negotiate(MODALITY, "CS", r"CT,PT\MR") == AllOf((OneOf(("ct", "pt")), Equal("mr")))
    assert negotiate(MODALITY, "CS", r"CT\\ ") == Equal("ct")
    assert negotiate(MODALITY, "CS", r"\*\\*") is None
    assert negotiate(MODALITY, "CS", "\\") == OneOf(())
    assert negotiate(STUDY_UID, "UI", r"1\2") == OneOf(("1", "2"))  # PS3.4 C.2.2.2.8 has no UI
    assert takes_several("PN")
    assert not takes_several("UI")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Doe^J*", Wildcard("doe^j*")),
        ("山田^太郎", Equal("山田^太郎")),
        ("=山田^太郎", Equal("=山田^太郎")),
        ("Yamada=山*", AllOf((Equal("yamada"), Wildcard("=山*")))),
        ("*=山*", Wildcard("=山*")),
        ("*=*", None),
        ("^", Equal("")),
    ],
)
def test_names_by_component_group(value: str, expected: Condition | None) -> None:
    assert negotiate(PATIENT_NAME, "PN", value) == expected


def test_the_groups_of_a_name_say_which_they_are() -> None:
    assert groups("yamada=山田=やまだ") == ["yamada", "=山田", "==やまだ"]
    assert groups("==やまだ") == ["==やまだ"]
    assert groups("") == []


DAY = Range("20240229090000.000000", "20240229095959.999999")


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        ("2024", None, Equal("20240101000000.000000")),
        ("2023-2024", None, Range("20230101000000.000000", "20241231235959.999999")),
        ("2024022910+0100-2024022910+0100", None, Zoned(DAY, Range(None, None), None)),
        ("2024022904-0500-2024022904-0500", None, Zoned(DAY, Range(None, None), None)),
        ("2024022910+0100-2024022904-0500", None, Zoned(DAY, Range(None, None), None)),
        ("2024022910-2024022910+0100", None, Zoned(DAY, Range(None, None), None)),
        ("2024022910-2024022910", "+0100", Zoned(DAY, Range(None, None), None)),
        ("2024022910+0100-", "+0900", Zoned(Range(DAY.first, None), Range(None, None), None)),
        ("-2024022904-0500", None, Zoned(Range(None, DAY.last), Range(None, None), None)),
        ("2024022910+0100", None, Zoned(Range(DAY.first, DAY.first), Range(None, None), None)),
    ],
)
def test_moments_with_offsets(value: str, zone: str | None, expected: Condition) -> None:
    found = negotiate(CONTENT_DATE_TIME, "DT", value, zone=zone)
    if isinstance(found, Zoned) and isinstance(expected, Zoned):
        assert found.utc == expected.utc
    else:
        assert found == expected


def test_without_a_known_timezone_a_moment_is_compared_as_it_stands() -> None:
    found = negotiate(CONTENT_DATE_TIME, "DT", "2024022910+0100-")
    assert isinstance(found, Zoned)
    assert found.plain == Range("20240229100000.000000", None)


@pytest.mark.parametrize(
    "value", ["x", "-", "2024--2025", "2025-2024", "2024+0100-2023+0100", "2024+9900", "202413+0100"]
)
def test_moments_that_are_none(value: str) -> None:
    with pytest.raises(BadParameter):
        negotiate(CONTENT_DATE_TIME, "DT", value)


def test_a_list_has_an_end() -> None:
    with pytest.raises(
        BadParameter, match="StudyInstanceUID is given 10001 values, and 10000 can be searched by at once"
    ):
        ask(STUDY_UID, "UI", ",".join(map(str, range(10_001))))

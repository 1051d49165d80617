"""What an update may change, and into what."""

from typing import Any

import pytest

from filmroom.dicom import attributes, updates

UID = "1.2.840.10008.1"


def said(tag: int, vr: str, *values: Any) -> str | None:
    problems = updates.check({attributes.key(tag): {"vr": vr, "Value": list(values)}})
    return problems[0].message if problems else None


def test_they_are_36_attributes_none_of_them_a_sequence() -> None:
    assert len(updates.ATTRIBUTES) == 36
    assert not {tag for tag in updates.ATTRIBUTES if attributes.vr(tag) in {None, "SQ"}}


@pytest.mark.parametrize("tag", sorted({*updates.ATTRIBUTES, *updates.UIDS}))
def test_each_can_be_named_and_all_but_uids_be_emptied(tag: int) -> None:
    vr = attributes.vr(tag)
    assert vr is not None
    assert said(tag, vr) == ("One value is needed" if tag in updates.UIDS else None)


@pytest.mark.parametrize(
    ("tag", "vr", "values"),
    [
        (0x00100010, "PN", [{"Alphabetic": "A^B", "Ideographic": "C", "Phonetic": "D"}]),
        (0x00100010, "PN", ["A^B=C"]),
        (0x00101001, "PN", [{"Alphabetic": "A"}, {"Alphabetic": "B"}]),
        (0x00101030, "DS", [70.5]),
        (0x00101030, "DS", ["70.5"]),
        (0x00100030, "DA", ["20240229"]),
        (0x00100032, "TM", ["101500"]),
        (0x00101010, "AS", ["031Y"]),
        (0x00104000, "LT", ["one\\two"]),
        (0x0020000D, "UI", [UID]),
    ],
)
def test_good_values(tag: int, vr: str, values: list[Any]) -> None:
    assert said(tag, vr, *values) is None


@pytest.mark.parametrize(
    ("tag", "vr", "values", "part"),
    [
        (0x00080060, "CS", ["CT"], "Updating the tag is not supported"),
        (0x00100020, "SH", ["1"], "The VR is 'LO', not 'SH'"),
        (0x00100020, "LO", ["a\\b"], "a backslash would divide it"),
        (0x00100020, "LO", ["a\x1bb"], "invalid control character"),
        (0x00100020, "LO", ["a" * 65], "does not validate VR LO"),
        (0x00100020, "LO", [True], "A value is not what VR LO has"),
        (0x00100010, "PN", [{"Alphabetic": "A=B"}], "A value is not what VR PN has"),
        (0x00100010, "PN", [{"Alphabet": "A"}], "A value is not what VR PN has"),
        (0x00101030, "DS", [True], "A value is not what VR DS has"),
        (0x00100030, "DA", ["20230229"], "value is no date"),
        (0x00100030, "DA", ["2020-2021"], "value is a range"),
        (0x0020000D, "UI", [UID, UID], "does not match ValueMultiplicity 1"),
        (0x0020000D, "UI", [" "], "One value is needed"),
    ],
)
def test_bad_values(tag: int, vr: str, values: list[Any], part: str) -> None:
    assert part in str(said(tag, vr, *values))


def test_each_bad_attribute_is_one_problem() -> None:
    bad = {"00080060": {"vr": "CS"}, "00100020": {"vr": "LO", "Value": ["1"]}, "00080020": {"vr": "DA"}}
    assert [problem.tag for problem in updates.check(bad)] == [0x00080060, 0x00080020]


@pytest.mark.parametrize(
    ("element", "texts"),
    [
        ({"vr": "PN", "Value": [{"Alphabetic": "A", "Phonetic": "P"}]}, ["A==P"]),
        ({"vr": "PN", "Value": [{"Alphabetic": "A"}, None]}, ["A", ""]),
        ({"vr": "DS", "Value": [1 / 3]}, ["0.33333333333333"]),
        ({"vr": "DS", "Value": [-1.2345678901234567e-123]}, ["-1.23456789e-123"]),
        ({"vr": "LO"}, []),
    ],
)
def test_values_as_text(element: Any, texts: list[str]) -> None:
    assert updates.texts(element) == texts
    assert all(len(text) <= 16 for text in texts)


def test_as_files_have_them() -> None:
    given: dict[str, dict[str, Any]] = {"00101000": {"vr": "LO", "Value": ["1", "2"]}, "00100020": {"vr": "LO"}}
    assert updates.written(given) == {0x00101000: ("LO", "1\\2"), 0x00100020: ("LO", "")}


def test_the_new_uids() -> None:
    assert updates.uids({"0020000E": {"vr": "UI", "Value": [UID]}}) == (None, UID, None)

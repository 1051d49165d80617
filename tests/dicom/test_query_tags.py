"""Where the values of query tags are in a data set, and what is wrong with them."""

from typing import Any

import pytest

from filmroom.dicom import query_tags
from filmroom.dicom.query_tags import BUILT_IN, MOST_VALUES, QueryTag
from filmroom.dicom.resources import Level

STEP = BUILT_IN[0]


def tag(path: str, vr: str, creator: str | None = None) -> QueryTag:
    return QueryTag(1, path, vr, Level.STUDY, creator)


def held(vr: str, *values: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)}


def test_values_of_all_items_at_any_depth() -> None:
    steps = [{"00400009": held("SH", "A", "B")}, {}, {"00400009": held("SH", "A")}, {"00400009": {"vr": "SH"}}]
    assert query_tags.values(STEP, {"00400275": held("SQ", *steps)}) == ("A", "B")
    deep = tag("00101002.00100024.00400032", "UT")
    universal = held("SQ", {"00100024": held("SQ", {"00400032": held("UT", "1.2")})})
    assert query_tags.values(deep, {"00101002": universal}) == ("1.2",)


@pytest.mark.parametrize("element", [held("LO", "A"), held("UN", "A"), {"vr": "SQ"}])
def test_what_should_be_a_sequence_and_is_none(element: dict[str, Any]) -> None:
    assert query_tags.values(STEP, {"00400275": element}) == ()


def test_texts_are_told_item_by_item() -> None:
    inner = [{"00100020": held("LO", "a")}, {"00100020": held("SH", "b")}, {}]
    outer = [{"00101002": held("SQ", *inner)}, {}, {"00101002": held("SQ", {"00100020": held("LO", "c", "d")})}]
    found = query_tags.texts(tag("0040A370.00101002.00100020", "LO"), {"0040A370": held("SQ", *outer)})
    assert found == (("a",), (), (), ("c", "d"))


def test_texts_of_all_types() -> None:
    assert query_tags.values(tag("00100010", "PN"), {"00100010": held("PN", {"Alphabetic": "A", "Phonetic": "P"})}) == (
        "A==P",
    )
    assert query_tags.values(tag("00280010", "US"), {"00280010": held("US", 0, 512)}) == ("0", "512")
    assert query_tags.values(tag("00180050", "DS"), {"00180050": held("DS", 1.5, None, "")}) == ("1.5",)


def test_values_are_not_without_end() -> None:
    many = {"00200012": held("IS", *range(10 * MOST_VALUES))}
    assert len(query_tags.values(tag("00200012", "IS"), many)) == MOST_VALUES


def test_what_is_hidden_or_of_another_vr_has_none() -> None:
    elements = {"00101010": held("AS", "034Y")}
    assert query_tags.texts(tag("00101010", "AS"), elements, {"00101010"}) == ()
    assert query_tags.values(tag("00101010", "LO"), elements) == ()
    assert query_tags.extract([tag("00101010", "AS"), STEP], elements) == ((tag("00101010", "AS"), (("034Y",),)),)


def test_a_private_attribute_lies_in_the_block_of_its_creator() -> None:
    elements = {
        "00110010": held("LO", "OTHER"),
        "00110011": held("LO", "MAKER "),
        "00111003": held("LO", "a"),
        "00111103": held("LO", "b"),
    }
    assert query_tags.values(tag("00111003", "LO", "MAKER"), elements) == ("b",)
    assert query_tags.locate(tag("00111003", "LO", "MAKER"), elements) == "00111103"
    assert query_tags.locate(tag("00111004", "LO", "MAKER"), elements) is None
    assert query_tags.locate(tag("00111003", "LO", "NOBODY"), elements) is None


@pytest.mark.parametrize(
    ("vr", "value", "message"),
    [
        ("AE", "x" * 17, "Value length exceeds maximum length of 16."),
        ("AS", "34", "Value length is not 4."),
        ("CS", "x" * 17, "Value length exceeds maximum length of 16."),
        ("DA", "20240230", "Value cannot be parsed as a valid date."),
        ("DT", "2024x", "Value cannot be parsed as a valid DateTime."),
        ("IS", "1.5", "Value cannot be parsed as a valid integer string."),
        ("LO", "x" * 65, "Value length exceeds maximum length of 64."),
        ("PN", "a^b^c^d^e^f", "Value contains more than 5 components."),
        ("SH", "x" * 17, "Value length exceeds maximum length of 16."),
        ("TM", "25", "Value cannot be parsed as a valid Time."),
        ("UI", "a", "DICOM Identifier is invalid."),
        ("DS", "x", None),
        ("US", 1, None),
    ],
)
def test_what_the_minimum_validation_says(vr: str, value: Any, message: str | None) -> None:
    found = query_tags.bad_value(tag("00111003", vr), {"00111003": held(vr, value)})
    assert found is None if message is None else str(found).startswith(message)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("PatientAge", "00101010"),
        ("0010101a", "0010101A"),
        ("RequestAttributesSequence.00400009", "00400275.00400009"),
        ("Patientage", None),
        ("PatientAge.", None),
        ("", None),
    ],
)
def test_paths(name: str, path: str | None) -> None:
    assert query_tags.parse_path(name) == path


def test_names() -> None:
    assert STEP.name == "RequestAttributesSequence.ScheduledProcedureStepID"
    assert tag("00111003", "LO").name == "00111003"

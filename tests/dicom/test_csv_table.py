import csv
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom.csv_table import columns, write

NAME, NUMBER, DESCRIPTION, CODES = 0x00100010, 0x00200011, 0x0008103E, 0x00081032


def read(*data_sets: dict[str, Any], tags: tuple[int, ...] = (DESCRIPTION,)) -> list[list[str]]:
    text = b"".join(write(tags, data_sets)).decode()
    return list(csv.reader(StringIO(text, newline="")))


def description(*values: Any) -> dict[str, Any]:
    return {"0008103E": {"vr": "LO", "Value": list(values)}}


def test_a_row_for_each_data_set_under_keywords() -> None:
    name = {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}
    made = {"00100010": {"vr": "PN", "Value": [name]}, "00200011": {"vr": "IS", "Value": [-5]}}
    assert read(made, description("a", None, "b"), tags=(NAME, NUMBER, DESCRIPTION)) == [
        ["PatientName", "SeriesNumber", "SeriesDescription"],
        ["Yamada^Tarou=山田^太郎", "-5", ""],
        ["", "", "a\\\\b"],
    ]


def test_neither_sequences_nor_private_attributes_have_a_column() -> None:
    assert columns({NAME, CODES, 0x00091001, DESCRIPTION}) == [DESCRIPTION, NAME]


@pytest.mark.parametrize("value", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", "\r=1", "＝1", "-1\\=2", "'=1", "'a"])
def test_no_cell_is_a_formula(value: str) -> None:
    assert read(description(value))[1] == ["'" + value]


@pytest.mark.parametrize(
    "value", ["-1", "+1", "-1.5e-3", "-1.5\\2\\3", "1-2", "a=b", "Doe, John", 'the "knee"', "two\nlines"]
)
def test_what_is_none_stays_as_it_is(value: str) -> None:
    assert read(description(value))[1] == [value]


@pytest.mark.parametrize("text", ["-" + "1" * 100_000 + "x", "-" + "1\\" * 50_000 + "x", "-" + "1.e1" * 30_000])
def test_what_is_nearly_a_number_is_given_up_at_once(text: str) -> None:
    assert read(description(text))[1] == ["'" + text]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_value_can_be_had_back(value: str) -> None:
    ((_,), (cell,)) = read(description(value))
    assert cell.removeprefix("'") == value

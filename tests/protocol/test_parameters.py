"""Numbers and truths of a query."""

import pytest

from filmroom.dicom.wording import STANDARD
from filmroom.errors import BadParameter
from filmroom.protocol.parameters import boolean, integer


@pytest.mark.parametrize(
    ("values", "expected"), [([], 7), ([""], 7), ([" "], 7), (["3"], 3), ([" +3 "], 3), (["3", "4"], 3)]
)
def test_a_number_is_the_first_or_the_default(values: list[str], expected: int) -> None:
    assert integer("limit", values, 7, 1, 10, STANDARD) == expected


@pytest.mark.parametrize("text", ["0", "11", "-1", "1.5", "٣", "1_0", "x", "9" * 40])
def test_what_is_no_number_in_its_bounds_is_refused(text: str) -> None:
    with pytest.raises(BadParameter) as refused:
        integer("Limit", [text], 7, 1, 10, STANDARD)
    assert str(refused.value) == f"limit must be a whole number from 1 to 10, and '{text}' is none."


@pytest.mark.parametrize(("values", "expected"), [([], True), ([""], True), (["false"], False), ([" TRUE "], True)])
def test_a_truth_is_the_first_or_the_default(values: list[str], expected: bool) -> None:
    assert boolean("Name", "name", values, True, STANDARD) is expected


@pytest.mark.parametrize("text", ["0", "1", "yes", "trueish"])
def test_what_is_no_truth_is_refused(text: str) -> None:
    with pytest.raises(BadParameter, match=f"name must be true or false, and '{text}' is neither."):
        boolean("Name", "name", [text], True, STANDARD)

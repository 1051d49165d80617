import pytest

from filmroom.dicom.order import By
from filmroom.errors import BadParameter
from filmroom.protocol import paging

STUDY_DATE, PATIENT_NAME = 0x00080020, 0x00100010
SORTABLE = {STUDY_DATE, PATIENT_NAME, 1, 2, 3}


def order(*values: str) -> tuple[tuple[By, ...], list[str]]:
    passed_over: list[str] = []
    found = paging.order(values, SORTABLE, lambda name, _: passed_over.append(name))
    return found, passed_over


@pytest.mark.parametrize(
    "values",
    [
        ("-StudyDate,PatientName",),
        ("StudyDate desc, PatientName asc",),
        ("-00080020", "00100010"),
        (" -StudyDate , , PatientName", "StudyDate"),
        ("- StudyDate DESC,PatientName",),
    ],
)
def test_the_forms_of_an_order(values: tuple[str, ...]) -> None:
    assert order(*values) == ((By(STUDY_DATE, True), By(PATIENT_NAME)), [])


@pytest.mark.parametrize("value", ["Rows", "--StudyDate", "StudyDate down", "studydate", "StudyDate;", "-"])
def test_what_is_no_order_is_passed_over(value: str) -> None:
    assert order(value, "PatientName") == ((By(PATIENT_NAME),), [value])


def test_an_order_of_nothing() -> None:
    assert order() == order("", ",") == ((), [])


def test_more_attributes_than_a_cursor_may_hold_are_refused() -> None:
    with pytest.raises(BadParameter, match="names 5 attributes; it takes 4"):
        order("StudyDate,PatientName,00000001,00000002,00000003")


def test_the_first_page_has_no_place() -> None:
    assert paging.after(b"", lambda: b"", ["", ""], ["5"]) is None

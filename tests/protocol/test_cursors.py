import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom.order import Place
from filmroom.dicom.resources import Resource
from filmroom.errors import BadParameter
from filmroom.protocol.cursors import seal, subject, unseal

SECRET = b"of the archive"
ABOUT = subject("STUDY", Resource(), [("PatientName", "Doe"), ("orderby", "PatientName")])
PLACES = st.tuples(st.none() | st.text() | st.integers(-(2**63), 2**63 - 1), st.integers(1, 2**63 - 1))


@given(PLACES)
def test_a_place_comes_back(place: Place) -> None:
    cursor = seal(SECRET, ABOUT, place)
    assert unseal(SECRET, ABOUT, cursor) == place
    assert cursor == seal(SECRET, ABOUT, place)
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_nothing_can_be_read_from_a_cursor() -> None:
    one, other = seal(SECRET, ABOUT, ("doe^john", 1)), seal(SECRET, ABOUT, ("doe^john", 2))
    assert "doe" not in one
    assert one[:8] != other[:8]
    assert one[-8:] != other[-8:]


@given(st.text())
def test_what_was_made_up_is_refused(cursor: str) -> None:
    with pytest.raises(BadParameter, match="follow the header Link"):
        unseal(SECRET, ABOUT, cursor)


def test_what_was_tampered_with_is_refused() -> None:
    cursor = seal(SECRET, ABOUT, ("doe", 5))
    for place in range(len(cursor)):
        other = "A" if cursor[place] != "A" else "Q"
        with pytest.raises(BadParameter):
            unseal(SECRET, ABOUT, cursor[:place] + other + cursor[place + 1 :])
    for other in (cursor + "====", cursor + "!", cursor[:3] + "...." + cursor[3:], cursor + "\n"):
        with pytest.raises(BadParameter):
            unseal(SECRET, ABOUT, other)
    with pytest.raises(BadParameter):
        unseal(b"of another archive", ABOUT, cursor)


@pytest.mark.parametrize(
    ("listed", "scope", "parameters"),
    [
        ("PATIENT", Resource(), [("PatientName", "Doe"), ("orderby", "PatientName")]),
        ("SERIES", Resource(), [("PatientName", "Doe"), ("orderby", "PatientName")]),
        ("STUDY", Resource("1"), [("PatientName", "Doe"), ("orderby", "PatientName")]),
        ("STUDY", Resource(), [("PatientName", "Roe"), ("orderby", "PatientName")]),
        ("STUDY", Resource(), [("PatientName", "Doe"), ("orderby", "-PatientName")]),
        ("STUDY", Resource(), [("PatientName", "Doe"), ("orderby", "PatientName"), ("fuzzymatching", "true")]),
    ],
)
def test_a_cursor_belongs_to_its_search(listed: str, scope: Resource, parameters: list[tuple[str, str]]) -> None:
    with pytest.raises(BadParameter):
        unseal(SECRET, subject(listed, scope, parameters), seal(SECRET, ABOUT, (1,)))


def test_what_is_of_a_page_may_change() -> None:
    other = [
        ("orderby", "PatientName"),
        ("PatientName", "Doe"),
        ("Limit", "5"),
        ("includefield", "all"),
        ("cursor", "a"),
    ]
    assert subject("STUDY", Resource(), other) == ABOUT

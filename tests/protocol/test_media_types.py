import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.protocol import media_types


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ('multipart/related; type="application/dicom"; transfer-syntax=*', ("application/dicom", "*")),
        ("multipart/related;type=application/dicom;transfer-syntax=*", ("application/dicom", "*")),
        ('Multipart/Related; Transfer-Syntax="*" ; TYPE="application/dicom"', ("application/dicom", "*")),
        (
            'multipart/related; type="application/dicom; transfer-syntax=*',
            ("application/dicom; transfer-syntax=*", None),
        ),
        (r'multipart/related; type="appli\cation/dicom"; x', ("application/dicom", None)),
        ("multipart/related", (None, None)),
    ],
)
def test_parameters_with_and_without_quotes(text: str, parameters: tuple[str | None, str | None]) -> None:
    parsed = media_types.parse(text)
    assert parsed.type == "multipart/related"
    assert (parsed.parameters.get("type"), parsed.parameters.get("transfer-syntax")) == parameters


@pytest.mark.parametrize(
    ("q", "expected"), [("0.3", 0.3), ("0", 0.0), ("7", 1.0), ("-1", 0.0), ("high", 1.0), ("", 1.0), ("nan", 1.0)]
)
def test_q_is_between_0_and_1(q: str, expected: float) -> None:
    parsed = media_types.parse(f"application/dicom;q={q}")
    assert parsed.q == expected
    assert "q" not in parsed.parameters


def test_the_first_of_repeated_parameters_counts() -> None:
    assert media_types.parse("a/b; x=1; x=2").parameters == {"x": "1"}


def test_a_lone_star_is_every_type() -> None:
    assert media_types.parse("*; q=.2").type == "*/*"


def test_a_value_may_hold_an_equals_sign() -> None:
    boundary = "----=_Part_0_1.2"
    assert media_types.parse(f"multipart/related; boundary={boundary}").parameters["boundary"] == boundary


def test_accept_is_a_list_over_all_header_lines() -> None:
    lines = ['multipart/related; type="a/b,c"; q=0.5, , image/png', "image/jpeg"]
    assert [value.type for value in media_types.parse_accept(lines)] == ["multipart/related", "image/png", "image/jpeg"]


def test_an_escaped_quote_does_not_end_a_value() -> None:
    [one, two] = media_types.parse_accept([r'a/b; x="1\",2", c/d'])
    assert (one.parameters["x"], two.type) == ('1",2', "c/d")


@given(st.text())
def test_no_text_is_too_bad_to_read(text: str) -> None:
    for value in media_types.parse_accept([text]):
        assert 0 <= value.q <= 1

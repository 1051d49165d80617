import struct
from math import inf, nan
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom.character_sets import PLAIN
from filmroom.dicom.values import CONVERTERS

LITTLE, BIG = False, True


def convert(vr: str, raw: bytes, codecs: tuple[str, ...] = PLAIN, *, big: bool = False) -> list[Any] | None:
    return CONVERTERS[big][vr](raw, codecs)


@pytest.mark.parametrize(
    ("vr", "raw", "values"),
    [
        ("LO", b"one\\two \\ three", ["one", "two", " three"]),
        ("LO", b"one\\\\three", ["one", None, "three"]),
        ("LO", b"\\", [None, None]),
        ("LO", b"   ", []),
        ("LO", b"\0\0", []),
        ("LO", b"padded\0", ["padded\0"]),
        ("LO", b"padded\0 ", ["padded\0"]),
        ("CS", b"CT \\MR", ["CT", "MR"]),
        ("CS", b" ", []),
        ("DA", b"20240229", ["20240229"]),
        ("LT", b"one\\one\r\n ", ["one\\one\r\n"]),
        ("UT", b" ", []),
        ("UR", b"http://a/b\\c ", ["http://a/b\\c"]),
        ("UR", b"", []),
        ("AE", b" STORE \\", ["STORE", None]),
        ("AE", b"  ", []),
        ("UI", b"1.2.3\0", ["1.2.3"]),
        ("UI", b"1.2 \\1.3\0", ["1.2 ", "1.3"]),
        ("UI", b"1.2  ", ["1.2  "]),
        ("UI", b"  \0", []),
        ("UI", b"\0", []),
        ("AT", bytes.fromhex("1000200008001800"), ["00100020", "00080018"]),
        ("US", bytes.fromhex("0100ffff"), [1, 65535]),
        ("SS", bytes.fromhex("ffff"), [-1]),
        ("UV", b"\xff" * 8, [2**64 - 1]),
        ("SV", b"\xff" * 8, [-1]),
        ("FL", struct.pack("<f", 0.5), [0.5]),
        ("FD", struct.pack("<2d", 0.1, -1e300), [0.1, -1e300]),
        ("FD", struct.pack("<4d", nan, inf, -inf, 0), ["NaN", "Infinity", "-Infinity", 0]),
        ("US", b"\1", None),
        ("AT", b"\1\2\3\4\5\6", None),
        ("FL", b"\1\2\3", None),
    ],
)
def test_values(vr: str, raw: bytes, values: list[Any] | None) -> None:
    assert convert(vr, raw) == values


@pytest.mark.parametrize(
    ("vr", "raw", "values"),
    [
        ("AT", bytes.fromhex("00100020"), ["00100020"]),
        ("US", bytes.fromhex("0001"), [1]),
        ("FD", struct.pack(">d", 0.1), [0.1]),
        ("LO", b"text", ["text"]),
    ],
)
def test_big_endian_values(vr: str, raw: bytes, values: list[Any]) -> None:
    assert convert(vr, raw, big=True) == values


@pytest.mark.parametrize(
    ("vr", "text", "value"),
    [
        ("IS", "5 ", 5),
        ("IS", "-007", -7),
        ("IS", "+5\0", 5),
        ("IS", "1.0", 1),
        ("IS", "1.5", 1.5),
        ("IS", "1e30", 1e30),
        ("IS", "1A", "1A"),
        ("IS", "1_000", "1_000"),
        ("IS", "18446744073709551615", 18446744073709551615),
        ("IS", "18446744073709551616", "18446744073709551616"),
        ("IS", "9" * 5000, "9" * 5000),
        ("DS", " 1.50 ", 1.5),
        ("DS", "5", 5),
        ("DS", "-1e-3", -0.001),
        ("DS", "1e400", "1e400"),
        ("DS", "NaN", "NaN"),
        ("DS", "-inf", "-inf"),
        ("DS", "1_0", "1_0"),
        ("DS", "12\xb2", "12\xb2"),
        ("DS", "1,5", "1,5"),
    ],
)
def test_decimal_and_integer_strings_are_numbers_if_json_has_them(vr: str, text: str, value: str | float) -> None:
    (found,) = convert(vr, text.encode("latin-1")) or []
    assert (found, type(found)) == (value, type(value))
    assert orjson.loads(orjson.dumps(found)) == value


@pytest.mark.parametrize("vr", ["IS", "DS"])
def test_empty_numbers(vr: str) -> None:
    assert convert(vr, b"") == convert(vr, b"  ") == []
    assert convert(vr, b"1\\\\3") == [1, None, 3]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Doe^John ", [{"Alphabetic": "Doe^John"}]),
        ("Wang=王=", [{"Alphabetic": "Wang", "Ideographic": "王"}]),
        ("==わん", [{"Phonetic": "わん"}]),
        ("A=B=C=D", [{"Alphabetic": "A", "Ideographic": "B", "Phonetic": "C=D"}]),
        ("A\\\\B", [{"Alphabetic": "A"}, None, {"Alphabetic": "B"}]),
        ("==", []),
        ("  ", []),
        ("Doe\0", [{"Alphabetic": "Doe\0"}]),
    ],
)
def test_person_names(text: str, values: list[Any]) -> None:
    assert convert("PN", text.encode(), ("utf_8",)) == values


@given(st.sampled_from(sorted(CONVERTERS[LITTLE])), st.binary(max_size=40), st.booleans())
def test_any_bytes_become_json_or_do_not_suit(vr: str, raw: bytes, big: bool) -> None:
    values = convert(vr, raw, big=big)
    assert orjson.loads(orjson.dumps(values)) == values


@given(st.lists(st.floats(), min_size=1))
def test_floats_survive(numbers: list[float]) -> None:
    found = convert("FD", struct.pack(f"<{len(numbers)}d", *numbers))
    assert found is not None
    assert repr([float(value) for value in found]) == repr(numbers)

import pytest

from filmroom.dicom import value_rules

GOOD = [
    ("AE", "STORE 1"),
    ("AS", "034Y"),
    ("AS", ""),
    ("CS", "AXIAL_1 X"),
    ("DA", "20240229"),
    ("DA", "20240101-20241231"),
    ("DA", "20240101-"),
    ("DA", ""),
    ("DS", "-1.5E-3"),
    ("DS", " .5 "),
    ("DS", "3."),
    ("DT", "2024"),
    ("DT", "20240229101112.123456"),
    ("DT", "20240229101112+0100"),
    ("DT", "2024-2025"),
    ("IS", "-2147483648"),
    ("IS", "+00000000000012"),
    ("IS", " 7 "),
    ("LO", "x" * 64),
    ("LO", "Müller \x1b(B"),
    ("LT", "a\r\n\\b"),
    ("PN", "Doe^Jane^^Dr^III=山田^太郎=やまだ"),
    ("PN", ""),
    ("SH", "1234567890123456"),
    ("ST", "x" * 1024),
    ("TM", "235960.999999"),
    ("TM", "10"),
    ("TM", "1011-1213"),
    ("UI", "1.2.0.34"),
    ("UI", "1.2 "),
    ("UT", "anything\0"),
]

BAD = [
    ("AE", "12345678901234567", "value exceeds maximum length of 16 characters"),
    ("AE", " ", "value may not consist only of spaces"),
    ("AE", "A\tB", "value contains invalid control character"),
    ("AS", "34Y", "value does not have pattern 000[DWMY]"),
    ("CS", "X\0X", "value contains invalid character"),
    ("CS", "lower", "value contains invalid character"),
    ("DA", "NotADate", "one of the date values does not match the pattern YYYYMMDD"),
    ("DA", "1-2-3", "value contains too many range separators '-'"),
    ("DA", "20241301", "month component exceeds the value 12"),
    ("DA", "20240132", "day component exceeds the value 31"),
    ("DS", "1.23456789012345678", "value exceeds maximum length of 16 characters"),
    ("DS", "1,5", "value is no decimal string"),
    ("DT", "NotADate", "value does not mach pattern YYYY[MM[DD[HH[MM[SS[.F{1-6}]]]]]]"),
    ("DT", "20240101-0000", "negative UTC hours component with value -0000 is not allowed"),
    ("DT", "20241301", "one of the date, time and UTC components is out of its range"),
    ("IS", "1.5", "value is not an integer string"),
    ("IS", "2147483648", "value too large to fit 32 bit integer"),
    ("IS", "9" * 5000, "value too large to fit 32 bit integer"),
    ("LO", "x" * 65, "value exceeds maximum length of 64 characters"),
    ("LO", "a\x9fb", "value contains invalid character"),
    ("LT", "x" * 10241, "value exceeds maximum length of 10240 characters"),
    ("PN", "a=b=c=d", "value contains too many groups"),
    ("PN", "x" * 65, "value exceeds maximum length of 64 characters"),
    ("PN", "a\nb", "value contains invalid control character"),
    ("PN", "a^b^c^d^e^f", "value contains too many components"),
    ("SH", "x" * 17, "value exceeds maximum length of 16 characters"),
    ("ST", "x" * 1025, "value exceeds maximum length of 1024 characters"),
    ("TM", "1:00", "value does not mach pattern HH or HHMM or HHMMSS or HHMMSS.F{1-6}"),
    ("TM", "24", "hour component exceeds 23"),
    ("TM", "1060", "minutes component exceeds 59"),
    ("TM", "101161", "seconds component exceeds 60"),
    ("UI", "1." + "2" * 63, "value exceeds maximum length of 64 characters"),
    ("UI", "1.x", "value contains invalid characters other than '0'-'9' and '.'"),
    ("UI", "1.02", "components must not have leading zeros"),
    ("UI", "1..2", "a component can not be empty"),
]


@pytest.mark.parametrize(("vr", "value"), GOOD)
def test_nothing_is_said_of_good_values(vr: str, value: str) -> None:
    assert value_rules.explain(vr, value) is None


@pytest.mark.parametrize(("vr", "value", "message"), BAD)
def test_bad_values_are_explained(vr: str, value: str, message: str) -> None:
    assert (value_rules.explain(vr, value) or "").startswith(message)


@pytest.mark.parametrize(("vr", "value", "message"), BAD)
def test_bad_values_are_not_recognised(vr: str, value: str, message: str) -> None:
    recognise = value_rules.recognise(vr, 1, None)
    raw = value.encode("latin-1") + b" " * (len(value) % 2)
    assert vr in value_rules.MAXIMUM or (recognise is not None and not recognise(raw))


@pytest.mark.parametrize(
    ("least", "most", "raw", "good"),
    [
        (1, 1, b"1 ", True),
        (1, 1, b"1\\2 ", False),
        (2, 2, b"1\\2 ", True),
        (2, None, b"1 ", False),
        (2, None, b"1\\2\\3\\4 ", True),
        (1, 3, b"1\\2\\3 ", True),
        (1, 3, b"1\\2\\3\\4 ", False),
    ],
)
def test_as_many_values_are_recognised_as_asked_for(least: int, most: int | None, raw: bytes, good: bool) -> None:
    recognise = value_rules.recognise("IS", least, most)
    assert recognise is not None
    assert bool(recognise(raw)) is good


def test_a_part_of_a_buffer_is_recognised() -> None:
    recognise = value_rules.recognise("DA", 1, 1)
    assert recognise is not None
    assert recognise(b"..20240229..", 2, 10)


# Whatever takes more than linear time would not end with values as long as this.
HOSTILE = 200_000


@pytest.mark.parametrize("vr", [*sorted(value_rules.SINGLE), *dict.fromkeys(vr for vr, *_ in BAD if vr != "AS")])
@pytest.mark.parametrize("filling", [" ", "1", "\\", "^", "=", ".", "-", "+", "\0", " 1", ".0", "1e", "a^=", "- "])
def test_hostile_values_are_judged_in_linear_time(vr: str, filling: str) -> None:
    hostile = "1" + filling * HOSTILE + "\x01"
    recognise = value_rules.recognise(vr, 1, None)
    assert recognise is None or not recognise(hostile.encode())
    assert value_rules.explain(vr, hostile)


@pytest.mark.parametrize("vr", ["CS", "LO", "PN", "SH", "UI"])
@pytest.mark.parametrize("filling", [" ", "1", "^", "=", "^=", ".0"])
def test_the_minimum_is_judged_in_linear_time(vr: str, filling: str) -> None:
    assert value_rules.minimum(vr, "1" + filling * HOSTILE + "\x01")


MANY = [
    *(("DS", value) for value in ("1111", "1111111111111111", "1.", ".1", " 1 ", "1e1", "+1.1E-1")),
    *(("IS", value) for value in ("11", " 1 ", "-123456789  ")),
    *(("DT", value) for value in ("2020", "20200101101010.123456")),
    *(("TM", value) for value in ("10", "101010.1")),
    *(("PN", value) for value in ("a^b", "^^^^", "a=b=c", " ")),
    *(("UI", value) for value in ("1.1", "1.0.10", "")),
    ("AE", "A A"),
    ("AS", "001D"),
    ("CS", "A "),
    ("DA", "20200101"),
    ("LO", "a a "),
    ("SH", " "),
]


@pytest.mark.parametrize(("vr", "value"), MANY)
@pytest.mark.parametrize("end", ["x" * 65, "\x01", "\0\0 "], ids=["too long", "control", "NULs inside"])
def test_many_good_values_before_a_bad_one_are_judged_in_linear_time(vr: str, value: str, end: str) -> None:
    recognise = value_rules.recognise(vr, 1, None)
    assert recognise is not None
    assert recognise("\\".join([value] * 1000).encode())
    assert not recognise(("\\".join([value] * 20_000) + "\\" + end).encode())

import pytest

from filmroom.dicom import attributes, moments, wording
from filmroom.dicom.conditions import Condition, Equal, Moments, Negotiated, Range, TimeOfDay, Zoned
from filmroom.errors import BadParameter

DATE, TIME, BIRTH = 0x00080020, 0x00080030, 0x00100030


def asked(date: str | None = None, time: str | None = None, zone: str | None = None) -> list[Condition | None]:
    keys = {DATE: date, TIME: time, BIRTH: "19700101"}
    given = {tag: value for tag, value in keys.items() if value is not None}
    found = moments.conditions(given, Negotiated(empty=True, zone=zone), wording.STANDARD)
    assert list(found) == [tag for tag in (DATE, TIME) if tag in found]  # and no other
    return list(found.values())


def test_a_time_belongs_to_a_date() -> None:
    for date, time in moments.TIMES.items():
        assert (attributes.vr(date), attributes.vr(time)) == ("DA", "TM")
        assert (attributes.keyword(date) or "").removesuffix("Date") == (attributes.keyword(time) or "").removesuffix(
            "Time"
        )


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("20240228-20240301", "18-09", Moments("20240228180000.000000", "20240301095959.999999")),
        ("20240228-", "18-", Moments("20240228180000.000000", None)),
        (" - 20240228", "-1830", Moments(None, "20240228183059.999999")),
    ],
)
def test_ranges_with_the_same_ends_are_one(date: str, time: str, expected: Condition) -> None:
    assert asked(date, time) == [expected, None]


@pytest.mark.parametrize(
    ("date", "time"),
    [("20240228-", "-10"), ("20240228", "10"), ("20240228-", "10"), ("20240228-", None), (None, "10-"), ("*", "*")],
)
def test_all_else_is_left_to_each(date: str | None, time: str | None) -> None:
    assert asked(date, time) == []


def test_a_day_of_a_timezone_is_a_range_in_utc() -> None:
    [found] = asked("20240301", zone="+0900")
    utc = Range("20240229150000.000000", "20240301145959.999999")
    assert found == Zoned(utc, Equal("20240301"), Range("20240228", "20240303"))
    [found] = asked("20240301-", zone="-0500")
    assert found == Zoned(Range("20240301050000.000000", None), Range("20240301", None), Range("20240228", None))


def test_a_time_of_a_timezone_may_be_around_midnight_in_utc() -> None:
    [found] = asked(time="0800-0959", zone="+0900")
    assert isinstance(found, Zoned)
    day = (Range("230000.000000", "235959.999999"), Range("000000.000000", "005959.999999"))
    assert found.utc == TimeOfDay(day)
    [found] = asked(time="12", zone="+0900")
    assert isinstance(found, Zoned)
    assert found.utc == TimeOfDay((Range("030000.000000", "030000.000000"),))


def test_both_of_a_timezone() -> None:
    plain = Moments("20240228180000.000000", "20240301095959.999999")
    utc = Range("20240228090000.000000", "20240301005959.999999")
    assert asked("20240228-20240301", "18-09", "+0900") == [Zoned(utc, plain, Range("20240226", "20240303")), None]


@pytest.mark.parametrize("value", ["", "*", '""', " "])
def test_any_value_or_none_has_no_timezone(value: str) -> None:
    assert asked(value, value, "+0100") == []


@pytest.mark.parametrize(
    ("date", "time", "said"),
    [
        ("20240301-20240228", "10-11", "'20240301-20240228' of StudyDate ends"),
        ("20240301-20240301", "11-10", "'11-10' of StudyTime ends"),
        ("-", "-", "needs a beginning or an end"),
        ("20240301-x", "10-11", "'20240301-x' is not a value to search StudyDate by"),
    ],
)
def test_what_is_no_range(date: str, time: str, said: str) -> None:
    with pytest.raises(BadParameter, match=said):
        asked(date, time)


def test_the_moment_of_a_date_and_time() -> None:
    assert moments.in_utc("20240229", "233000.000000", "+0100") == "20240229223000.000000"
    assert moments.in_utc("Yesterday", "233000.000000", "+0100") is None
    assert moments.in_utc("20240229", "late", "+0100") is None

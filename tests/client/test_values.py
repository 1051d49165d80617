"""What a matching key is sent with."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from filmroom.client import _values


@pytest.mark.parametrize(
    ("key", "value", "sent"),
    [
        ("StudyDate", date(2026, 1, 31), "20260131"),
        ("StudyDate", datetime(2026, 1, 31, 9), "20260131"),
        ("StudyTime", datetime(2026, 1, 31, 9, 5), "090500"),
        ("StudyTime", time(9, 5, 7, 250000), "090507.250000"),
        ("AcquisitionDateTime", datetime(2026, 1, 31, 9, tzinfo=UTC), "20260131090000+0000"),
        (
            "AcquisitionDateTime",
            datetime(2026, 1, 31, 9, 0, 0, 1, timezone(timedelta(hours=-5))),
            "20260131090000.000001-0500",
        ),
        ("AcquisitionDateTime", date(2026, 1, 31), "20260131"),
        ("00091001", time(9), "090000"),
        ("StudyDate", (date(2026, 1, 1), date(2026, 3, 31)), "20260101-20260331"),
        ("StudyDate", (date(2026, 1, 1), None), "20260101-"),
        ("StudyDate", (None, "2026-03-31"), "-20260331"),
        ("ModalitiesInStudy", ["CT", "MR"], ["CT", "MR"]),
        ("ModalitiesInStudy", MultiValue(str, ["CT", "MR"]), ["CT", "MR"]),
        ("Rows", 512, "512"),
        ("PatientName", PersonName("Doe^Jane"), "Doe^Jane"),
        ("PatientName", "", ""),
        ("PatientID", "2026-01-31..", "2026-01-31.."),
    ],
)
def test_values_of_python_are_written_as_dicom_has_them(key: str, value: Any, sent: Any) -> None:
    assert _values.of_key(key, value) == sent


@pytest.mark.parametrize(
    ("key", "typed", "sent"),
    [
        ("StudyDate", "2026-01-31", "20260131"),
        ("StudyDate", "2026-01-01..2026-03-31", "20260101-20260331"),
        ("StudyDate", "2026-01-01..", "20260101-"),
        ("StudyDate", "..20260331", "-20260331"),
        ("StudyDate", "20260101-20260331", "20260101-20260331"),
        ("StudyTime", "14:30", "1430"),
        ("StudyTime", "08:00..12:00:00.5", "0800-120000.5"),
        ("AcquisitionDateTime", "2026-01-31T14:30+01:00", "202601311430+0100"),
        ("AcquisitionDateTime", "2026-01-01..2026-03-31 12:00Z", "20260101-202603311200+0000"),
        ("AcquisitionDateTime", "20260131-0500", "20260131-0500"),
        ("RequestAttributesSequence.ScheduledProcedureStepStartDate", "2026-01-31", "20260131"),
        ("StudyDate", "", ""),
        ("StudyDate", "*", "*"),
        ("StudyDate", '""', '""'),
        ("StudyDate", "20260101 - 20260331", "20260101 - 20260331"),
        ("StudyDate", "-20260331", "-20260331"),
        ("StudyTime", "10", "10"),
        ("StudyTime", "1030-", "1030-"),
        ("StudyTime", "1800-0600", "1800-0600"),
        ("StudyTime", "235960", "235960"),
        ("AcquisitionDateTime", "2026", "2026"),
        ("AcquisitionDateTime", "2024-2026", "2024-2026"),
        ("AcquisitionDateTime", "20260131+0100-20260201-0500", "20260131+0100-20260201-0500"),
        ("00091001", "8am", "8am"),
    ],
)
def test_dates_and_times_may_be_typed_as_people_do(key: str, typed: str, sent: str) -> None:
    assert _values.of_key(key, typed) == sent


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("StudyDate", "2026-01-01-2026-03-31", "right are: 20260131, 2026-01-31, 2026-01-01..2026-03-31"),
        ("StudyDate", "2026-02-30", "is no date"),
        ("StudyDate", "yesterday..today", "is no date"),
        ("StudyDate", "..", "is no date"),
        *(
            ("StudyDate", typed, f"'{re.escape(typed)}' is no date.* right are: 20260131, 2026-01-31")
            for typed in ("01/02/2020", "2020", "2020-01", "today", "2026.02.01", "31.01.2026", ">20260101", "2026*")
        ),
        ("StudyDate", "2020-12-31..2020-01-01", "ends before it begins"),
        ("StudyDate", (date(2020, 12, 31), date(2020, 1, 1)), "ends before it begins"),
        ("StudyDate", ["20260131", "tomorrow"], "'tomorrow' is no date"),
        ("StudyDate", ("2026", None), "is no date"),
        ("StudyTime", "8am", "right are: 143000, 14:30"),
        ("AcquisitionDateTime", "20261301", "is no date"),
        ("AcquisitionDateTime", "20260131-20250101", "ends before it begins"),
        ("StudyTime", "9:05", "right are: 143000, 14:30"),
        ("StudyDate", (), "a range is"),
        ("StudyDate", (None, None), "a range is"),
        ("PatientID", ("1", "2"), "Is a list meant"),
        ("PatientID", None, "is left out"),
        ("PatientID", [], "is left out"),
        ("PatientID", [None], "is left out"),
        ("PatientID", True, "is no value"),
        ("PatientID", b"1", "is no value"),
    ],
)
def test_what_is_hardly_meant_is_refused(key: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _values.of_key(key, value)

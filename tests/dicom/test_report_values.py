"""What Content Items say, by their Value Type."""

from typing import Any

import pytest
from pydicom.dataset import Dataset

from filmroom.dicom import json_model, part10, report_values
from filmroom.dicom.character_sets import PLAIN
from tests import data
from tests.data import code


def within(**attributes: Any) -> list[Dataset]:
    """A sequence of one Item."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return [made]


def referenced(sop_class: str, **attributes: Any) -> list[Dataset]:
    return within(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID="1.2.3", **attributes)


def measured(value: str | list[str], unit: str, meaning: str, scheme: str = "UCUM") -> list[Dataset]:
    return within(NumericValue=value, MeasurementUnitsCodeSequence=code(meaning, unit, scheme))


CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize(
    ("kind", "attributes", "said"),
    [
        ("TEXT", {"TextValue": "a\r\nb\x0cc "}, "a\nb\nc"),
        ("TEXT", {"TextValue": "\x1b[31mred\0"}, "\ufffd[31mred"),
        ("CODE", {"ConceptCodeSequence": code("Mass")}, "Mass"),
        ("CODE", {"ConceptCodeSequence": within(LongCodeValue="long")}, "long"),
        ("NUM", {"MeasuredValueSequence": measured("12.50", "mm", "millimeter")}, "12.5 mm"),
        ("NUM", {"MeasuredValueSequence": measured("3", "1", "no units")}, "3"),
        ("NUM", {"MeasuredValueSequence": measured("3", "{ratio}", "ratio")}, "3 ratio"),
        ("NUM", {"MeasuredValueSequence": measured(["1", "2"], "M1", "Meters", "99X")}, "1, 2 Meters"),
        ("NUM", {"NumericValueQualifierCodeSequence": code("Not measured")}, "(Not measured)"),
        ("DATE", {"Date": "20240229"}, "2024-02-29"),
        ("TIME", {"Time": "101112.345"}, "10:11:12"),
        ("TIME", {"Time": "10"}, "10"),
        ("DATETIME", {"DateTime": "202402291011+0100"}, "2024-02-29 10:11 +0100"),
        ("DATETIME", {"DateTime": "20240229"}, "2024-02-29"),
        ("DATETIME", {"DateTime": "2024"}, "2024"),
        ("PNAME", {"PersonName": "Yamada^Tarou=山田^太郎=やまだ^たろう"}, "Yamada, Tarou (山田 太郎, やまだ たろう)"),
        (
            "PNAME",
            {"PersonName": "Adams^John Robert^Quincy^Rev.^B.A. M.Div."},
            "Adams, Rev. John Robert Quincy, B.A. M.Div.",
        ),
        ("PNAME", {"PersonName": "^Jane"}, "Jane"),
        ("PNAME", {"PersonName": "Doe^^^Dr."}, "Doe, Dr."),
        ("PNAME", {"PersonName": "Anony Mous"}, "Anony Mous"),
        ("PNAME", {"PersonName": "=山田^太郎"}, "山田 太郎"),
        ("PNAME", {"PersonName": ["Doe^John", "Roe^Jane"]}, "Doe, John; Roe, Jane"),
        ("UIDREF", {"UID": "1.2.3"}, "1.2.3"),
        ("UIDREF", {"UID": CT}, f"CT Image Storage {CT}"),
        ("IMAGE", {"ReferencedSOPSequence": referenced(CT)}, "CT Image Storage 1.2.3"),
        (
            "IMAGE",
            {"ReferencedSOPSequence": referenced(CT, ReferencedFrameNumber=[2, 5])},
            "CT Image Storage 1.2.3, frames 2, 5",
        ),
        (
            "WAVEFORM",
            {"ReferencedSOPSequence": referenced("1.9", ReferencedWaveformChannels=[5, 3, 2, 0])},
            "1.9 1.2.3, channels 5/3, 2/all",
        ),
        ("COMPOSITE", {"ReferencedSOPSequence": referenced("1.9")}, "1.9 1.2.3"),
        ("SCOORD", {"GraphicType": "POLYLINE", "GraphicData": [1.0] * 10}, "polyline of 5 points"),
        ("SCOORD", {"GraphicType": "POINT", "GraphicData": [1.0, 2.0]}, "point"),
        ("SCOORD3D", {"GraphicType": "POLYGON", "GraphicData": [1.0] * 9}, "polygon of 3 points"),
        ("TCOORD", {"TemporalRangeType": "SEGMENT", "ReferencedTimeOffsets": ["1.5", "2"]}, "segment at 1.5, 2 s"),
        (
            "TABLE",
            {"NumberOfTableRows": 2, "NumberOfTableColumns": 3},
            "(table of 2 rows and 3 columns, which is not shown)",
        ),
        ("HOLOGRAM", {}, "(HOLOGRAM, which is not shown)"),
        ("TEXT", {}, ""),
    ],
)
def test_what_an_item_says(kind: str, attributes: dict[str, Any], said: str) -> None:
    made = json_model.write(part10.read(data.file(data.dataset(ValueType=kind, **attributes))))
    assert report_values.said(made.elements, PLAIN, {}) == said


def test_a_text_that_is_bulk_data_is_decoded() -> None:
    elements = {
        "0040A040": {"vr": "CS", "Value": ["TEXT"]},
        "0040A160": {"vr": "UT", "BulkDataURI": "bulkdata/0040A160"},
    }
    assert report_values.bulk_path(elements) == "0040A160"
    assert report_values.said(elements, ("utf_8",), {"0040A160": "é ".encode()}) == "é"
    assert report_values.said(elements, PLAIN, {}) == ""

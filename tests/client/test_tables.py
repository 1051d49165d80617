"""Results as a table of pandas."""

import sys
from typing import Any

import pytest

from filmroom.client import _tables
from tests.client.recorder import Recorder, json

ITEM: dict[str, Any] = {
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane", "Ideographic": "x"}]},
    "00080061": {"vr": "CS", "Value": ["CT", "MR"]},
    "00201208": {"vr": "IS", "Value": [3]},
    "00080020": {"vr": "DA"},
    "00400275": {"vr": "SQ", "Value": [{"00400009": {"vr": "SH", "Value": ["1"]}}]},
    "00091001": {"vr": "LO", "Value": ["private"]},
}


def test_columns_are_keywords_and_cells_are_values() -> None:
    assert _tables.row(ITEM) == {
        "PatientName": "Doe^Jane",
        "ModalitiesInStudy": ["CT", "MR"],
        "NumberOfStudyRelatedInstances": 3,
        "StudyDate": None,
        "RequestAttributesSequence": {"ScheduledProcedureStepID": "1"},
        "00091001": "private",
    }


def test_all_pages_are_one_table(client: Any, service: Recorder) -> None:
    service.replies = [json([ITEM]), json([{"00201208": {"vr": "IS", "Value": [4]}}]), json([])]
    table = client.search_studies(page_size=1).to_pandas()
    assert list(table["NumberOfStudyRelatedInstances"]) == [3, 4]
    assert table["PatientName"][0] == "Doe^Jane"


def test_without_pandas_it_is_said_how_to_get_it(
    client: Any, service: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        client.search_studies().to_pandas()
    assert service.requests == []

"""Data sets of the DICOM JSON Model."""

from typing import Any

import pytest
from pydicom import DataElement
from pydicom.dataset import Dataset

from filmroom import BadResponse, Bulkdata, Conflict
from filmroom.client import _json
from tests import data
from tests.client import recorder
from tests.client.recorder import Recorder, Reply


def _dataset(json: dict[str, Any], url: str = "http://host/v2/studies/1/metadata") -> Dataset:
    return _json.dataset(json, url)


def test_a_bulk_value_is_an_empty_value_that_knows_its_url() -> None:
    made = _dataset({"7FE00010": {"vr": "OW", "BulkDataURI": "http://elsewhere/1"}})
    assert isinstance(made.PixelData, Bulkdata)
    assert (made.PixelData, made.PixelData.url) == (b"", "http://elsewhere/1")


def test_a_relative_bulk_data_uri_is_resolved_even_in_a_sequence() -> None:
    item = {"00282000": {"vr": "OB", "BulkDataURI": "bulkdata/1"}}
    made = _dataset({"00480105": {"vr": "SQ", "Value": [item]}})
    assert made.OpticalPathSequence[0].ICCProfile.url == "http://host/v2/studies/1/bulkdata/1"


def test_a_bulk_value_of_text_is_empty() -> None:
    assert _dataset({"00204000": {"vr": "LT", "BulkDataURI": "bulkdata/1"}}).ImageComments == ""


@pytest.mark.parametrize("value", ["YWI=", ["YWI="]])
def test_inline_binary_may_stand_in_an_array(value: Any) -> None:
    assert _dataset({"00282000": {"vr": "OB", "InlineBinary": value}}).ICCProfile == b"ab"


def test_keywords_may_stand_for_tags() -> None:
    made = _dataset({
        "PatientID": {"vr": "LO", "Value": ["1"]},
        "RequestAttributesSequence": {"vr": "SQ", "Value": [{"StudyID": {"vr": "SH", "Value": ["2"]}}, None]},
    })  # fmt: skip
    assert (made.PatientID, made.RequestAttributesSequence[0].StudyID) == ("1", "2")


def test_a_data_set_survives_the_json_model() -> None:
    made = data.dataset(PatientName="山田^太郎", NumberOfFrames=3)
    assert _dataset(made.to_json_dict()) == made


@pytest.mark.parametrize(
    "json",
    [
        {"00100020": {"Value": ["1"]}},
        {"00100020": {"vr": "LO", "Value": "1"}},
        {"xyz": {"vr": "LO"}},
        {"00100020": None},
        {"00282000": {"vr": "OB", "BulkDataURI": 7}},
        {"00480105": {"vr": "SQ", "Value": [{"00282000": {}}]}},
    ],
)
def test_a_data_set_that_is_none_is_a_bad_response(json: dict[str, Any]) -> None:
    with pytest.raises(BadResponse, match="does not follow the DICOM JSON Model"):
        _dataset(json)


@pytest.mark.parametrize(
    ("tag", "vr", "values", "found"),
    [
        ("00280010", "US", [512], 512),
        ("00280010", "US", ["512"], 512),
        ("00186020", "SL", [1, None, -1], [1, None, -1]),
        ("00189087", "FD", ["NaN"], "nan"),
        ("00200032", "DS", [1.5, "2.25"], [1.5, 2.25]),
        ("00200013", "IS", [7], 7),
        ("00080005", "CS", ["", "ISO 2022 IR 87"], ["", "ISO 2022 IR 87"]),
        ("00080008", "CS", [None, "PRIMARY"], ["", "PRIMARY"]),
        ("00280009", "AT", ["00181063"], 0x00181063),
        ("00280009", "AT", [""], None),
        ("00100010", "PN", [{"Alphabetic": "A^B", "Phonetic": "C"}], "A^B==C"),
        ("00100010", "PN", ["A^B"], "A^B"),
        ("00100010", "PN", [], None),
        ("00100020", "LO", ["x" * 100], "x" * 100),
        ("00080020", "DA", ["no date"], "no date"),
    ],
)
def test_values_become_what_pydicom_would_read(tag: str, vr: str, values: list[Any], found: Any) -> None:
    value = _dataset({tag: {"vr": vr, "Value": values}})[tag].value
    assert (str(value) if found == "nan" else value or None) == (found or None)


def test_a_value_of_unknown_vr_is_read_when_the_attribute_is_known() -> None:
    known = _dataset({"00100020": {"vr": "UN", "InlineBinary": "YWI="}})["PatientID"]
    private = _dataset({"00091001": {"vr": "UN", "InlineBinary": "YWI="}})["00091001"]
    assert (known.VR, known.value, private.VR, private.value) == ("LO", "ab", "UN", b"ab")


def test_a_bulk_value_of_unknown_vr_knows_its_url() -> None:
    for tag in ("00100020", "00091001"):
        element = _dataset({tag: {"vr": "UN", "BulkDataURI": "x"}})[tag]
        assert isinstance(element, DataElement)
        assert isinstance(element.value, Bulkdata)


def test_what_pydicom_writes_is_read_as_pydicom_reads_it() -> None:
    made = data.image(samples=3, bits=8)
    made.RequestAttributesSequence = [Dataset(), data.dataset()]
    made.add_new(0x60000050, "SS", [1, 1])
    json = made.to_json_dict(bulk_data_threshold=1 << 30)
    assert _dataset(json) == Dataset.from_json(json)


def test_sequences_too_deep_in_one_another_are_a_bad_response(client: Any, service: Recorder) -> None:
    text = b"{}"
    for _ in range(300):
        text = b'{"00081110":{"vr":"SQ","Value":[%s]}}' % text
    headers = {"Content-Type": recorder.JSON}
    service.replies = [Reply(200, headers, b"[%s]" % text)]
    with pytest.raises(BadResponse):
        client.search_for_studies()[0]
    service.replies = [Reply(200, headers, text)]
    with pytest.raises(BadResponse):
        client.store_instances(data.file())
    service.replies = [Reply(409, headers, text)]
    for call in (client.search_for_studies, lambda: client.store_instances(data.file())):
        with pytest.raises(Conflict):
            call()

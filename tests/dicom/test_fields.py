"""includefield of Metadata: names, paths, and what is left of a data set."""

import orjson
import pytest

from filmroom.dicom import fields

IDENTITY = {"00080016", "00080018", "0020000D", "0020000E"}
TEXT = orjson.dumps(
    {
        "00080018": {"vr": "UI", "Value": ["1.2"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe"}]},
        "00400275": {
            "vr": "SQ",
            "Value": [{"00400009": {"vr": "SH", "Value": ["S1"]}, "00401001": {"vr": "SH", "Value": ["R1"]}}, {}],
        },
        "00081140": {"vr": "SQ"},
        "7FE00010": {"vr": "OW", "BulkDataURI": "http://x/1"},
    }
)


def keys(*texts: str) -> set[str]:
    wanted, unknown = fields.parse(texts)
    assert wanted is not None
    assert not unknown
    return set(orjson.loads(fields.narrowed(TEXT, wanted)))


@pytest.mark.parametrize("texts", [[], [""], [","], ["all"], ["PatientName,ALL"], ["nonsense", "all"]])
def test_everything(texts: list[str]) -> None:
    assert fields.parse(texts) == (None, [])


@pytest.mark.parametrize("name", ["PatientName", "00100010", " PatientName ", "PatientName,PatientName"])
def test_keywords_and_tags_and_what_identifies(name: str) -> None:
    wanted, _ = fields.parse([name])
    assert wanted is not None
    assert wanted.keys() == IDENTITY | {"00100010"}
    assert keys(name) == {"00080018", "00100010"}


def test_lists_and_repetitions() -> None:
    assert keys("PatientName,7fe00010", "ReferencedImageSequence") == {"00080018", "00100010", "7FE00010", "00081140"}


@pytest.mark.parametrize("path", ["RequestAttributesSequence.ScheduledProcedureStepID", "00400275.00400009"])
def test_an_attribute_of_a_sequence(path: str) -> None:
    wanted, _ = fields.parse([path])
    assert wanted is not None
    found = orjson.loads(fields.narrowed(TEXT, wanted))["00400275"]
    assert found == {"vr": "SQ", "Value": [{"00400009": {"vr": "SH", "Value": ["S1"]}}, {}]}


@pytest.mark.parametrize(
    "names", [["00400275.00400009", "00400275"], ["00400275", "00400275.00400009"], ["00400275,00400275.00400009"]]
)
def test_all_of_a_sequence_is_more_than_one_of_it(names: list[str]) -> None:
    wanted, _ = fields.parse(names)
    assert wanted is not None
    assert len(orjson.loads(fields.narrowed(TEXT, wanted))["00400275"]["Value"][0]) == 2


def test_an_attribute_of_what_is_no_sequence_is_all_of_it() -> None:
    assert keys("PatientName.StudyID") == {"00080018", "00100010"}


def test_names_of_nothing_are_told() -> None:
    wanted, unknown = fields.parse(["PatientsName,StudyID", "0010001", "StudyID.Nothing"])
    assert wanted is not None
    assert wanted.keys() == IDENTITY | {"00200010"}
    assert unknown == ["PatientsName", "0010001", "StudyID.Nothing"]


def test_a_private_attribute_comes_with_its_creator() -> None:
    text = orjson.dumps({"00090010": {"vr": "LO"}, "00091001": {"vr": "UN"}, "00091002": {"vr": "UN"}})
    wanted, _ = fields.parse(["00091001"])
    assert wanted is not None
    assert orjson.loads(fields.narrowed(text, wanted)).keys() == {"00090010", "00091001"}


def test_what_is_inside_a_private_sequence_comes_with_the_creator_of_that() -> None:
    wanted, _ = fields.parse(["00091010.00080050"])
    assert wanted is not None
    assert wanted.keys() - IDENTITY == {"00090010", "00091010"}

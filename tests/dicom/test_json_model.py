import copy
import struct
import tracemalloc
from collections.abc import Collection, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from filmroom.dicom import json_model, part10, transfer_syntax
from filmroom.dicom.json_model import Elements, azure, first, standard, write
from tests import data

BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}


def model(made: Dataset, syntax: str = ExplicitVRLittleEndian) -> json_model.Model:
    return write(part10.read(data.file(made, syntax)))


def elements(made: Dataset, syntax: str = ExplicitVRLittleEndian) -> Elements:
    return model(made, syntax).elements


# --- the Model


def test_the_model_of_a_small_data_set() -> None:
    made = Dataset()
    made.PatientName = "Wang^XiaoDong=王^小東"
    made.PatientID = ""
    made.ImageType = ["ORIGINAL", "", "AXIAL"]
    made.SeriesNumber = 5
    made.SpecificCharacterSet = "ISO_IR 192"
    made.ReferencedStudySequence = []
    made.OpticalPathSequence = [Dataset(), data.dataset(StudyID="2")]
    found = elements(made)
    items = found.pop("00480105")["Value"]
    assert list(found) == ["00080005", "00080008", "00081110", "00100010", "00100020", "00200011"]
    assert found["00080008"] == {"vr": "CS", "Value": ["ORIGINAL", None, "AXIAL"]}
    assert found["00081110"] == {"vr": "SQ"}
    assert found["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小東"}]}
    assert found["00100020"] == {"vr": "LO"}
    assert items[0] == {}
    assert items[1]["00200010"] == {"vr": "SH", "Value": ["2"]}


def test_items_inherit_the_character_set_unless_they_have_one() -> None:
    inner, other = Dataset(), Dataset()
    inner.PatientName = other.PatientName = "é"
    other.SpecificCharacterSet = "ISO_IR 100"
    made = data.dataset(SpecificCharacterSet="ISO_IR 192", OpticalPathSequence=[inner, other])
    for item in elements(made)["00480105"]["Value"]:
        assert item["00100010"]["Value"] == [{"Alphabetic": "é"}]


@pytest.mark.parametrize(
    ("tag", "vr", "size", "given_as"),
    [
        (0x00282000, "OB", 64, ["InlineBinary"]),
        (0x00282000, "OB", 66, ["BulkDataURI"]),
        (0x00282000, "OB", 0, []),
        (0x00281203, "OW", 2, ["BulkDataURI"]),
        (0x7FE00010, "OB", 2, ["BulkDataURI"]),
        (0x0040A160, "UT", 1000, ["Value"]),
        (0x0040A160, "UT", json_model.LONGEST_VALUE, ["Value"]),
        (0x0040A160, "UT", json_model.LONGEST_VALUE + 2, ["BulkDataURI"]),
    ],
)
def test_long_and_binary_values_are_given_by_bulk_data_uri(tag: int, vr: str, size: int, given_as: list[str]) -> None:
    made = data.dataset()
    made.add_new(tag, vr, "x" * size if vr == "UT" else b"x" * size)
    found = model(made)
    key = f"{tag:08X}"
    assert list(found.elements[key]) == ["vr", *given_as]
    assert list(found.bulk) == ([key] if given_as == ["BulkDataURI"] else [])


def test_paths_of_bulk_data_in_items() -> None:
    inner = data.dataset(ICCProfile=b"\1" * 100)
    file = part10.read(data.file(data.dataset(OpticalPathSequence=[Dataset(), inner])))
    found = write(file)
    assert found.elements["00480105"]["Value"][1]["00282000"] == {
        "vr": "OB",
        "BulkDataURI": "bulkdata/00480105/2/00282000",
    }
    bulk = found.bulk["00480105/2/00282000"]
    assert file.buffer[bulk.offset : bulk.offset + bulk.length] == b"\1" * 100


def test_values_are_limited_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_model, "MOST_VALUES", 1000)
    made = data.dataset(PatientComments="x" * 900, TextValue="y" * 102, ImageComments="z" * 64)
    found = model(made)
    assert [bulk.length for bulk in found.bulk.values()] == [102]
    assert found.bulk["0040A160"].vr == "UT"


@pytest.mark.parametrize(
    ("vr", "raw"),
    [
        ("PN", b"a\\" * (1 << 12)),
        ("LO", b"ab\\" * (1 << 12)),
        ("AT", b"abcd" * (1 << 14)),
        ("US", b"ab" * (1 << 15)),
        ("LT", b"\x1b(B" * (1 << 14)),
        ("UT", "é".encode() * (1 << 16)),
    ],
)
def test_what_values_take_in_memory_is_limited(vr: str, raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_model, "MOST_VALUES", 4 << 20)
    sequence = part10.Element("SQ", 0, 0, [{0x00091001: part10.Element(vr, 0, len(raw), None, False)}] * 60, False)
    file = part10.File({}, transfer_syntax.EXPLICIT_LITTLE, raw, False, {0x00081140: sequence}, True)
    tracemalloc.start()
    found = write(file)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 2 * json_model.MOST_VALUES
    assert found.bulk


def test_many_short_values_are_limited_but_never_single_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_model, "MOST_VALUES", 450)
    found = model(data.dataset(ImageType=["A"] * 4, OtherPatientNames=["a", "b"], PatientID="ID1"))
    assert [bulk.vr for bulk in found.bulk.values()] == ["PN"]
    assert found.elements["00101001"] == {"vr": "PN", "BulkDataURI": "bulkdata/00101001"}
    assert first(found.elements, 0x00100020) == "ID1"


# --- VRs that the dictionary leaves open


@pytest.mark.parametrize(("signed", "vr", "value"), [(0, "US", 65535), (1, "SS", -1), (None, "US", 65535)])
def test_us_or_ss_by_pixel_representation_also_of_the_data_set_around(signed: int | None, vr: str, value: int) -> None:
    inner = Dataset()
    inner.add_new(0x00280106, "US", 65535)
    made = data.dataset(PixelRepresentation=signed, OpticalPathSequence=[inner])
    made.add_new(0x00280106, "US", 65535)
    for found in (
        elements(made, ImplicitVRLittleEndian),
        elements(made, ImplicitVRLittleEndian)["00480105"]["Value"][0],
    ):
        assert found["00280106"] == {"vr": vr, "Value": [value]}


@pytest.mark.parametrize(("entries", "vr"), [(1, "US"), (2, "OW"), (None, "OW")])
def test_us_or_ow_by_the_lut_descriptor(entries: int | None, vr: str) -> None:
    made = data.dataset()
    if entries is not None:
        made.add_new(0x00283002, "US", [entries, 0, 16])
    made.add_new(0x00283006, "US", [1] * (entries or 2))
    assert elements(made, ImplicitVRLittleEndian)["00283006"]["vr"] == vr


def test_entries_of_a_lut_are_never_negative() -> None:
    made = data.dataset(PixelRepresentation=1)
    made.add_new(0x00283002, "SS", [65535, -2, 16])
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian):
        assert elements(made, syntax)["00283002"] == {"vr": "SS", "Value": [65535, -2, 16]}


@pytest.mark.parametrize(("bits", "vr"), [(8, "OB"), (16, "OW"), (None, "OW")])
def test_ob_or_ow_of_waveforms_by_their_bits(bits: int | None, vr: str) -> None:
    made = data.dataset(WaveformBitsAllocated=bits)
    content = data.file(made) + struct.pack("<HH2sHI", 0x5400, 0x1010, b"UN", 0, 2) + b"\0\0"
    assert write(part10.read(content)).elements["54001010"]["vr"] == vr


def test_other_open_vrs_are_words() -> None:
    made = data.dataset()
    made.add_new(0x00281200, "OW", b"\0\0")
    assert elements(made, ImplicitVRLittleEndian)["00281200"]["vr"] == "OW"


# --- first


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ({"vr": "LO", "Value": ["A", "B"]}, "A"),
        ({"vr": "LO", "Value": [None, "B"]}, None),
        ({"vr": "LO"}, None),
        ({"vr": "IS", "Value": [5]}, 5),
        ({"vr": "DS", "Value": [1.5]}, 1.5),
        ({"vr": "PN", "Value": [{"Alphabetic": "A", "Phonetic": "P"}]}, "A==P"),
        ({"vr": "PN", "Value": [{"Alphabetic": "A"}]}, "A"),
        ({"vr": "SQ", "Value": [{"00100020": {"vr": "LO"}}]}, None),
        ({"vr": "OB", "InlineBinary": "AAA="}, None),
        ({"vr": "OB", "BulkDataURI": "bulkdata/00100020"}, None),
    ],
)
def test_first(element: dict[str, Any], value: str | float | None) -> None:
    assert first({"00100020": element}, 0x00100020) == value


def test_first_of_what_is_not_there() -> None:
    assert first({}, 0x00100020) is None


# --- the stored text, against slow versions that parse

text = st.text(max_size=8) | st.sampled_from(
    [
        "\0",
        "a\0\0",
        "\0a",
        "\\u0000",
        "\\\0",
        "\\\\u0000\0",
        '"',
        '"vr":"OB"',
        '{"vr":"UN"}',
        '"BulkDataURI":"',
        "}",
        "\1\3",
        ",",
    ]
)
keys = st.integers(0, 0xFFFFFFFF).map(lambda tag: f"{tag:08X}")
leaves = st.one_of(
    st.builds(
        lambda vr, value: {"vr": vr, "Value": value}, st.sampled_from(["LO", "UT", "SH"]), st.lists(text, min_size=1)
    ),
    st.builds(lambda value: {"vr": "PN", "Value": [{"Alphabetic": value}, None]}, text),
    st.builds(lambda vr: {"vr": vr}, st.sampled_from(["OB", "UN", "LO", "SQ", "OW"])),
    st.builds(lambda vr: {"vr": vr, "InlineBinary": "AAA="}, st.sampled_from(sorted(BINARY))),
    st.builds(
        lambda vr: {"vr": vr, "BulkDataURI": "bulkdata/00480105/1/00282000"}, st.sampled_from(["OB", "OW", "UT", "UN"])
    ),
)
models = st.recursive(
    st.dictionaries(keys, leaves, max_size=4),
    lambda inner: st.dictionaries(
        keys,
        leaves | st.lists(inner, min_size=1, max_size=3).map(lambda items: {"vr": "SQ", "Value": items}),
        max_size=5,
    ),
    max_leaves=8,
)


def hidden_in(made: Elements) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(sorted(made)), unique=True) if made else st.just([])


models_and_hidden = models.flatmap(lambda made: st.tuples(st.just(made), hidden_in(made)))


def data_sets(made: Elements) -> Iterator[Elements]:
    """A data set and all in its sequences."""
    yield made
    for element in made.values():
        if element["vr"] == "SQ":
            for item in element.get("Value", []):
                yield from data_sets(item)


def slow_standard(made: Elements, url: str) -> Elements:
    made = copy.deepcopy(made)
    for data_set in data_sets(made):
        for element in data_set.values():
            if "BulkDataURI" in element:
                element["BulkDataURI"] = f"{url}/{element['BulkDataURI']}"
            for index, value in enumerate(element.get("Value", [])):
                if isinstance(value, str):
                    element["Value"][index] = value.rstrip(" \0")
                elif element["vr"] == "PN" and value:
                    value["Alphabetic"] = value["Alphabetic"].rstrip(" \0")
    return made


def slow_azure(made: Elements, hidden: Collection[str]) -> Elements:
    made = {key: element for key, element in copy.deepcopy(made).items() if key not in hidden}
    for data_set in data_sets(made):
        for key in [key for key, element in data_set.items() if element["vr"] in BINARY or "BulkDataURI" in element]:
            del data_set[key]
    return made


@given(models_and_hidden, st.sampled_from(["http://host/dicomweb/studies/1.2", "", 'http://h/"é\\']))
def test_standard_text_is_what_a_parser_would_make(planned: tuple[Elements, list[str]], url: str) -> None:
    made, hidden = planned
    assert orjson.loads(standard(json_model.format(made, hidden), url)) == slow_standard(made, url)


@given(models_and_hidden)
def test_azure_text_is_what_a_parser_would_make(planned: tuple[Elements, list[str]]) -> None:
    made, hidden = planned
    assert orjson.loads(azure(json_model.format(made, hidden))) == slow_azure(made, hidden)


def test_nothing_is_marked_without_need() -> None:
    made: Elements = {"00100020": {"vr": "LO", "Value": ["ID", "a\0b"]}}
    assert json_model.format(made) == orjson.dumps(made)


def test_marks_of_the_stored_text() -> None:
    made: Elements = {"00100010": {"vr": "PN"}, "00100020": {"vr": "LO", "Value": ["ID\0"]}}
    assert (
        json_model.format(made, ["00100020"]) == b'{"00100010":{"vr":"PN"},"00100020":\0{"vr":"LO","Value":["ID\3"]}\1}'
    )


@given(models_and_hidden)
def test_unpadded_elements_are_those_of_the_standard_text(planned: tuple[Elements, list[str]]) -> None:
    made, _ = planned
    without = {key: element for key, element in made.items() if "BulkDataURI" not in str(element)}
    assert json_model.unpadded(without) == slow_standard(without, "")
    assert orjson.loads(json_model.unpadded_text(orjson.dumps(without))) == json_model.unpadded(without)


@given(st.lists(st.text(alphabet='a \0\\"u0'), max_size=3), st.text(alphabet='a \0\\"u0'))
def test_a_text_is_unpadded_like_its_elements(values: list[str], name: str) -> None:
    inner: Elements = {"00100020": {"vr": "LO", "Value": values}, "00100010": {"vr": "PN"}}
    made: Elements = {"00081110": {"vr": "SQ", "Value": [inner, {}]}, **inner}
    made["00100010"] = {"vr": "PN", "Value": [{"Alphabetic": name}]}
    assert json_model.unpadded_text(orjson.dumps(made)) == orjson.dumps(json_model.unpadded(made))


@given(models_and_hidden)
def test_stored_text_is_parsed_with_hidden_attributes(planned: tuple[Elements, list[str]]) -> None:
    made, hidden = planned
    assert json_model.parse(json_model.format(made, hidden)).keys() == made.keys()


@pytest.mark.parametrize("filling", [" ", "\0", "\0 ", "\\", "\\ ", '"', '" '])
def test_hostile_texts_are_formatted_in_linear_time(filling: str) -> None:
    """Whatever takes more would not end with a text as long as this."""
    value = "a\0b" + filling * 100_000 + "x"
    made: Elements = {"00081090": {"vr": "UT", "Value": [value, value + " \0 "]}}
    text = json_model.format(made)
    assert orjson.loads(json_model.azure(text)) == made
    assert json_model.parse(text) == {"00081090": {"vr": "UT", "Value": [value, value]}}
    made = {"00081090": {"vr": "UT", "Value": ["a" + filling * 100_000]}}
    assert json_model.unpadded_text(orjson.dumps(made)) == orjson.dumps(json_model.unpadded(made))

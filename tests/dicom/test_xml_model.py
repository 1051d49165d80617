"""The Native DICOM Model: what is in XML is what is in JSON, on all files of pydicom."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import orjson
import pytest

from filmroom.dicom import json_model, part10, xml_model
from tests.dicom.test_oracle import FILES

NS = f"{{{xml_model.NAMESPACE}}}"
PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
NUMBERS = {"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"}


def written(elements: dict[str, Any]) -> Element:
    return ElementTree.fromstring(b"".join(xml_model.write(elements)))


def attribute(**element: Any) -> Element:
    [found] = written({"00100020": {"vr": "LO", **element}})
    return found


def model(data_set: Element) -> dict[str, Any]:
    """The DICOM JSON Model out of the XML: an independent reading of PS3.19 Annex A."""
    return {child.attrib["tag"]: _element(child) for child in data_set}


def _element(child: Element) -> dict[str, Any]:
    vr = child.attrib["vr"]
    found: dict[str, Any] = {"vr": vr}
    values: list[Any] = []
    for one in child:
        kind = one.tag.removeprefix(NS)
        if kind == "BulkData":
            found["BulkDataURI"] = one.attrib["uri"]
        elif kind == "InlineBinary":
            found["InlineBinary"] = one.text
        else:
            number = int(one.attrib["number"])
            values += [None] * (number - 1 - len(values)) + [_value(kind, one)]
    return found | ({"Value": values} if values else {})


def _value(kind: str, one: Element) -> Any:
    if kind == "Item":
        return model(one)
    if kind == "PersonName":
        return {group.tag.removeprefix(NS): _name(group) for group in one}
    return one.text or ""


def _name(group: Element) -> str:
    parts = {part.tag.removeprefix(NS): part.text or "" for part in group}
    return "^".join(parts.get(name, "") for name in PARTS).rstrip("^")


def comparable(elements: dict[str, Any]) -> dict[str, Any]:
    """What XML can say: texts for numbers, no empty value at the end, nothing that is no character."""
    return {key: _comparable(key, element) for key, element in elements.items()}


def _comparable(key: str, element: dict[str, Any]) -> dict[str, Any]:
    vr, values = element["vr"], list(element.get("Value", ()))
    while values and values[-1] is None:
        values.pop()
    if key == xml_model.SPECIFIC_CHARACTER_SET and values:
        values = ["ISO_IR 192"]
    elif vr == "SQ":
        values = [comparable(item) for item in values]
    elif vr == "PN":
        values = [
            value and {group: "^".join(name.split("^", 4)).rstrip("^") for group, name in value.items()}
            for value in values
        ]
    else:
        values = [None if value is None else _text(str(value)) for value in values]
    rest = {name: value for name, value in element.items() if name != "Value"}
    return rest | ({"Value": values} if values else {})


def _text(value: str) -> str:
    return "".join("\ufffd" if character < " " and character not in "\t\n\r" else character for character in value)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_xml_says_what_json_says(path: Path) -> None:
    elements = json_model.write(part10.read(path.read_bytes())).elements
    text = json_model.standard(json_model.format(elements), "http://x/dicomweb/1")
    elements = orjson.loads(text)
    assert model(written(elements)) == comparable(elements)


def test_the_root_and_the_keyword() -> None:
    root = written({"00100020": {"vr": "LO", "Value": ["1"]}})
    assert root.tag == f"{NS}NativeDicomModel"
    assert root[0].attrib == {"tag": "00100020", "vr": "LO", "keyword": "PatientID"}


def test_a_private_attribute_names_its_creator() -> None:
    elements = {"00090010": {"vr": "LO", "Value": ['A "B"']}, "00091001": {"vr": "UN", "InlineBinary": "AA=="}}
    assert [child.attrib.get("privateCreator") for child in written(elements)] == [None, 'A "B"']
    assert "privateCreator" not in written({"00091001": {"vr": "UN"}})[0].attrib


def test_names_in_their_components() -> None:
    name = {"Alphabetic": "Doe^John^^Dr", "Ideographic": "山田^太郎"}
    [person] = written({"00100010": {"vr": "PN", "Value": [name]}})[0]
    assert [(part.tag.removeprefix(NS), part.text) for part in person[0]] == [
        ("FamilyName", "Doe"),
        ("GivenName", "John"),
        ("NamePrefix", "Dr"),
    ]
    assert person[1].tag == f"{NS}Ideographic"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<&>\"'", "<&>\"'"),
        ("a\r\nb\rc\td", "a\r\nb\rc\td"),
        (" spaces ", " spaces "),
        ("page\x0cbreak\x1b\0", "page\ufffdbreak\ufffd\ufffd"),
        ("\ud800\uffff", "\ufffd\ufffd"),
        ("Ärzte 山 \U0001f600", "Ärzte 山 \U0001f600"),
    ],
)
def test_what_xml_cannot_say_is_replaced_and_all_else_kept(value: str, expected: str) -> None:
    assert attribute(Value=[value])[0].text == expected


def test_empty_values_leave_their_numbers() -> None:
    assert [one.attrib["number"] for one in attribute(Value=[None, "2", None, "4"])] == ["2", "4"]
    assert len(attribute()) == 0


def test_the_character_set_is_that_of_the_document() -> None:
    document = b"".join(xml_model.write({"00080005": {"vr": "CS", "Value": ["ISO 2022 IR 6", "ISO 2022 IR 87"]}}))
    assert document.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert b'<Value number="1">ISO_IR 192</Value></DicomAttribute>' in document

"""Structured Reports: every Content Item is a line that says what it holds."""

import base64
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom._uid_dict import UID_dictionary
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from filmroom.dicom import json_model, part10, report_pages, report_values, reports, uids
from filmroom.dicom.reports import Line, Report
from filmroom.errors import NotAcceptable
from tests import data
from tests.data import code, item


def model(made: Dataset) -> json_model.Model:
    return json_model.write(part10.read(data.file(made)))


def read(*inside: Dataset, **attributes: Any) -> Report:
    return reports.read(model(data.report(*inside, **attributes)).elements)


def within(**attributes: Any) -> list[Dataset]:
    """A sequence of one Item."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return [made]


CT = "1.2.840.10008.5.1.4.1.1.2"


def test_the_header_says_whose_report_it_is_and_how_final() -> None:
    verifier = within(VerifyingObserverName="Doe^Jane", VerifyingOrganization="Clinic", VerificationDateTime="20240301")
    made = read(VerificationFlag="VERIFIED", VerifyingObserverSequence=verifier, PatientName="Mous^Anony")
    assert made.title == "Imaging Report"
    assert dict(made.header) == {
        "Patient": "Mous, Anony",
        "Patient ID": "ID1",
        "Birth date": "1970-01-01",
        "Sex": "O",
        "Study date": "2024-02-29",
        "Study": "Knee",
        "Accession number": "A1",
        "Referring physician": "Doctor, Doc",
        "Completion": "COMPLETE",
        "Verification": "VERIFIED",
        "Verified by": "Doe, Jane, Clinic, 2024-03-01",
    }


def test_a_report_without_a_title_is_called_by_its_sop_class() -> None:
    elements = model(data.report(ConceptNameCodeSequence=None)).elements
    assert reports.read(elements).title == "Basic Text SR Storage"
    assert reports.read({}).title == "Report"


def test_the_tree_is_in_order_and_depth() -> None:
    section = item("CONTAINER", "Findings", inside=[item("TEXT", "One"), item("TEXT", "Two", inside=[item("NUM")])])
    made = read(section, item("TEXT", "Three"))
    assert [(line.place, line.depth, line.name, line.section) for line in made.lines] == [
        ("1.1", 0, "Findings", True),
        ("1.1.1", 1, "One", False),
        ("1.1.2", 1, "Two", False),
        ("1.1.2.1", 2, "", False),
        ("1.2", 0, "Three", False),
    ]


def test_what_modifies_a_name_stands_beside_it() -> None:
    side = item("CODE", "Laterality", "HAS CONCEPT MOD", ConceptCodeSequence=code("Left"))
    language = item("CODE", "Language", "HAS CONCEPT MOD", ConceptCodeSequence=code("English"))
    made = read(
        language,
        item("TEXT", "Finding", inside=[side], ObservationDateTime="20240229"),
        item("TEXT", "", inside=[side]),
    )
    assert made.header[-1] == ("Language", "English")
    assert [(line.name, line.value) for line in made.lines] == [
        ("Finding (Laterality: Left, observed 2024-02-29)", ""),
        ("", "(Laterality: Left)"),
    ]


def test_a_modifier_that_is_modified_is_a_line_of_its_own() -> None:
    country = item("CODE", "Country", "HAS CONCEPT MOD", ConceptCodeSequence=code("Austria"))
    made = read(item("CODE", "Language", "HAS CONCEPT MOD", [country], ConceptCodeSequence=code("German")))
    assert [(line.name, line.value) for line in made.lines] == [("Language (Country: Austria)", "German")]


def test_how_a_line_belongs_to_the_one_above_it() -> None:
    relations = ("HAS OBS CONTEXT", "HAS ACQ CONTEXT", "HAS PROPERTIES", "INFERRED FROM", "SELECTED FROM")
    lines = read(*(item("TEXT", "Name", relation) for relation in relations)).lines
    assert [line.before for line in lines] == ["", "acquired with", "", "inferred from", "selected from"]
    assert [line.context for line in lines] == [True, False, False, False, False]


def test_an_item_that_refers_to_another_names_its_place() -> None:
    reference = Dataset()
    reference.RelationshipType, reference.ReferencedContentItemIdentifier = "INFERRED FROM", [1, 1]
    lost = Dataset()
    lost.ReferencedContentItemIdentifier = [1, 9]
    made = read(item("TEXT", "Finding"), item("TEXT", "Impression", inside=[reference, lost]))
    assert [line.refers for line in made.lines] == ["", "", "1.1", "1.9"]
    assert made.referred == {"1.1": "1.1"}


def test_a_reference_to_what_is_no_line_of_its_own_leads_to_where_it_stands() -> None:
    side = item("CODE", "Laterality", "HAS CONCEPT MOD", ConceptCodeSequence=code("Left"))
    language = item("CODE", "Language", "HAS CONCEPT MOD", ConceptCodeSequence=code("English"))
    references = [Dataset() for _ in range(3)]
    for reference, place in zip(references, ([1], [1, 1], [1, 2, 1]), strict=True):
        reference.ReferencedContentItemIdentifier = place
    made = read(language, item("TEXT", "Finding", inside=[side]), *references)
    assert made.referred == {"1": "1", "1.1": "1", "1.2.1": "1.2"}


def test_a_long_text_is_read_in_its_character_set() -> None:
    text = "é" * (2 << 20)
    made = data.report(item("TEXT", "Finding", TextValue=text), SpecificCharacterSet="ISO_IR 100")
    written = model(made)
    assert reports.bulk_texts(written.elements) == ["0040A730/1/0040A160"] == list(written.bulk)
    raw = text.encode("latin-1")
    [line] = reports.read(written.elements, {"0040A730/1/0040A160": raw}).lines
    assert line.value == text


def test_what_nobody_reads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MOST_LINES", 2)
    assert len(read(*[item("TEXT")] * 2).lines) == 2
    with pytest.raises(NotAcceptable, match="more than 2 Content Items"):
        read(*[item("TEXT")] * 3)
    with pytest.raises(NotAcceptable, match="more than 2 Content Items"):
        reports.bulk_texts(model(data.report(*[item("TEXT")] * 3)).elements)
    monkeypatch.setattr(reports, "MOST_CHARACTERS", 9)
    with pytest.raises(NotAcceptable, match="characters is not rendered"):
        read(item("TEXT", "Finding", TextValue="text"))


def test_bulk_texts_are_counted_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MOST_BULK_TEXTS", 1)
    long = {"0040A160": {"vr": "UT", "BulkDataURI": "bulkdata/1"}}
    with pytest.raises(NotAcceptable, match="more than 1 long texts"):
        reports.bulk_texts({"0040A730": {"vr": "SQ", "Value": [long, long]}})


def test_a_root_that_is_no_container_says_what_it_holds() -> None:
    assert read(ValueType="TEXT", TextValue="all").header[-1] == ("Value", "all")


@pytest.mark.parametrize("name", ["reportsi.dcm", "test-SR.dcm"])
def test_real_reports(name: str) -> None:
    path = get_testdata_file(name)
    assert isinstance(path, str)
    with open(path, "rb") as file:
        made = reports.read(json_model.write(part10.read(file.read())).elements)
    assert {"Patient", "Completion", "Verification"} <= dict(made.header).keys()
    assert len(made.lines) > 5
    assert all(line.name or line.value or line.refers or line.section for line in made.lines)


def test_all_reports_of_the_standard_are_of_the_family() -> None:
    named = {uid for uid, entry in UID_dictionary.items() if entry[1] == "SOP Class" and " SR Storage" in entry[0]}
    assert len(named) > 20
    assert all(uid.startswith(uids.REPORTS) for uid in named)


# --- Attributes whose values make no sense

TAGS = re.findall(
    r"\S+",
    """
    00080005 00080016 0040A040 0040A010 0040A043 0040A168 004008EA 0040A301 00080100 00080102 00080104 0040A300
    0040A30A 0040A730 0040A160 00081199 00700022 00700023 00081150 00081155 0040DB73 0040A032 00100010 00100030
    0040A073 0040A075 0040A120 0040A121 0040A122 0040A123 0040A124 00081160 0040A130 0040A138 0040A802
    """,
)
VALUES = st.one_of(
    st.sampled_from(
        [*report_values.VALUES, "HAS CONCEPT MOD", "INFERRED FROM", "UCUM", "{x}", "ISO 2022 IR 87", CT, None]
    ),
    st.text(max_size=8),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
)


def elements_of(items: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of the attributes that a report is read from, of any VR and with any value that such a one has."""
    vrs = st.sampled_from(["CS", "LO", "UT", "UI", "DA", "TM", "DT", "DS", "IS", "FL", "UL", "US", "UN"])
    plain = st.builds(lambda vr, value: {"vr": vr, "Value": value}, vrs, st.lists(VALUES, max_size=3))
    names = st.dictionaries(st.sampled_from(["Alphabetic", "Phonetic"]), st.text(max_size=5))
    name = st.builds(lambda value: {"vr": "PN", "Value": value}, st.lists(names | st.none(), max_size=2))
    sequence = st.builds(lambda value: {"vr": "SQ", "Value": value}, st.lists(items, max_size=3))
    others = st.sampled_from(
        [
            {"vr": "UT", "BulkDataURI": "bulkdata/0040A730/1/0040A160"},
            {"vr": "OB", "InlineBinary": base64.b64encode(b"x").decode()},
            {"vr": "SQ"},
        ]
    )
    return st.dictionaries(st.sampled_from(TAGS), st.one_of(plain, name, sequence, others), max_size=6)


NOTHING: st.SearchStrategy[dict[str, Any]] = st.just({})


@settings(max_examples=300)
@given(elements=st.recursive(NOTHING, elements_of, max_leaves=15))
def test_attributes_of_any_kind_are_shown(elements: dict[str, Any]) -> None:
    with suppress(NotAcceptable):
        made = reports.read(elements, dict.fromkeys(reports.bulk_texts(elements), b"\x1b$B\xff text"))
        assert all(isinstance(line, Line) for line in made.lines)
        report_pages.html(made), report_pages.text(made)

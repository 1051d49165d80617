"""Reports as XML: the tree of Content Items, whatever stands in them."""

from xml.etree.ElementTree import fromstring

from filmroom.dicom.report_xml import xml
from filmroom.dicom.reports import Line, Report

EVIL = "<b>&\"'\x00\x0b\ud800"


def test_items_stand_in_each_other_as_in_the_report() -> None:
    lines = (Line("1", 0, "Findings", "", section=True), Line("1.1", 1, "Size", "3 mm"), Line("2", 0, "End", "ok"))
    root = fromstring(xml(Report("Title", (("Patient", "Doe"),), lines, {})))
    assert (root.get("title"), root.findtext("field")) == ("Title", "Doe")
    assert [item.get("name") for item in root.findall("item")] == ["Findings", "End"]
    assert root.findtext("item/item[@name='Size']/value") == "3 mm"


def test_what_xml_does_not_have_is_replaced() -> None:
    line = Line("1", 0, EVIL, EVIL, before="inferred from", refers="1.2")
    [item] = fromstring(xml(Report(EVIL, ((EVIL, EVIL),), (line,), {}))).findall("item")
    assert item.findtext("value") == "<b>&\"'\ufffd\ufffd\ufffd"
    assert (item.get("relation"), item.get("refers")) == ("inferred from", "1.2")

"""A report as XML for programs: its header, and its Content Items inside each other as in the report."""

from xml.etree.ElementTree import Element, SubElement, tostring

from filmroom.dicom.reports import Line, Report
from filmroom.dicom.xml_model import printable


def xml(report: Report) -> bytes:
    """The report in UTF-8. Names of elements are ours: PS3.18 §8.7.4 asks for text/xml and says no schema."""
    root = Element("report", {"title": printable(report.title)})
    for name, value in report.header:
        SubElement(root, "field", {"name": printable(name)}).text = printable(value)
    opened = [(-1, root)]  # depth, and what is at it
    for line in report.lines:
        while opened[-1][0] >= line.depth:
            opened.pop()
        opened.append((line.depth, SubElement(opened[-1][1], "item", _attributes(line))))
        if line.value:
            SubElement(opened[-1][1], "value").text = printable(line.value)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _attributes(line: Line) -> dict[str, str]:
    told = {"place": line.place, "name": line.name, "relation": line.before, "refers": line.refers}
    return {name: printable(text) for name, text in told.items() if text}

"""No XML is read anywhere, so no entity is expanded and no file or address is fetched for one."""

import ast
from pathlib import Path

import httpx2
import pytest

from tests.messages import BOUNDARY, body

SOURCE = Path(__file__).parents[2] / "src"
WRITERS = {"Element", "ElementTree", "SubElement", "tostring", "escape", "quoteattr", "indent"}
READERS = {"parse", "fromstring", "fromstringlist", "iterparse", "XMLParser", "XMLPullParser", "XML", "make_parser"}
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b "&a;&a;">]>'
    b"<NativeDicomModel>&b;</NativeDicomModel>"
)


def test_nothing_reads_xml() -> None:
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("xml", "lxml", "defusedxml")):
                assert {alias.name for alias in node.names} <= WRITERS, path
            elif isinstance(node, ast.Import):
                assert not [alias.name for alias in node.names if alias.name.startswith(("xml", "lxml"))], path
            elif isinstance(node, ast.Attribute) and node.attr in READERS and isinstance(node.value, ast.Name):
                assert node.value.id != "ElementTree", path


@pytest.mark.parametrize("path", ["/dicomweb/studies", "/v2/studies"])
def test_xml_is_not_received(http: httpx2.Client, path: str) -> None:
    xml = {"Content-Type": "application/dicom+xml"}
    assert http.post(path, content=BOMB, headers=xml).status_code == 415
    related = {"Content-Type": f'multipart/related; type="application/dicom+xml"; boundary={BOUNDARY}'}
    answer = http.post(path, content=body(BOMB, head="Content-Type: application/dicom+xml"), headers=related)
    assert answer.status_code == 415

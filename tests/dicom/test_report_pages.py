"""Reports as pages: nothing that a report says is taken for more than text."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from types import MappingProxyType

from filmroom.dicom import report_pages
from filmroom.dicom.reports import Line, Report

EVIL = "<script>alert(1)</script>\"'&"
VOID = {"meta"}


class Checker(HTMLParser):
    """Refuses tags that are not closed in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def report(*lines: Line, title: str = "Title", referred: Mapping[str, str] = MappingProxyType({})) -> Report:
    return Report(title, (("Patient", "Doe"),), lines, referred)


def checked(made: Report) -> Checker:
    checker = Checker()
    checker.feed(report_pages.html(made).decode())
    checker.close()
    assert checker.open == []
    return checker


def test_a_page_says_its_character_set_and_loads_nothing() -> None:
    page = report_pages.html(report()).decode()
    assert page.startswith('<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">')
    assert not re.search(r"https?:|src=|url\(|@import|<script|<link", page)
    assert "Doe" not in page.partition("</head>")[0]


def test_what_is_written_is_only_text() -> None:
    line = Line("1.1", 0, EVIL, EVIL, refers=EVIL)
    section = Line("1.2", 0, EVIL, "", section=True)
    checker = checked(Report(EVIL, ((EVIL, EVIL),), (line, section), {}))
    assert "script" not in checker.seen
    assert checker.text.count(EVIL) == 8


def test_what_a_line_contains_is_inside_of_it() -> None:
    lines = [
        Line("1.1", 0, "Findings", "", section=True),
        Line("1.1.1", 1, "Mass", "yes"),
        Line("1.1.1.1", 2, "Size", "3 mm"),
        Line("1.2", 0, "End", "", context=True),
    ]
    page = report_pages.html(report(*lines)).decode()
    assert re.sub(r"\s+", " ", page.partition("<main>")[2].partition("</main>")[0]).strip() == (
        "<section><h2>Findings</h2> <div><p><b>Mass:</b> <span>yes</span></p> <div><p><b>Size:</b> "
        '<span>3 mm</span></p> </div> </div> </section> <div class="context"><p><b>End:</b> <span>–</span></p> </div>'
    )


def test_depth_has_no_end_to_fear() -> None:
    lines = [Line("1", depth, "Deep", "", section=depth % 2 == 0) for depth in range(2000)]
    checked(report(*lines))
    assert len(report_pages.text(report(*lines)).splitlines()[-1]) < 40


def test_references_are_links_if_there_is_what_they_refer_to() -> None:
    lines = [Line("1.1", 0, "Mass", "yes"), Line("1.2", 0, "", "", refers="1.1", before="inferred from")]
    page = report_pages.html(report(*lines, referred={"1.1": "1.1"})).decode()
    assert '<div id="item-1.1"><p><b>Mass:</b> <span>yes</span> [1.1]</p>' in page
    assert '<i>inferred from</i> <span>see <a href="#item-1.1">[1.1]</a></span>' in page
    assert "see [1.1]</span>" in report_pages.html(report(lines[1])).decode()


def test_what_stands_in_another_line_or_is_the_whole_is_linked_to() -> None:
    lines = [
        Line("1.1", 0, "Mass (Side: Left)", "yes"),
        Line("1.2", 0, "", "", refers="1.1.1"),
        Line("1.3", 0, "", "", refers="1"),
    ]
    made = report(*lines, referred={"1.1.1": "1.1", "1": "1"})
    page = report_pages.html(made).decode()
    assert '<h1 id="item-1">Title [1]</h1>' in page
    assert '<div id="item-1.1"><p><b>Mass (Side: Left):</b> <span>yes</span> [1.1.1]</p>' in page
    assert 'see <a href="#item-1.1">[1.1.1]</a>' in page
    assert 'see <a href="#item-1">[1]</a>' in page
    assert (
        report_pages.text(made)
        .decode()
        .startswith("Title [1]\n=========\nPatient: Doe\n\nMass (Side: Left): yes [1.1.1]\n")
    )


def test_plain_text() -> None:
    lines = [
        Line("1.1", 0, "Observer", "Doe"),
        Line("1.2", 0, "Findings", "", section=True),
        Line("1.2.1", 1, "Mass", "one\n\ntwo"),
        Line("1.2.1.1", 2, "", "CT 1.2.3", before="inferred from"),
        Line("1.2.2", 1, "", "", section=True),
        Line("1.2.2.1", 2, "", "", refers="1.1"),
        Line("1.3", 0, "Größe", "3 mm"),
    ]
    made = report_pages.text(report(*lines, referred={"1.1": "1.1"})).decode()
    assert made == (
        "Title\n=====\nPatient: Doe\n\nObserver: Doe [1.1]\n\nFindings\n  Mass:\n    one\n\n    two\n"
        "    inferred from CT 1.2.3\n\n    see [1.1]\n\nGröße: 3 mm\n"
    )

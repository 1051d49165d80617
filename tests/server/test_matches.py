"""What answers to searches say of pages."""

import pytest

from filmroom.dicom.order import Place
from filmroom.dicom.query import Query
from filmroom.dicom.resources import Level, Resource
from filmroom.server.matches import page_headers, page_warnings
from filmroom.services.search import Found

URL = "https://pacs.example/dicomweb/studies"


def query(*, own_limit: bool = False) -> Query:
    return Query(Level.STUDY, Resource(), (), frozenset(), False, 100, 0, own_limit=own_limit)


def found(end: Place | None = None, total: int | None = None) -> Found:
    return Found(iter(()), False, total, end)


@pytest.mark.parametrize(("own", "end", "said"), [(True, (1,), True), (True, None, False), (False, (1,), False)])
def test_who_did_not_choose_the_limit_is_told_that_it_cut(own: bool, end: Place | None, said: bool) -> None:
    warnings = page_warnings(query(own_limit=own), found(end))
    assert ["additional results" in text for text in warnings] == [True] * said


def test_the_last_page_has_no_link() -> None:
    assert page_headers(query(), found(), b"secret", URL, []) == {}
    assert page_headers(query(), found(total=0), b"secret", URL, []) == {"X-Total-Count": "0"}


def test_a_link_is_a_header_whatever_was_asked_for() -> None:
    asked = [("PatientName", 'a>"\r\nX: 1;,é山'), ("Offset", "5"), ("CURSOR", "before")]
    link = page_headers(query(), found((7,)), b"secret", URL, asked)["Link"]
    assert link.startswith(f"<{URL}?PatientName=a%3E%22%0D%0AX%3A+1%3B%2C%C3%A9%E5%B1%B1&cursor=")
    assert link.endswith('>; rel="next"')
    assert link.isascii()
